// A terminal: letters of light, as bright as the picture behind them.

uniform float size;    // 8..48 = 20 px | of a letter's height, on a 720-line screen
uniform float colours; // 0..1 = 0.75 | 0 one phosphor, 1 the picture's colours
uniform float phosphor;    // 0..360 = 145 deg | of the phosphor
uniform float back;    // 0..1 = 0.18 | how much of the picture stays behind
uniform float rain;    // 0..1 = 0.25 | how much light runs down the columns with the beat

// Ten letters of 5x5 by rising ink: space . : - = + * # % @, a bit a dot.
const int LETTERS[10] = int[](0, 4194304, 131200, 14336, 459200,
                              4357252, 22511061, 11512810, 27070835, 32429998);

float letter(int which, vec2 p) {
    ivec2 dot_ = ivec2(floor(p * vec2(6.0, 7.0))) - ivec2(0, 1);
    if (any(lessThan(dot_, ivec2(0))) || any(greaterThan(dot_, ivec2(4)))) return 0.0;
    vec2 in_ = fract(p * vec2(6.0, 7.0)) - 0.5;
    float lit = float((LETTERS[which] >> (dot_.x + 5 * (4 - dot_.y))) & 1);
    return lit * smoothstep(0.85, 0.45, length(in_));
}

vec4 effect(vec2 uv) {
    vec2 cell = vec2(0.72, 1.0) * max(size * LINE, 7.0 / resolution.y);
    vec2 p = centre(uv) / cell, home = floor(p);
    vec3 c = look(uncentre((home + 0.5) * cell));
    float l = clamp(luma(c), 0.0, 1.0);
    float drop = fract(hash(vec2(home.x, 5.0)) + 0.25 * beat + home.y * 0.02);
    float run = rain * pow(drop, 6.0);
    int which = clamp(int(pow(l, 0.6) * 9.0 + 0.5 + 3.0 * run), 0, 9);
    vec3 own = c / max(max(c.r, max(c.g, c.b)), 0.05);
    vec3 ink = mix(oklch(0.85, 0.2, phosphor), own * own, colours);
    float glow_ = 0.7 + 0.5 * l + run;
    vec3 light = to_light(texture(frame, uv).rgb) * back + to_light(ink) * glow_ * letter(which, p - home);
    return vec4(from_light(min(light, 1.0)), 1.0);
}
