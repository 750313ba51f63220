// A mask that opens and closes: a window on the picture, everything around it soft, dark or turned.

uniform float size;    // 0.05..1.5 = 0.62 | of the window, in screen heights
uniform float sides;   // 2..12 = 2 | corners of it; 2: a circle
uniform float pulse;   // 0..1 = 0.25 | how far the kick opens it
uniform float outside; // 0..1 = 0.35 | light of what is outside
uniform float turned;  // -180..180 = 180 deg | turn of the hue outside
uniform float edge;    // 0.002..0.5 = 0.02 | softness of the rim, in screen heights
uniform float spread;  // 0..0.95 = 0.7 | how soft the picture outside is

vec4 effect(vec2 uv) {
    vec2 p = turn(centre(uv), 0.1 * time);
    float n = floor(sides + 0.5), r = length(p);
    if (n > 2.5) {
        float wedge = TAU / n, a = atan(p.x, p.y);
        r *= cos(mod(a + 0.5 * wedge, wedge) - 0.5 * wedge) / cos(0.5 * wedge) * 0.92;
    }
    float radius = 0.5 * size * (1.0 + 0.6 * pulse * kick + 0.3 * pulse * (low - 0.5));
    float in_ = smoothstep(radius + edge, radius - edge, r);
    vec3 around = to_light(turn_hue(glow(uv), turned)) * outside;
    float shade = smoothstep(radius, radius + 0.18, r);  // the window throws a shadow
    vec3 light = mix(around * mix(0.25, 1.0, shade), to_light(texture(frame, uv).rgb), in_);
    float rim = exp(-pow((r - radius) / (0.006 + 0.4 * edge), 2.0));
    light = add_light(light, 0.25 * rim * (0.2 + glow(uv)));
    return vec4(from_light(light), 1.0);
}
