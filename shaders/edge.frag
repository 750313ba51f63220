// Contours as neon tubes on a dark picture.

uniform float amount;     // 0..4 = 2 | light of the tubes
uniform float thickness;  // 0.5..6 = 1.5 px | of the tubes, on a 720-line screen
uniform float keep;       // 0..1 = 0.15 | how much of the picture stays behind them
uniform float spread;     // 0..0.95 = 0.6 | how wide they glow
uniform float cycle;      // 0..360 = 90 deg | how far their hue runs through a bar

// How steep the colours are around a place: Sobel's filter by four reads between the pixels.
float steepness(vec2 uv) {
    vec2 d = 0.5 * max(thickness * LINE, 1.0 / resolution.y) * vec2(resolution.y / resolution.x, 1.0);
    vec3 ne = texture(frame, uv + d).rgb, sw = texture(frame, uv - d).rgb;
    vec3 nw = texture(frame, uv + d * vec2(-1, 1)).rgb, se = texture(frame, uv + d * vec2(1, -1)).rgb;
    vec3 gx = ne + se - nw - sw, gy = nw + ne - sw - se;
    return smoothstep(0.04, 0.5, sqrt(dot(gx, gx) + dot(gy, gy)) / sqrt(thickness));
}

// The tubes in their own colour: that of the picture there, made vivid, its hue turning.
vec4 prepare(vec2 uv) {
    vec3 lab = to_lab(texture(frame, uv).rgb);
    float h = atan(lab.z, lab.y) + radians(cycle) * bar_phase;
    vec3 vivid = max(linear_of_lab(vec3(0.75, 0.2 * vec2(cos(h), sin(h)))), 0.0);
    return vec4(vivid * steepness(uv), 1.0);
}

vec4 effect(vec2 uv) {
    vec3 behind = to_light(texture(frame, uv).rgb);
    behind *= keep * keep / (0.6 + luma(behind));
    vec3 halo = glow(uv);
    float line = steepness(uv);
    vec3 vivid = halo / (max(halo.r, max(halo.g, halo.b)) + 1e-4);
    vec3 shine = line * vivid + 1.4 * halo + 0.4 * line * line * line;  // white hot in the middle
    return vec4(from_light(add_light(behind, amount * shine)), 1.0);
}
