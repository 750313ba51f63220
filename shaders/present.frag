// Always last: onto the screen, with the brightness, and dithered so that 8 bits show no bands.
// QUICK leaves that out: where a CPU draws, this is the dearest pass, and what comes in has 8 bits.

vec4 effect(vec2 uv) {
    vec3 c = clamp(texture(frame, uv).rgb, 0.0, 1.0);
    // Darker: in proportion. Brighter: the shadows are lifted and the lights do not clip.
    c = c * min(brightness, 1.0) + max(0.0, brightness - 1.0) * c * (1.0 - c);
#ifdef QUICK
    return vec4(c, 1.0);
#endif
    // Interleaved gradient noise (Jimenez 2014), less than half a step of 8 bits, so that these come out as they went in.
    vec2 pixel = floor(gl_FragCoord.xy);
    float grain = fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
    return vec4(c + (grain - 0.5) * 0.7 / 255.0, 1.0);
}
