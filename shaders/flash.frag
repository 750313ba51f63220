// A soft swell of light, never a strobe: at its defaults once every two beats.

// flickers

uniform float amount;  // 0..1 = 0.35 | how bright
uniform float beats;   // 1..16 = 2 | beats from swell to swell
uniform float fall;    // 0.05..2 = 0.5 | beats until it has fallen to a third
uniform float tint;    // 0..360 = 60 deg | hue of the light

vec4 effect(vec2 uv) {
    float since = mod(beat, beats);
    float rise = smoothstep(0.0, 0.08, since);
    float swell = amount * rise * exp(-since / fall);
    vec3 c = to_light(texture(frame, uv).rgb);
    float middle = exp(-2.0 * dot(centre(uv), centre(uv)));
    vec3 lamp = to_light(oklch(0.9, 0.06, tint));
    return vec4(from_light(add_light(c, swell * middle * (1.4 * c + 0.12 * lamp))), 1.0);
}
