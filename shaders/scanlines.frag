// A picture tube: lines, a fine mask of three colours, a slightly bulging glass.

uniform float amount;  // 0..1 = 0.6 | depth of the lines
uniform float lines;   // 60..480 = 180 | on the screen
uniform float bulge;   // 0..1 = 0.3 | of the glass
uniform float mask;    // 0..1 = 0.25 | of the three colours

vec4 effect(vec2 uv) {
    vec2 p = (uv - 0.5) * 2.0;
    p *= 1.0 + bulge * 0.12 * p.yx * p.yx;
    vec2 q = p * 0.5 + 0.5;
    vec2 edge = smoothstep(vec2(0.0), vec2(0.012), 0.5 - abs(q - 0.5));
    vec3 light = to_light(look(q)) * (bulge > 0.0 ? edge.x * edge.y : 1.0);
    // Bright lines are wider, as the beam is; none finer than the screen can show.
    float count = min(lines, resolution.y / 3.0);
    float y = abs(fract(q.y * count) - 0.5) * 2.0;
    vec3 wide = mix(vec3(2.4), vec3(0.5), sqrt(light));
    vec3 beam = exp(-wide * y * y);
    vec3 mean = 1.0 / (1.0 + 0.30 * wide);
    light *= mix(vec3(1.0), beam / mean, amount);
    vec3 third = 1.0 + mask * (1.0 - light) * cos(TAU * (gl_FragCoord.x / 3.0 - vec3(0.0, 1.0, 2.0) / 3.0));
    return vec4(from_light(min(light * third, 1.0)), 1.0);
}
