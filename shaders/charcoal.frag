// Drawn in charcoal on paper: shading that follows the stroke, and dark contours.

uniform float amount;   // 0..1 = 1 | how much is drawn
uniform float size;     // 1..8 = 2.5 px | of a stroke, on a 720-line screen
uniform float dark;     // 0..2 = 1 | how hard it is pressed
uniform float tint;     // 0..1 = 0.15 | how much of the picture's colour stays

vec4 effect(vec2 uv) {
    vec2 d = 0.6 * size * LINE * vec2(resolution.y / resolution.x, 1.0);
    vec3 c = look(uv);
    float ne = luma(look(uv + d)), sw = luma(look(uv - d));
    float nw = luma(look(uv + d * vec2(-1, 1))), se = luma(look(uv + d * vec2(1, -1)));
    float contour = smoothstep(0.03, 0.35, length(vec2(ne + se - nw - sw, nw + ne - sw - se)));
    // The grain of the paper, and strokes along a diagonal that bends a little.
    vec2 p = centre(uv) / (LINE * size);
    vec2 q = turn(p, 0.9 + 0.25 * noise(p * 0.004));
    float strokes = 0.5 + 0.35 * bumps(vec2(q.x * 0.05, q.y * 0.55), 3.0).x;
    float tooth = 0.5 + 0.5 * bumps(p * 0.9, 7.0).x;
    float tone = pow(clamp(0.25 * (ne + nw + se + sw), 0.0, 1.0), 0.8);
    float want = clamp(dark * (1.05 - 1.15 * tone), 0.0, 1.0);  // 1 is black
    float coal = smoothstep(0.0, 0.75, want - 0.45 * mix(strokes, tooth, 0.45) + 0.25 * want);
    coal = max(coal, dark * contour * (0.45 + 0.55 * tooth));
    vec3 paper = vec3(0.90, 0.87, 0.81) * (0.97 + 0.03 * tooth);
    vec3 drawn_ = mix(paper, vec3(0.07, 0.065, 0.07), clamp(coal, 0.0, 1.0));
    drawn_ = mix(drawn_, drawn_ * (0.35 + c), tint);
    return vec4(mix(c, drawn_, amount), 1.0);
}
