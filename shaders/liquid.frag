// The picture flows: pushed about by slow currents, and down its own slopes of light.

uniform float amount;  // 0..1 = 0.4 | how far it flows
uniform float scale;   // 0.5..8 = 1.6 | currents a screen height
uniform float pace;    // 0..2 = 0.25 | how fast the currents change
uniform float slopes;  // 0..1 = 0.25 | how much its own light pushes
uniform float spread;  // 0..0.95 = 0.85 | how wide that light is

vec4 effect(vec2 uv) {
    vec2 p = centre(uv);
    float t = pace * time;
    // A warp of a warp makes eddies rather than waves.
    vec2 q = scale * p + vec2(0.31, -0.17) * t;
    vec2 r = 0.8 * q + 0.9 * bumps(q, 1.0) + vec2(-0.13, 0.23) * t;
    vec2 flow = bumps(r + 5.0, 2.0);
    float here = luma(texture(soft, uv).rgb);
    vec2 slope = vec2(luma(texture(soft, uv + vec2(0.03, 0)).rgb) - here,
                      luma(texture(soft, uv + vec2(0, 0.03)).rgb) - here);
    p += amount * (0.3 * flow / sqrt(scale) - 1.2 * slopes * slope);
    return vec4(look(uncentre(p)), 1.0);
}
