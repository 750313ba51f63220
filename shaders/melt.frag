// What moves drags what was there along: colours run like wet paint and dry again.

uniform float amount;  // 0..0.99 = 0.95 | how much of the paint stays wet for 1/60 s
uniform float pull;    // 0..1 = 0.5 | how fast it runs
uniform float scale;   // 0.5..8 = 2.5 | currents a screen height
uniform float down;    // -1..1 = 0.25 | how much of the running is down

vec4 effect(vec2 uv) {
    vec3 now = texture(frame, uv).rgb;
    vec2 p = centre(uv), q = scale * p;
    float t = 0.1 * time;
    vec2 flow = bumps(q + vec2(0, t), 1.0) + 0.5 * bumps(2.3 * q - t, 2.0);
    vec3 was = texture(past, mirrored(uncentre(p + dt * pull * (0.5 * flow + vec2(0, down))))).rgb;
    // Bright paint covers dark paint, and stays wet longer.
    float wet = pow(amount, 60.0 * dt);
    float over = smoothstep(-0.25, 0.25, luma(was) - luma(now) + 0.06);
    return vec4(mix(now, was, wet * mix(0.55, 1.0, over)), 1.0);
}
