// One half of the picture, mirrored: at 0 deg left becomes right.

uniform float angle;  // -180..180 = 0 deg | direction of the mirror
uniform float shift;  // -0.5..0.5 = 0 | where it stands, in screen heights
uniform float both;   // 0..1 = 0 | a second mirror across the first

vec4 effect(vec2 uv) {
    vec2 p = turn(centre(uv), -radians(angle));
    p.x = shift - abs(p.x - shift);
    p.y = mix(p.y, abs(p.y), both);
    return vec4(look(uncentre(turn(p, radians(angle)))), 1.0);
}
