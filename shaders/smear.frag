// A lost key frame: regions are no longer drawn anew but dragged on in blocks, until an onset
// repairs some.

uniform float amount;  // 0..1 = 0.55 | how much of the picture is lost
uniform float block;   // 4..96 = 24 px | of a block, on a 720-line screen
uniform float drag;    // 0..2 = 0.8 | how far it is dragged
uniform float heal;    // 0..2 = 0.35 Hz | how fast the lost regions wander
uniform float react;   // 0..1 = 0.6 | how much an onset repairs

vec4 effect(vec2 uv) {
    vec2 cell = floor(centre(uv) / (block * LINE)), mid = (cell + 0.5) * block * LINE;
    float region = 0.5 + 0.6 * bumps(mid * vec2(2.2, 3.4) + vec2(0.0, heal * time), 4.0).x;
    region += 0.16 * (hash(vec3(cell, floor(4.0 * time))) - 0.5);  // ragged at its rim
    bool lost = region < amount * (1.0 - 0.7 * react * onset);
    // Motion as it was written for each block: along slow currents, all of one block the same.
    vec2 flow = bumps(mid * 1.6 + 0.3 * time, 3.0) + 0.35 * vec2(hash(vec3(cell, 3.0)), 0.2) - 0.17;
    vec3 was = texture(past, mirrored(uncentre(centre(uv) - 0.35 * drag * dt * flow))).rgb;
    vec3 now = texture(frame, uv).rgb;
    // What is left of the new picture is the difference to the old: its contours.
    vec3 ghost = was + 0.5 * dt * (now - was);
    return vec4(lost ? ghost : mix(now, was, exp(-14.0 * dt)), 1.0);
}
