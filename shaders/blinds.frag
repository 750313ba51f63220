// The picture in strips, each a little later in its own sway, like a curtain in a draught.

uniform float strips;  // 2..60 = 16 | across the screen
uniform float amount;  // 0..1 = 0.4 | how far they slide
uniform float angle;   // -90..90 = 0 deg | of the strips
uniform float beats;   // 0.5..16 = 4 | of one sway
uniform float gap;     // 0..1 = 0.35 | shadow between them
uniform float fold;    // 0..1 = 0.5 | how much each is curved

vec4 effect(vec2 uv) {
    vec2 p = turn(centre(uv), -radians(angle));
    float x = p.x * floor(strips + 0.5) / 1.7778, k = floor(x), f = fract(x) - 0.5;
    float phase = TAU * (beat / beats + 0.11 * k) + 1.7 * hash(vec2(k, 2.0));
    float slide = amount * 0.28 * sin(phase) * (0.6 + 0.8 * low);
    vec2 q = vec2(p.x + fold * 0.35 * f * abs(f) * 1.7778 / floor(strips + 0.5) * 4.0, p.y + slide);
    vec3 light = to_light(look(uncentre(turn(q, radians(angle)))));
    float lean = cos(phase);
    light *= 1.0 + fold * 0.55 * f * lean * 2.0;
    light *= 1.0 - gap * smoothstep(0.30, 0.5, abs(f));
    return vec4(from_light(min(light, 1.0)), 1.0);
}
