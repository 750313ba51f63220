// A layer as a mask: where it is bright the picture stands, where it is dark something else.

uniform float layer;      // 0..3 = 1 | which layer; 0: the model's own picture
uniform float threshold;  // 0..1 = 0.5 | the light of the layer from which the picture stands
uniform float softness;   // 0..1 = 0.3 | from hard to soft
uniform float invert;     // 0..1 = 0 | dark parts instead
uniform float outside;    // 0..1 = 0.12 | light of what is masked
uniform float turned;     // -180..180 = 0 deg | turn of its hue
uniform float rim;        // 0..2 = 0 | light along the edge of the mask
uniform float spread;     // 0..0.95 = 0.5 | how blurred is what is masked

vec4 effect(vec2 uv) {
    vec4 o = other(uv);
    float l = luma(o.rgb) * o.a;
    float wide = 0.5 * softness + 0.004;
    // From nothing to all as the threshold goes from one end to the other, however soft.
    float at_ = mix(-wide, 1.0 + wide, threshold);
    float open = smoothstep(at_ - wide, at_ + wide, l);
    open = mix(open, 1.0 - open, invert);
    vec3 blurred = glow(uv), glare = to_light(blurred);
    vec3 around = turned == 0.0 ? glare : to_light(turn_hue(blurred, turned));
    vec3 light = mix(around * outside, to_light(texture(frame, uv).rgb), open);
    covered *= open;
    float edge = 4.0 * open * (1.0 - open);
    light = add_light(light, rim * edge * edge * (0.15 + glare));
    return vec4(from_light(light), 1.0);
}
