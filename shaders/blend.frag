// A layer over the picture, mixed with it as light or as ink; between two modes, both.

uniform float layer;   // 0..3 = 1 | which layer; 0: the model's own picture
uniform float amount;  // 0..1 = 0.7 | how much of it
uniform float mode;    // 0..5 = 2 | 0 mix, 1 add, 2 screen, 3 multiply, 4 difference, 5 overlay
uniform float hue;     // -180..180 = 0 deg | turn of the layer's hue

float near(float way) { return max(0.0, 1.0 - abs(mode - way)); }

vec4 effect(vec2 uv) {
    vec3 a = texture(frame, uv).rgb;
    vec4 o = other(uv);
    vec3 b = hue == 0.0 ? o.rgb : turn_hue(o.rgb, hue);
    vec3 low = 2.0 * a * b, high = 1.0 - 2.0 * (1.0 - a) * (1.0 - b);
    vec3 made = near(0.0) * b
        + near(1.0) * from_light(min(to_light(a) + to_light(b), 1.0))
        + near(2.0) * (1.0 - (1.0 - a) * (1.0 - b))
        + near(3.0) * a * b
        + near(4.0) * abs(a - b)
        + near(5.0) * mix(low, high, step(0.5, a));
    covered = mix(covered, 1.0, amount * o.a);
    return vec4(mix(a, made, amount * o.a), 1.0);
}
