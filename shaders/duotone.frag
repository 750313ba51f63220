// Two inks on one sheet, as on a concert poster; the hues can follow the music.

uniform float dark;      // -360..720 = 262 deg | hue of the dark ink
uniform float bright;    // -360..720 = 140 deg | hue of the light ink
uniform float hard; // 0..1.6 = 1 | how hard the two part
uniform float balance;   // -1..1 = 0 | which of the two has more of the sheet
uniform float react;     // 0..1 = 0.25 | how much the lows push the light one

vec4 effect(vec2 uv) {
    float l = clamp(to_lab(texture(frame, uv).rgb).x + 0.25 * balance, 0.0, 1.0);
    l = mix(l, smoothstep(0.22, 0.78, l), 0.6 * hard);
    l = clamp(l + react * 0.25 * (low - 0.5) * l, 0.0, 1.0);
    float a = radians(dark), b = radians(bright);
    vec3 ink = vec3(0.20, 0.13 * vec2(cos(a), sin(a)));
    vec3 sheet = vec3(0.93, 0.09 * vec2(cos(b), sin(b)));
    // Between them the lighter ink at its most vivid, as where two inks overlap.
    vec3 both = vec3(0.62, 0.20 * normalize(mix(vec2(cos(a), sin(a)), vec2(cos(b), sin(b)), 0.65) + 1e-4));
    vec3 lab = l < 0.55 ? mix(ink, both, smoothstep(0.0, 1.0, l / 0.55))
                        : mix(both, sheet, smoothstep(0.0, 1.0, (l - 0.55) / 0.45));
    return vec4(from_lab(lab), 1.0);
}
