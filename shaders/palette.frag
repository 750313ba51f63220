// Dark to light becomes a walk through colours: from the hue of the shadows to that of the lights.

uniform float shadow;  // -180..360 = 285 deg | hue of the shadows
uniform float light;   // -180..420 = 50 deg | hue of the lights
uniform float chroma;  // 0..0.3 = 0.16 | how colourful
uniform float keep;    // 0..1 = 0.15 | how much of the picture's own colour stays

vec4 effect(vec2 uv) {
    vec3 lab = to_lab(texture(frame, uv).rgb);
    float l = clamp(lab.x, 0.0, 1.0);
    // The short way around; the shadows sink and the lights pale, as inks do.
    float way = mod(light - shadow + 180.0, 360.0) - 180.0;
    float h = radians(shadow + way * smoothstep(0.1, 0.95, l));
    float c = chroma * smoothstep(0.0, 0.35, l) * (1.0 - 0.75 * smoothstep(0.6, 1.0, l));
    vec2 ab = mix(c * vec2(cos(h), sin(h)), lab.yz, keep);
    return vec4(from_lab(vec3(mix(l, l * l * (3.0 - 2.0 * l), 0.5), ab)), 1.0);
}
