// At each onset the picture tears: bands and blocks slip aside, their colours part.

// flickers

uniform float amount;  // 0..1 = 0.5 | how much tears and how far
uniform float react;   // 0..1 = 1 | 0 tears all the time, 1 only at onsets
uniform float blocks;  // 4..64 = 18 | rows of blocks
uniform float rate;    // 1..30 = 12 Hz | how often the pattern changes

vec4 effect(vec2 uv) {
    float power = amount * mix(1.0, onset, react);
    float now = floor(time * rate);
    // Bands of two heights slip sideways...
    float coarse = floor(uv.y * blocks * 0.35 + 7.0 * hash(vec2(now, 3.0)));
    float fine = floor(uv.y * blocks * 2.5);
    float slip = 0.0;
    if (hash(vec2(coarse, now)) < 0.7 * power) slip += hash(vec2(coarse, now + 0.5e4)) - 0.5;
    if (hash(vec2(fine, now + 1e4)) < 0.35 * power) slip += 0.4 * (hash(vec2(fine, now + 2e4)) - 0.5);
    // ...and single blocks show another place.
    vec2 cell = floor(vec2(uv.x * blocks * 0.6 * resolution.x / resolution.y, uv.y * blocks));
    vec2 jump = vec2(0.0);
    if (hash(vec3(cell, now)) < 0.12 * power)
        jump = vec2(hash(vec3(cell, now + 3e4)), hash(vec3(cell, now + 4e4))) - 0.5;
    vec2 q = uv + power * (vec2(0.35 * slip, 0.0) + 0.4 * jump);
    float part = power * (0.006 + 0.05 * abs(slip));
    vec3 c = vec3(look(q + vec2(part, 0)).r, look(q).g, look(q - vec2(part, 0)).b);
    return vec4(c, 1.0);
}
