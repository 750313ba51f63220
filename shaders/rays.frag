// Shafts of light: what is bright shines outward from a point, as through dust.

uniform float amount;     // 0..3 = 0.8 | light of the shafts
uniform float threshold;  // 0..1 = 0.65 | the light from which parts shine
uniform float reach;      // 0.1..1 = 0.6 | how far they reach
uniform float stroll;     // 0..1 = 0.4 | how far their source wanders

vec4 prepare(vec2 uv) {
    vec3 light = to_light(texture(frame, uv).rgb);
    float from = threshold * threshold;
    return vec4(light * smoothstep(from, from + 0.35, max(light.r, max(light.g, light.b))), 1.0);
}

vec4 effect(vec2 uv) {
    vec2 lamp = 0.5 + 0.35 * stroll * vec2(cos(0.19 * time), sin(0.26 * time) + 0.3);
    // Each pixel begins the walk elsewhere, so that few steps show no bands.
    float jitter = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
    vec3 sum = vec3(0.0);
    for (int i = 0; i < 7; i++) {
        float t = (float(i) + jitter) / 7.0;
        sum += texture(soft, mix(uv, lamp, t * reach)).rgb * (1.0 - t);
    }
    vec3 light = to_light(texture(frame, uv).rgb);
    return vec4(from_light(add_light(light, amount * sum * (2.0 / 7.0))), 1.0);
}
