// A layer as thick glass before the picture: its slopes bend what is seen through it.

uniform float layer;   // 0..3 = 1 | which layer; 0: the model's own picture
uniform float amount;  // -1..1 = 0.25 | how far it bends, and which way
uniform float detail;  // 0..1 = 0.3 | 0 only wide slopes, 1 fine ones as well
uniform float angle;   // -180..180 = 0 deg | turn of the direction, as in a whirl
uniform float shine;   // 0..1 = 0.25 | light that slopes catch
uniform float react;   // 0..2 = 0.3 | how much further the lows bend it

float height(vec2 uv) {
    vec4 o = other(mirrored(uv));
    return luma(o.rgb) * o.a;
}

vec4 effect(vec2 uv) {
    float near = mix(14.0, 2.0, detail) * LINE;
    vec2 d = vec2(near * resolution.y / resolution.x, near);
    vec2 slope = vec2(height(uv + vec2(d.x, 0.0)) - height(uv - vec2(d.x, 0.0)),
                      height(uv + vec2(0.0, d.y)) - height(uv - vec2(0.0, d.y)));
    slope /= 1.0 + length(slope);
    float far = 0.6 * amount * (1.0 + react * low);
    vec3 seen = look(uncentre(centre(uv) + far * turn(slope, radians(angle))));
    float caught = max(0.0, dot(slope, vec2(-0.6, 0.8)));
    return vec4(from_light(add_light(to_light(seen), vec3(shine * caught * caught * 3.0))), 1.0);
}
