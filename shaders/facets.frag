// Cut glass: every facet shows the picture from a slightly other side, its edges catch the light.

uniform float size;    // 0.03..0.6 = 0.16 | of a facet, in screen heights
uniform float bend;    // 0..1 = 0.5 | how far a facet looks aside
uniform float lead;    // 0..1 = 0.5 | how dark the seams are
uniform float pace;    // 0..2 = 0.3 | how fast the cut changes

vec2 site(vec2 cell) {
    uint h = scramble(vec3(cell, 0.0));
    vec2 a = vec2(h & 65535u, h >> 16u) / 65536.0;
    return cell + 0.5 + 0.36 * sin(TAU * a + pace * time * (0.5 + a.yx));
}

vec4 effect(vec2 uv) {
    vec2 p = centre(uv) / size, home = floor(p);
    vec2 nearest = vec2(0.0), next = vec2(0.0), mine = home;
    float best = 1e9, second = 1e9;
    for (int i = 0; i < 9; i++) {
        vec2 cell = home + vec2(i % 3 - 1, i / 3 - 1), s = site(cell);
        float d = dot(s - p, s - p);
        if (d < best) {
            second = best; next = nearest;
            best = d; nearest = s; mine = cell;
        } else if (d < second) {
            second = d; next = s;
        }
    }
    float seam = 0.5 * (second - best) / length(next - nearest);  // distance to the border
    float a = TAU * hash(mine + 13.0);
    vec2 tilt = vec2(cos(a), sin(a));
    vec2 q = nearest + (p - nearest) * (1.0 - 0.4 * bend) + 0.35 * bend * tilt;
    vec3 light = to_light(look(uncentre(q * size)));
    float shine = dot(tilt, normalize(vec2(0.6, 0.8)));
    light *= 1.0 + 0.35 * bend * shine;
    float wide = 1.5 / (size * resolution.y) + 0.02;
    light *= 1.0 - lead * (1.0 - smoothstep(0.0, wide, seam));
    light += 0.25 * lead * light * smoothstep(3.0 * wide, wide, seam) * smoothstep(0.0, wide, seam);
    return vec4(from_light(min(light, 1.0)), 1.0);
}
