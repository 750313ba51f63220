// Always last but one, and only when one of them is moved: hue, saturation and contrast. In OKLab,
// so that a turn of the hue keeps the lightness, and what no screen can show is made greyer.

vec4 effect(vec2 uv) {
    vec3 lab = to_lab(texture(frame, uv).rgb);
    lab.yz = turn(lab.yz, radians(hue)) * saturation;
    // An S-curve through the middle: flat at contrast 0, the identity at 1, never clipping.
    float l = clamp(lab.x, 1e-4, 1.0 - 1e-4);
    l = 1.0 / (1.0 + pow((1.0 - l) / l, contrast));
    return vec4(from_lab(vec3(l, lab.yz * sqrt(contrast))), 1.0);
}
