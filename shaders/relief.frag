// Pressed into metal or wax: the picture's own light is a landscape, pushed about and lit from aside.

uniform float amount;  // 0..1 = 0.6 | how far its own light displaces the picture
uniform float height;  // 0..2 = 0.9 | how high the landscape is
uniform float angle;   // -180..180 = 135 deg | where the lamp stands
uniform float orbit;   // -90..90 = 0 deg/s | how fast it goes around
uniform float gloss;   // 0..1 = 0.5 | how much it shines
uniform float spread;  // 0..0.95 = 0.2 | how soft the forms are

vec4 effect(vec2 uv) {
    vec2 wide = vec2(resolution.y / resolution.x, 1.0), d = 5.0 * LINE * wide;
    vec2 slope = vec2(luma(texture(soft, uv + vec2(d.x, 0)).rgb) - luma(texture(soft, uv - vec2(d.x, 0)).rgb),
                      luma(texture(soft, uv + vec2(0, d.y)).rgb) - luma(texture(soft, uv - vec2(0, d.y)).rgb));
    vec3 c = look(uv + amount * 0.35 * slope * wide);
    vec3 n = normalize(vec3(-slope * 16.0 * height, 1.0));
    float way = radians(angle + orbit * time);
    vec3 lamp = normalize(vec3(cos(way), sin(way), 0.8));
    float lit = max(0.0, dot(n, lamp)) / lamp.z;
    float spark = pow(max(0.0, dot(reflect(-lamp, n), vec3(0, 0, 1))), 24.0);
    vec3 light = to_light(c) * mix(1.0, lit, 0.85) + gloss * (0.10 + 0.6 * to_light(c)) * spark;
    return vec4(from_light(add_light(vec3(0.0), light * (1.0 + 0.4 * light))), 1.0);
}
