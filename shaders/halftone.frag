// Printed: dots of four inks, each screen at its own angle, on paper.

uniform float size;    // 3..40 = 9 px | from dot to dot, on a 720-line screen
uniform float angle;   // -45..45 = 0 deg | turn of all screens
uniform float ink;     // 0..1 = 0.9 | how strong the inks are
uniform float paper;   // 0.2..1 = 0.92 | light of the paper

// How much of a place a screen of dots covers with ink; `want` 0..1 of the area.
float dots(vec2 p, float degrees, float want) {
    vec2 q = turn(p, radians(degrees)) / (size * LINE) * PI;
    float wave = 0.5 + 0.25 * (cos(q.x * 2.0) + cos(q.y * 2.0));
    float soft_edge = clamp(2.2 / (size * LINE * resolution.y), 0.03, 0.5);
    return smoothstep(-soft_edge, soft_edge, wave - (1.0 - want)) * smoothstep(0.0, 0.06, want);
}

vec4 effect(vec2 uv) {
    vec2 p = turn(centre(uv), radians(angle));
    vec3 cmy = 1.0 - look(uv);
    float black = min(cmy.x, min(cmy.y, cmy.z));
    cmy = (cmy - 0.7 * black) / (1.0 - 0.7 * black + 1e-3);
    vec3 c = vec3(paper) * vec3(1.0, 0.99, 0.96);
    c *= mix(vec3(1.0), vec3(0.0, 0.68, 0.94), ink * dots(p, 15.0, cmy.x));
    c *= mix(vec3(1.0), vec3(0.93, 0.05, 0.55), ink * dots(p, 75.0, cmy.y));
    c *= mix(vec3(1.0), vec3(1.0, 0.93, 0.05), ink * dots(p, 0.0, cmy.z));
    c *= mix(1.0, 0.08, ink * dots(p, 45.0, black * black));
    return vec4(c, 1.0);
}
