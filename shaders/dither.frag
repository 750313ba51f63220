// Few colours and a woven grain, as on an early computer; pixels as large as you like.

uniform float size;    // 1..16 = 4 px | of a pixel, on a 720-line screen
uniform float shades;  // 2..8 = 3 | of each colour
uniform float vivid;   // 0..2 = 1.3 x | how colourful
uniform float weave;   // 0..1 = 0.9 | how much the shades are mixed by pattern

// Bayer's matrix 4x4, 0..1.
float bayer(ivec2 p) {
    int x = p.x & 3, y = p.y & 3, d = x ^ y;
    return float(((d & 1) << 3 | (y & 1) << 2 | (d & 2) | (y & 2) >> 1)) / 16.0 + 1.0 / 32.0;
}

vec4 effect(vec2 uv) {
    float unit = max(size * LINE, 1.0 / resolution.y);
    vec2 cell = floor(centre(uv) / unit);
    vec3 lab = to_lab(look(uncentre((cell + 0.5) * unit)));
    vec3 c = from_lab(vec3(smoothstep(0.02, 0.95, lab.x), vivid * lab.yz));
    float steps = max(1.0, floor(shades + 0.5) - 1.0);
    float threshold = mix(0.5, bayer(ivec2(cell) + 4096), weave);
    return vec4(floor(c * steps + threshold) / steps, 1.0);
}
