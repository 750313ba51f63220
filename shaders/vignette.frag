// The light falls off toward the edges, which draws the eye to the middle.

uniform float amount;  // 0..1 = 0.6 | how dark the corners get
uniform float size;    // 0.2..1.5 = 0.75 | where it begins, in half diagonals
uniform float shape;   // 0..1 = 0.6 | 0 a circle, 1 follows the screen

vec4 effect(vec2 uv) {
    vec2 round_ = centre(uv) * 2.0 / length(vec2(resolution.x / resolution.y, 1.0));
    vec2 wide = (uv - 0.5) * 1.41421356;
    float r = length(mix(round_, wide, shape)) / size;
    float fall = 1.0 / (1.0 + r * r * r * r);  // much like the cos^4 law of a lens
    vec3 light = to_light(texture(frame, uv).rgb) * mix(1.0, fall * fall, amount);
    return vec4(from_light(light), 1.0);
}
