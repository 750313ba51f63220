// A layer cut out of its background, by colour or by darkness, before the picture.

uniform float layer;     // 0..3 = 1 | which layer; 0: the model's own picture
uniform float dark;      // 0..1 = 0 | 0 a colour is cut out, 1 what is dark
uniform float hue;       // 0..360 = 142 deg | the colour that is cut out: 142 green, 264 blue
uniform float tolerance; // 0..1 = 0.4 | how much beside it goes as well
uniform float softness;  // 0..1 = 0.25 | of the edge
uniform float spill;     // 0..1 = 0.6 | how much of that colour is taken from what stays
uniform float shadow;    // 0..1 = 0.4 | that it throws on the picture

float cut(vec4 o) {
    vec3 lab = to_lab(o.rgb);
    vec2 way = vec2(cos(radians(hue)), sin(radians(hue)));
    float along = dot(lab.yz, way), beside = abs(dot(lab.yz, vec2(-way.y, way.x)));
    float colour = 6.0 * (along - 0.7 * beside);           // about 0..1.5
    float wide = 0.5 * softness + 0.01;
    float at_ = 1.0 - tolerance;
    float keyed = smoothstep(at_ - wide, at_ + wide, colour);
    float unlit = smoothstep(tolerance + wide, tolerance - wide, luma(o.rgb));
    return o.a * (1.0 - mix(keyed, unlit, dark));
}

vec4 effect(vec2 uv) {
    vec4 o = other(uv);
    float stays = cut(o);
    vec3 lab = to_lab(o.rgb);
    vec2 way = vec2(cos(radians(hue)), sin(radians(hue)));
    lab.yz -= (1.0 - dark) * spill * max(0.0, dot(lab.yz, way)) * way;
    vec3 under = to_light(texture(frame, uv).rgb);
    float thrown = cut(other(uncentre(centre(uv) + vec2(-0.02, 0.025))));
    under *= 1.0 - 0.8 * shadow * thrown;
    covered = mix(covered, 1.0, stays);
    return vec4(from_light(mix(under, to_light(from_lab(lab)), stays)), 1.0);
}
