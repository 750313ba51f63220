// Every beat a ring runs out from the middle and bends the picture, like a drop on water.

uniform float amount;  // 0..1 = 0.45 | how far it bends
uniform float width;   // 0.02..0.5 = 0.14 | of a ring, in screen heights
uniform float beats;   // 0.5..8 = 1 | beats from ring to ring
uniform float shine;   // 0..1 = 0.5 | light on the crests

vec4 effect(vec2 uv) {
    vec2 p = centre(uv);
    float r = length(p), bend = 0.0;
    for (int i = 0; i < 3; i++) {  // the newest ring and two before it
        float age = fract(beat / beats) + float(i);
        float x = (r - 0.75 * age) / width;
        bend += exp(-x * x - 0.9 * age) * sin(2.2 * x) * smoothstep(0.0, 0.1, age);
    }
    bend *= smoothstep(0.0, width, r);  // no pinch in the middle
    vec3 c = look(uncentre(p - 0.2 * amount * bend * p / max(r, 1e-3)));
    float crest = shine * amount * max(0.0, bend) * smoothstep(0.0, 0.2, r);
    return vec4(from_light(add_light(to_light(c), crest * (0.1 + 1.5 * to_light(c)))), 1.0);
}
