// Trails: what was, a little larger, turned and of another hue, shines on under what is.
// How long it stays is the global control `feedback`.

uniform float grow;   // -2..2 = 0.3 1/s | how fast trails swell (negative: shrink)
uniform float spin;   // -180..180 = 6 deg/s | how fast they turn
uniform float drift;  // -360..360 = 50 deg/s | how fast their hue turns
uniform float light;  // 0..1 = 0.7 | 0 trails melt into the picture, 1 only their lights stay

vec4 effect(vec2 uv) {
    vec3 now = texture(frame, uv).rgb;
    float keep = pow(feedback, 60.0 * dt);  // `feedback` is what is left after 1/60 s
    vec2 p = turn(centre(uv), radians(spin * dt)) * exp(-grow * dt);
    vec3 was = texture(past, mirrored(uncentre(p))).rgb;
    if (drift != 0.0) was = turn_hue(was, drift * dt);
    return vec4(mix(mix(now, was, keep), max(now, was * keep), light), 1.0);
}
