// Cuts of light on the beat: the picture leaps out of the dark, its edges first. It is soft-edged,
// slow enough for every eye at its defaults, and the flash limiter has the last word.

// flickers

uniform float amount;  // 0..1 = 0.75 | how dark it is between
uniform float beats;   // 0.125..4 = 1 | beats from cut to cut
uniform float fall;    // 0.05..1 = 0.55 | how much of that time the light takes to fall
uniform float negative; // 0..1 = 0 | how much every other cut is a negative
uniform float lift;    // 0..2 = 0.35 | how much light a cut adds

vec4 effect(vec2 uv) {
    float turns = beat / beats, since = fract(turns);
    float on = smoothstep(0.0, 0.06, since) * exp(-3.0 * since / max(fall, 0.01));
    on = max(on, 1.0 - smoothstep(0.0, 0.06, since)) * smoothstep(1.0, 0.94, since) + smoothstep(0.94, 1.0, since);
    vec3 c = texture(frame, uv).rgb;
    float odd = step(0.5, fract(0.5 * floor(turns) + 0.25));
    c = mix(c, turn_hue(1.0 - c, 180.0), negative * odd);
    vec3 light = to_light(c);
    float l = luma(light);
    // Light leaves the shadows first and the lights last, as in an eye.
    float stay = mix(1.0, on + (1.0 - on) * 0.5 * l * l, amount);
    return vec4(from_light(add_light(vec3(0.0), light * stay * (1.0 + lift * on) * 1.1)), 1.0);
}
