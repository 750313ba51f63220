// Always first: the model's two newest frames, moved into one another and laid onto the screen.
// Model frames are small, so enlarging them well is most of the beauty.

uniform sampler2D before, after;  // the frames as the model made them, top row first
uniform sampler2D motion;         // the way of what is seen in between: rg from before, ba to after
uniform sampler2D blended;        // what prepare() made of them, at their own size
uniform sampler2D around;         // what blur() made of them
uniform float blend;              // 0..1 from before to after

uniform float sharpness;  // 0..1 = 0.5 | how crisply contours are drawn when enlarging
uniform float surround;   // 0..1 = 0.3 | beside the picture: 0 black, its blur, 1 its mirror image
uniform float ease;       // 0..1 = 0 | how much the fade lingers on the model's own frames
uniform float flow;       // 0..1 = 1 | how much what moves is moved from frame to frame, not faded

float share() { return mix(blend, smoothstep(0.0, 1.0, blend), ease); }
vec2 flipped(vec2 uv) { return vec2(uv.x, 1.0 - uv.y); }
vec4 moved(vec2 uv) { return flow * textureLod(motion, flipped(uv), 0.0); }
vec3 model(vec2 uv, vec4 way, float level) {
    uv = flipped(uv);
    float part = share();
    return mix(textureLod(before, uv - part * way.xy, level).rgb,
               textureLod(after, uv + (1.0 - part) * way.zw, level).rgb, part);
}

// What is between the frames; alpha is how steep it is: Sobel's filter, from four reads between the
// texels.
vec4 prepare(vec2 uv) {
    vec4 way = moved(uv);
#ifdef QUICK
    return vec4(model(uv, way, 0.0), 1.0);
#endif
    vec2 d = 0.5 / vec2(textureSize(after, 0));
    float ne = luma(model(uv + d, way, 0.0)), sw = luma(model(uv - d, way, 0.0));
    float nw = luma(model(uv + d * vec2(-1, 1), way, 0.0));
    float se = luma(model(uv + d * vec2(1, -1), way, 0.0));
    return vec4(model(uv, way, 0.0), length(vec2(ne + se - nw - sw, nw + ne - sw - se)));
}

// Where on the picture a place on the screen is; `scale` is pixels a texel.
vec2 place(vec2 uv, out float scale) {
    vec2 size = vec2(textureSize(blended, 0));
    float c = cos(radians(rotate)), s = sin(radians(rotate));
    mat2 box = mat2(abs(c), abs(s), abs(s), abs(c));  // the size of what holds a turned rectangle
    vec2 whole = resolution / (box * size), full = (box * resolution) / size;
    float least = min(whole.x, whole.y);
    scale = zoom * least * pow(max(full.x, full.y) / least, fit);
    return mat2(c, -s, s, c) * ((uv - 0.5) * resolution) / (scale * size) + 0.5;
}

// Off the edge, toward where it is less steep, in texels: reading there makes the edge steeper.
vec2 off_edge(vec2 q) {
    vec2 d = 1.0 / vec2(textureSize(blended, 0));
    float w = textureLod(blended, q - vec2(d.x, 0), 0.0).a;
    float e = textureLod(blended, q + vec2(d.x, 0), 0.0).a;
    float s = textureLod(blended, q - vec2(0, d.y), 0.0).a;
    float n = textureLod(blended, q + vec2(0, d.y), 0.0).a;
    vec2 off = -2.0 * sharpness * vec2(e - w, n - s) / (0.25 * (n + s + e + w) + 0.2);
    return off / (1.0 + 1.2 * length(off));
}

// Weights of four taps at x, y from the place that is read: a kernel much like Lanczos' with two
// lobes, but `wide` (0..1, less is wider) along the edge across `axis` (the doubled angle).
vec4 weights(vec4 x, vec4 y, vec2 axis, float wide) {
    vec4 xx = x * x, yy = y * y;
    vec4 r2 = xx + yy, turned = (xx - yy) * axis.x + 2.0 * x * y * axis.y;
    vec4 far2 = 0.5 * ((r2 + turned) + (r2 - turned) * wide);
    vec4 w = max(vec4(0.0), 1.0 - 0.25 * far2);
    w *= w;
    return w * w * (1.0 - far2);
}

vec3 texel(ivec2 at, ivec2 last) { return texelFetch(blended, clamp(at, ivec2(0), last), 0).rgb; }
vec4 lumas(mat4x3 t) { return vec3(0.2126, 0.7152, 0.0722) * t; }

// Enlarging along contours, so that no stairs show.
vec3 enlarged(vec2 q) {
    ivec2 last = textureSize(blended, 0) - 1;
    vec2 p = q * vec2(last + 1) - 0.5;
    if (sharpness > 0.0) p += off_edge(q);
    vec2 c = floor(p), f = p - c;
    ivec2 i = ivec2(c);
    // Twelve texels: the four around the place, two above and below them, two beside each row.
    mat4x3 mid = mat4x3(texel(i, last), texel(i + ivec2(1, 0), last),
                        texel(i + ivec2(0, 1), last), texel(i + ivec2(1, 1), last));
    mat4x3 rim = mat4x3(texel(i + ivec2(0, -1), last), texel(i + ivec2(1, -1), last),
                        texel(i + ivec2(0, 2), last), texel(i + ivec2(1, 2), last));
    mat4x3 side = mat4x3(texel(i + ivec2(-1, 0), last), texel(i + ivec2(2, 0), last),
                         texel(i + ivec2(-1, 1), last), texel(i + ivec2(2, 1), last));
    // Structure tensor: squared slopes at the four around, by nearness.
    vec4 m = lumas(mid), r = lumas(rim), s = lumas(side);
    vec4 gx = vec4(m.y - s.x, s.y - m.x, m.w - s.z, s.w - m.z);
    vec4 gy = vec4(m.z - r.x, m.w - r.y, r.z - m.x, r.w - m.y);
    vec4 near = vec4(1.0 - f.x, f.x, 1.0 - f.x, f.x) * vec4(1.0 - f.yy, f.yy);
    vec2 along = vec2(dot(near, gx * gx - gy * gy), 2.0 * dot(near, gx * gy));
    float clear = length(along);
    float wide = mix(1.0, 0.3, clear / (dot(near, gx * gx + gy * gy) + 0.001));
    vec2 axis = along / (clear + 1e-6);
    vec4 wm = weights(vec4(0, 1, 0, 1) - f.x, vec4(0, 0, 1, 1) - f.y, axis, wide);
    vec4 wr = weights(vec4(0, 1, 0, 1) - f.x, vec4(-1, -1, 2, 2) - f.y, axis, wide);
    vec4 ws = weights(vec4(-1, 2, -1, 2) - f.x, vec4(0, 0, 1, 1) - f.y, axis, wide);
    vec3 sum = (mid * wm + rim * wr + side * ws) / dot(wm + wr + ws, vec4(1.0));
    // A little overshoot keeps the sparkle, more would ring.
    vec3 least = min(min(mid[0], mid[1]), min(mid[2], mid[3]));
    vec3 most = max(max(mid[0], mid[1]), max(mid[2], mid[3]));
    vec3 slack = 0.1 * (most - least);
    return clamp(sum, max(least - slack, 0.0), min(most + slack, 1.0));
}

// Enlarging by a cubic (Keys 1981; of five reads as in Jimenez 2016), for who has little time.
vec3 quickly(vec2 q) {
    vec2 size = vec2(textureSize(blended, 0)), p = q * size - 0.5, c = floor(p), f = p - c;
    vec2 w0 = -sharpness * f * (1.0 - f) * (1.0 - f), w3 = -sharpness * f * f * (1.0 - f);
    vec2 w2 = f * (sharpness + f * ((3.0 - 2.0 * sharpness) + f * (sharpness - 2.0)));
    vec2 w = 1.0 - w0 - w3;
    vec2 mid = (c + 0.5 + w2 / w) / size, low = (c - 0.5) / size, high = (c + 2.5) / size;
    vec4 sum = vec4(textureLod(blended, mid, 0.0).rgb, 1.0) * w.x * w.y;
    sum += vec4(textureLod(blended, vec2(low.x, mid.y), 0.0).rgb, 1.0) * w0.x * w.y;
    sum += vec4(textureLod(blended, vec2(high.x, mid.y), 0.0).rgb, 1.0) * w3.x * w.y;
    sum += vec4(textureLod(blended, vec2(mid.x, low.y), 0.0).rgb, 1.0) * w.x * w0.y;
    sum += vec4(textureLod(blended, vec2(mid.x, high.y), 0.0).rgb, 1.0) * w.x * w3.y;
    return clamp(sum.rgb / sum.a, 0.0, 1.0);
}

// Smaller than the model made it: from the frames' smaller copies.
vec3 reduced(vec2 q, float level) { return model(q, moved(q), level); }

// What lies beside the picture, small and smooth.
vec4 blur(vec2 uv) {
    float level = log2(float(textureSize(after, 0).y)) - 4.0;
    uv = flipped(uv);
    return vec4(mix(read_smooth(before, uv, level), read_smooth(after, uv, level), share()), 1.0);
}

// Its mirror image beside it, from a little inside: a network sees nothing beyond its edge, and
// draws it so.
vec2 framed(vec2 q) {
    vec2 rim = 2.0 / vec2(textureSize(blended, 0));
    return surround < 1.0 ? q : rim + (1.0 - 2.0 * rim) * mirrored((q - rim) / (1.0 - 2.0 * rim));
}

// FILLED: the picture covers the screen, alone or with its mirror image, and is enlarged, as mostly.
// QUICK: the same for half the price. ENLARGED: it is enlarged, but leaves a margin. These are four
// programs and no `if`, because a CPU in place of a GPU computes both ways of one.
#ifdef QUICK
uniform float right_x, right_y, up_x, up_y, corner_x, corner_y;  // place(), worked out once
vec4 effect(vec2 uv) {
    vec2 q = vec2(right_x, right_y) * uv.x + vec2(up_x, up_y) * uv.y + vec2(corner_x, corner_y);
    covered = 1.0;
    return vec4(quickly(framed(q)), 1.0);
}
#elif defined(FILLED)
vec4 effect(vec2 uv) {
    float scale;
    covered = 1.0;
    return vec4(enlarged(framed(place(uv, scale))), 1.0);
}
#else
vec4 effect(vec2 uv) {
    float scale;
    vec2 q = place(uv, scale), size = vec2(textureSize(blended, 0));
    vec2 margin = (0.5 - abs(q - 0.5)) * size * scale + 0.5;  // pixels to the edge
    float inside = clamp(min(margin.x, margin.y), 0.0, 1.0);
    if (surround >= 1.0) inside = 1.0;
    covered = inside;
    vec2 on = clamp(framed(q), 0.0, 1.0);
#ifdef ENLARGED
    vec3 c = enlarged(on);
#else
    vec3 c = scale < 1.0 ? reduced(on, -log2(scale)) : enlarged(on);
#endif
    return vec4(mix(surround * textureLod(around, mirrored(q), 0.0).rgb, c, inside), 1.0);
}
#endif
