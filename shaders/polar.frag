// The picture bent into a ring, its mirror image closing it, like a little planet.

uniform float amount;  // 0..1 = 1 | from the flat picture to the ring
uniform float repeat;  // 1..8 = 1 | pictures around
uniform float inner;   // 0..0.8 = 0.12 | radius of the hole, in screen heights
uniform float spin;    // -90..90 = 6 deg/s | how fast it turns
uniform float pulse;   // 0..1 = 0.3 | how much the lows swell it

vec4 effect(vec2 uv) {
    vec2 p = centre(uv);
    float r = length(p) / (1.0 + 0.35 * pulse * (low - 0.5));
    float a = (atan(p.x, -p.y) + radians(spin) * time) / TAU;
    vec2 q = vec2(2.0 * a * max(1.0, round(repeat)), (r - inner) / (0.95 - 0.5 * inner));
    q.y = abs(q.y);
    vec2 flat_ = mix(uv, q, smoothstep(0.0, 1.0, amount));
    vec3 light = to_light(look(flat_));
    float rim = smoothstep(0.0, 0.16, abs(r - inner) + 0.05);
    return vec4(from_light(light * mix(1.0, rim, amount)), 1.0);
}
