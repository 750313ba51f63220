// A flight down a pipe whose wall is the picture, without end and without a seam.

uniform float pace;   // -2..2 = 0.25 | pictures passed a beat
uniform float twist;  // -2..2 = 0.25 | turns a depth of one
uniform float sides;  // 1..8 = 2 | mirrored pictures around the wall
uniform float fog;    // 0..1 = 0.8 | how dark the far end is

vec4 effect(vec2 uv) {
    vec2 p = centre(uv);
    p += 0.06 * vec2(sin(0.31 * time), cos(0.23 * time));
    float r = length(p);
    float depth = 0.35 / max(r, 1e-3);
    float deep = log2(depth + 0.02);
    float a = atan(p.y, p.x) / TAU + twist * 0.25 * deep;
    vec2 q = vec2(a * 2.0 * round(sides), deep * 0.8 + pace * beat);
    // The seam of atan would choose a wrong level of detail; the picture has none, so it is safe.
    vec3 light = to_light(look(q));
    float far = exp(-fog * 0.35 * depth);
    return vec4(from_light(light * mix(1.0, far, step(0.001, fog))), 1.0);
}
