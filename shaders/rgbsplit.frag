// Colours part like behind a prism, more so toward the edges and when the highs ring.

uniform float amount;  // 0..1 = 0.25 | how far they part at rest
uniform float react;   // 0..2 = 0.5 | how much further the highs push them
uniform float radial;  // 0..1 = 0.75 | 0 all the same way, 1 away from the middle
uniform float angle;   // -180..180 = 0 deg | that way

vec4 effect(vec2 uv) {
    vec2 p = centre(uv);
    float far = 0.06 * (amount + react * high * high);
    vec2 way = mix(turn(vec2(0.5, 0.0), radians(angle)), p * (0.35 + 1.3 * dot(p, p)), radial) * far;
    // Six reads from red to blue; the weights of each colour add up to one.
    vec3 sum = vec3(0.0), total = vec3(0.0);
    for (int i = 0; i < 6; i++) {
        float t = float(i) / 5.0;
        vec3 w = max(vec3(0.0), 1.0 - abs(t - vec3(0.0, 0.5, 1.0)) * vec3(2.2, 2.4, 2.2));
        sum += w * look(uncentre(p + way * (0.5 - t) * 2.0));
        total += w;
    }
    return vec4(sum / total, 1.0);
}
