// Painted in oil: flat strokes that end at contours (Kuwahara et al. 1976), wet light on their ridges.

uniform float amount;   // 0..1 = 1 | how much is painted
uniform float size;     // 2..24 = 9 px | of a brush, on a 720-line screen
uniform float relief;   // 0..1 = 0.4 | how thick the paint is

// The calmest of the four corners around a place, each of four reads.
vec3 stroke(vec2 uv, vec2 d) {
    vec3 row[9];
    for (int i = 0; i < 9; i++) row[i] = look(uv + d * vec2(i % 3 - 1, i / 3 - 1));
    vec3 sum = vec3(0.0);
    float total = 0.0;
    for (int k = 0; k < 4; k++) {
        int i = k % 2 + 3 * (k / 2);
        vec3 a = row[i], b = row[i + 1], c = row[i + 3], e = row[i + 4];
        vec3 mean = 0.25 * (a + b + c + e);
        vec3 spread = 0.25 * (a * a + b * b + c * c + e * e) - mean * mean;
        float calm = 1.0 / (1e-4 + dot(max(spread, 0.0), vec3(1.0)));
        calm *= calm;
        sum += calm * mean;
        total += calm;
    }
    return sum / total;
}

vec4 effect(vec2 uv) {
    vec2 p = centre(uv), unit = vec2(resolution.y / resolution.x, 1.0) * LINE * size;
    // Strokes follow a slow field, and each bristle is a little off.
    vec2 field = bumps(p * 3.0, 2.0);
    vec2 way = normalize(field + vec2(0.6, 0.3));
    vec2 q = vec2(dot(p, way), dot(p, vec2(-way.y, way.x))) / (LINE * size);
    vec2 bristle = bumps(vec2(q.x * 0.3, q.y * 1.3), 5.0);
    vec3 c = stroke(uv + unit * 0.35 * bristle, 0.5 * unit);
    float ridge = relief * bristle.x * (0.25 + luma(c));
    vec3 painted = clamp(c * (1.0 + 0.22 * ridge) + 0.05 * max(ridge, 0.0), 0.0, 1.0);
    return vec4(mix(texture(frame, uv).rgb, painted, amount), 1.0);
}
