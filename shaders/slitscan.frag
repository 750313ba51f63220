// Time runs across the screen: a slit shows now, and carries what it saw to both sides.

uniform float pace;    // 0.05..2 = 0.6 1/s | screens a second
uniform float angle;   // -180..180 = 0 deg | direction in which time runs
uniform float slit;    // 0.01..0.6 = 0.2 | width of now, in screen heights
uniform float weave;   // 0..1 = 0.3 | how much the slit sways
uniform float keep;    // 0..1 = 0.1 | how much of now shows through the past

vec4 effect(vec2 uv) {
    vec2 p = turn(centre(uv), -radians(angle));
    float middle = weave * 0.35 * sin(0.4 * time + 2.5 * p.y);
    float x = p.x - middle;
    // Whole pixels, so that the past stays sharp however long it travels.
    float rate = pace * resolution.y, steps = floor(time * rate) - floor((time - dt) * rate);
    vec2 back = vec2(p.x - sign(x) * min(steps / resolution.y, abs(x)), p.y);
    vec3 was = texture(past, mirrored(uncentre(turn(back, radians(angle))))).rgb;
    vec3 now = texture(frame, uv).rgb;
    float fresh = 1.0 - smoothstep(0.3 * slit, 0.5 * slit, abs(x));
    // Now seeps through where it is brighter than what was.
    fresh = max(fresh, keep * (1.0 - exp(-4.0 * dt)) * (0.35 + 2.0 * max(0.0, luma(now) - luma(was))));
    return vec4(mix(was, now, clamp(fresh, 0.0, 1.0)), 1.0);
}
