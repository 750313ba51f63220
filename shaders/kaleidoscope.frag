// Mirrored wedges around the middle, folded again into a lattice, slowly wandering over the picture.

uniform float segments;  // 1..24 = 6 | mirrored wedges
uniform float folds;     // 0..4 = 1 | how often each wedge is folded again
uniform float reach;     // 0.2..3 = 1.2 x | how much of the picture is seen
uniform float spin;      // -90..90 = 4 deg/s | how fast the mirrors turn
uniform float stroll;    // 0..1 = 0.3 | how far the mirrors wander over the picture

vec4 effect(vec2 uv) {
    float wedge = TAU / max(1.0, round(segments));
    vec2 p = centre(uv);
    float r = length(p), a = atan(p.y, p.x) + radians(spin) * time;
    a = abs(mod(a, wedge) - 0.5 * wedge);
    vec2 q = r * vec2(cos(a), sin(a));
    for (int i = 0; i < int(round(folds)); i++) q = turn(abs(q - vec2(0.3, 0.12)), 0.7);
    q = turn(reach * q, 0.05 * time) + 0.5 * stroll * vec2(cos(0.11 * time), sin(0.17 * time));
    return vec4(look(uncentre(q)), 1.0);
}
