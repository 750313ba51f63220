// Ghosts of what was, each smaller and cooler, walking away behind the picture.

uniform float stay;   // 0..0.99 = 0.965 | how much of a ghost is left after 1/60 s
uniform float walk;   // -2..2 = 0.9 1/s | how fast they recede (negative: come nearer)
uniform float way;    // -180..180 = 90 deg | where they go to
uniform float cool;   // -360..360 = 150 deg/s | how fast their hue turns
uniform float cut;    // 0..1 = 0.45 | the light from which the picture stands before them

vec4 effect(vec2 uv) {
    vec3 now = texture(frame, uv).rgb;
    vec2 p = centre(uv);
    float a = radians(way);
    p = p * exp(walk * dt) - 0.3 * walk * dt * vec2(cos(a), sin(a));
    vec3 was = texture(past, mirrored(uncentre(p))).rgb;
    if (cool != 0.0) was = turn_hue(was, cool * dt);
    float left = pow(stay, 60.0 * dt);
    // What is bright stands in front; in its dark parts the ghosts shine through.
    float front = smoothstep(cut - 0.25, cut + 0.25, luma(now));
    vec3 ghost = was * left;
    vec3 seen = from_light(add_light(to_light(now), to_light(ghost)));
    return vec4(mix(mix(seen, max(now, ghost), left), max(now, 0.3 * ghost), front), 1.0);
}
