// Graded as for the cinema: teal shadows, amber lights, deep but not crushed.

uniform float amount;   // 0..1 = 1 | how much is graded
uniform float shadow;   // 0..360 = 215 deg | hue of the shadows
uniform float light;    // 0..360 = 70 deg | hue of the lights
uniform float tint;     // 0..0.15 = 0.06 | how far both are tinted
uniform float depth;    // -1..1 = 0.35 | how deep the shadows are: faded, as they are, deep
uniform float bleach;   // 0..1 = 0.1 | silver left in the film: less colour, more contrast

vec4 effect(vec2 uv) {
    vec3 c = texture(frame, uv).rgb;
    vec3 lab = to_lab(c);
    float l = clamp(lab.x, 0.0, 1.0);
    // A toe and a shoulder; at 0 a straight line.
    float s = l * l * (3.0 - 2.0 * l);
    float deep = depth >= 0.0 ? mix(l, s * mix(0.75, 1.0, l), depth)
                              : mix(l, 0.14 + 0.8 * l, -depth);
    deep = mix(deep, deep * deep * (3.0 - 2.0 * deep), 0.6 * bleach);
    float low = radians(shadow), high = radians(light);
    vec2 tone = mix(vec2(cos(low), sin(low)), vec2(cos(high), sin(high)), smoothstep(0.3, 0.8, l));
    float room = smoothstep(0.0, 0.25, deep) * (1.0 - deep * deep * deep);  // black stays black
    vec2 ab = lab.yz * (1.0 - 0.75 * bleach) * (1.0 - 0.3 * step(0.01, tint)) + tint * room * tone;
    return vec4(mix(c, from_lab(vec3(deep, ab)), amount), 1.0);
}
