// Film grain: strongest in the middle tones, new 24 times a second.

uniform float amount;  // 0..1 = 0.3 | strength
uniform float size;    // 1..6 = 1.6 px | of a grain, on a 720-line screen
uniform float tint;    // 0..1 = 0.3 | 0 grey grains, 1 coloured ones

float speck(vec2 cell, float seed) {  // four dice: nearly a bell curve, deviation 1
    uint h = scramble(vec3(cell, seed));
    vec4 dice = vec4(h & 255u, (h >> 8u) & 255u, (h >> 16u) & 255u, h >> 24u) / 255.0;
    return (dot(dice, vec4(1.0)) - 2.0) * 1.732;
}
float grains(vec2 p, float seed) {
    vec2 c = floor(p), f = smoothstep(0.0, 1.0, p - c);
    return mix(mix(speck(c, seed), speck(c + vec2(1, 0), seed), f.x),
               mix(speck(c + vec2(0, 1), seed), speck(c + vec2(1, 1), seed), f.x), f.y);
}

vec4 effect(vec2 uv) {
    vec3 c = texture(frame, uv).rgb;
    float now = floor(time * 24.0) * 4.0;
    vec2 p = centre(uv) / (LINE * size) + 4096.0;
    vec3 n = vec3(grains(p, now));
    if (tint > 0.0) n = mix(n, vec3(n.x, grains(p, now + 1.0), grains(p, now + 2.0)), tint);
    float l = luma(c);
    return vec4(clamp(c + 0.14 * amount * n * (0.25 + 3.0 * l * (1.0 - l)), 0.0, 1.0), 1.0);
}
