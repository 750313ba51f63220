// Cut from paper: few flat colours, each layer with a fine shadow on the one below.

uniform float levels;  // 2..12 = 5 | sheets of paper
uniform float vivid;   // 0..2 = 1.25 x | how colourful the paper is
uniform float shadow;  // 0..1 = 0.6 | how deep the layers lie
uniform float calm;    // 0..8 = 3 px | how smoothly they are cut, on a 720-line screen

float sheet_at(vec2 uv) {
    vec2 d = calm * LINE * vec2(resolution.y / resolution.x, 1.0);
    float sum = 0.4 * luma(look(uv));
    sum += 0.15 * (luma(look(uv + d)) + luma(look(uv - d)));
    sum += 0.15 * (luma(look(uv + d * vec2(1, -1))) + luma(look(uv + d * vec2(-1, 1))));
    return sqrt(clamp(sum, 0.0, 1.0));
}

vec4 effect(vec2 uv) {
    float count = max(2.0, floor(levels + 0.5));
    float t = sheet_at(uv) * (count - 0.001);
    float sheet = floor(t), far = t - sheet;
    float wide = 0.6 * fwidth(t) + 1e-4;
    sheet += smoothstep(1.0 - wide, 1.0, far);  // the cut, one pixel wide
    vec2 d = 5.0 * LINE * vec2(resolution.y / resolution.x, -1.0);
    float over = clamp(floor(sheet_at(uv - d) * (count - 0.001)) - sheet, 0.0, 1.0);
    vec3 lab = to_lab(look(uv));
    float l = (sheet + 0.5) / count;
    float chroma = length(lab.yz);
    float flat_ = floor(chroma * 20.0 + 0.7) / 20.0;
    float turn_ = TAU / 14.0;
    float h = floor(atan(lab.z, lab.y) / turn_ + 0.5) * turn_;
    l = mix(0.12, 0.96, l * l * 0.35 + l * 0.65) * (1.0 - 0.3 * shadow * over);
    return vec4(from_lab(vec3(l, vivid * flat_ * vec2(cos(h), sin(h)))), 1.0);
}
