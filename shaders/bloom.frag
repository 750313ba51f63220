// Bright parts shine over their surroundings, as in a lens. In linear light; never clips.

uniform float amount;     // 0..3 = 0.8 | strength of the glow
uniform float threshold;  // 0..1 = 0.7 | the light from which parts glow
uniform float spread;     // 0..0.95 = 0.78 | how wide the glow is
uniform float warmth;     // -1..1 = 0.15 | colour of the glow: cold, its own, warm

vec4 prepare(vec2 uv) {
    vec3 light = to_light(texture(frame, uv).rgb);
    float peak = max(light.r, max(light.g, light.b));
    float from = threshold * threshold;  // light, of a displayed value
    float over = max(0.0, peak - from) / (1.0 - from + 0.05);
    return vec4(light * over * over / (over * over + 0.05) , 1.0);
}

vec4 effect(vec2 uv) {
    vec3 light = to_light(texture(frame, uv).rgb);
    vec3 shine = glow(uv) * (1.0 + warmth * vec3(0.4, 0.0, -0.4));
    return vec4(from_light(add_light(light, amount * shine)), 1.0);
}
