"""The portrait's shaders: one key light, one coloured rim, an ambient tinted by the backdrop.

Skin has wrapped diffuse light with a warm terminator (a cheap stand-in for scattering), marble the
same in white with veins, chrome mirrors a small studio, neon glows at its edges. Hair is lit by
its strands (Kajiya and Kay 1989). Microfacets after Walter et al. 2007, tone curve after
Narkowicz 2015.
"""

HEAD_VERTEX = """#version 330
in vec3 position, normal, rest; in vec4 mask; in vec3 kind;
uniform mat4 camera_matrix, light_matrix; uniform mat3 turn_matrix;
out vec3 world, n, at; out vec4 m; out vec3 in_light; flat out int region; out float vein, whiskers;
void main() {
  gl_Position = camera_matrix * vec4(position, 1);
  world = turn_matrix * position; n = turn_matrix * normal; at = rest; m = mask;
  in_light = (light_matrix * vec4(position, 1)).xyz * .5 + .5;
  region = int(kind.x + .5); vein = kind.y; whiskers = kind.z;
}"""

HAIR_VERTEX = """#version 330
in vec3 position, normal, strand, tone;
uniform mat4 camera_matrix, light_matrix; uniform mat3 turn_matrix;
out vec3 world, n, t, shade; out vec3 in_light;
void main() {
  gl_Position = camera_matrix * vec4(position, 1);
  world = turn_matrix * position; n = turn_matrix * normal; t = turn_matrix * strand; shade = tone;
  in_light = (light_matrix * vec4(position, 1)).xyz * .5 + .5;
}"""

LIGHT = """#version 330
uniform sampler2D shadow_map;
uniform vec3 key, key_colour, rim, rim_colour, ambient, backdrop, accent, glow;
uniform vec4 material;
const vec3 eye = vec3(0, 0, 9);
float lit(vec3 p) {
  float sum = 0.;
  for (int i = 0; i < 2; i++) for (int j = 0; j < 2; j++)
    sum += smoothstep(-.015, .015,
                      texture(shadow_map, p.xy + (vec2(i, j) - .5) / 110.).r - p.z + .014);
  return sum / 4.;
}
float ggx(vec3 n, vec3 v, vec3 l, float rough) {
  float nh = max(dot(n, normalize(v + l)), 0.), a = rough * rough; a *= a;
  float d = nh * nh * (a - 1.) + 1.;
  return a / (3.14 * d * d + 1e-4) * max(dot(n, l), 0.);
}
vec3 studio(vec3 r) {
  vec3 c = mix(backdrop * .10, backdrop * 1.3 + ambient * .8, smoothstep(-.5, .8, r.y));
  c *= 1. - .75 * smoothstep(.22, .0, abs(r.y + .05));
  float k = max(dot(r, key), 0.), m = max(dot(r, rim) + .25, 0.) / 1.25;
  c += key_colour * (.30 * pow(k, 3.) + .9 * pow(k, 24.));
  c += vec3(.35) * smoothstep(.70, .95, r.y);
  return c + rim_colour * .55 * pow(m, 3.);
}
vec3 wrapped(vec3 n, vec3 albedo, float wrap, float shadow, float ao, vec3 scatter) {
  float nl = dot(n, key);
  float w = max((nl + wrap) / (1. + wrap), 0.); w *= w;
  vec3 tint = mix(vec3(1), scatter, smoothstep(.55, .0, nl));
  vec3 c = key_colour * w * tint * mix(shadow, 1., .08);
  c += rim_colour * max((dot(n, rim) + .1) / 1.1, 0.) * ao * ao;
  c += ambient * mix(.55, 1.15, n.y * .5 + .5) * ao;
  return albedo * c;
}
vec3 shine(vec3 n, vec3 v, float rough, float f0, float shadow) {
  float fresnel = f0 + (1. - f0) * pow(1. - max(dot(n, v), 0.), 5.);
  return f0 * key_colour * ggx(n, v, key, rough) * shadow + f0 * rim_colour * ggx(n, v, rim, rough)
    + fresnel * .35 * (backdrop + ambient) ;
}
vec3 statue(vec3 n, vec3 v, vec3 skin, vec3 stone, vec3 metal, float shadow, float ao, float edge) {
  vec3 c = material.x * skin;
  c += material.y * (wrapped(n, stone, .45, shadow, ao, vec3(1.05, .93, .88))
       + shine(n, v, .34, .06, shadow));
  float away = pow(1. - max(dot(n, v), 0.), 5.);
  c += material.z * studio(reflect(-v, n)) * mix(metal, vec3(1), away) * mix(.25, 1., ao);
  float grazing = 1. - max(dot(n, v), 0.);
  vec3 neon = mix(accent, glow, smoothstep(-.6, .6, n.y * .5 - n.x * key.x));
  c += material.w * (neon * (2.4 * pow(grazing, 2.4) + .02 + edge) * mix(.3, 1., ao)
    + .06 * (glow + ambient) * ao * max(n.y * .4 + .6, 0.));
  return c;
}
vec3 film(vec3 c) {
  c *= .82;
  c = c * (2.51 * c + .03) / (c * (2.43 * c + .59) + .14);
  return pow(clamp(c, 0., 1.), vec3(1. / 2.2));
}
"""

HEAD_FRAGMENT = (
    LIGHT
    + """
in vec3 world, n, at; in vec4 m; in vec3 in_light; flat in int region; in float vein, whiskers;
out vec4 o;
uniform vec3 skin, hair_colour, iris, lips; uniform float male, hair, gaze, old, beard, paint;
void main() {
  float ax = abs(at.x), ao = m.w, shadow = lit(in_light);
  vec3 N = normalize(n), v = normalize(eye - world);
  vec3 albedo = skin, stone = mix(vec3(.66, .64, .61), vec3(.26, .27, .30), vein);
  vec3 metal = mix(vec3(.92), .35 + .75 * accent, .28);
  float rough = .46, f0 = .035, edge = 0.;
  vec3 scatter = vec3(1.15, .72, .58);
  if (region == 0) {
    float cheek = exp(-pow(length(vec2(ax - .5, at.y - 6.98)) / .26, 2.)) * step(.8, at.z);
    float nose = exp(-pow(length(vec2(ax, at.y - 6.98)) / .15, 2.)) * step(1.3, at.z);
    albedo *= mix(vec3(1), vec3(1.10, .80, .76), .5 * max(cheek, nose));
    albedo = mix(albedo, albedo * vec3(.62, .45, .42), m.z * .8);
    albedo = mix(albedo, mix(lips, skin * vec3(.85, .45, .42), .35 + .3 * male), m.x * .9);
    f0 = mix(f0, .06, m.x); rough = mix(rough, .3, m.x);
    float arch = 7.535 + .05 * sin((ax - .1) * 4.5), thick = .050 + .016 * male;
    thick *= 1. - .55 * smoothstep(.3, .62, ax);
    float brow = smoothstep(thick, thick * .35, abs(at.y - arch)) * smoothstep(.1, .17, ax);
    brow *= smoothstep(.66, .5, ax) * step(.9, at.z);
    albedo = mix(albedo, hair_colour * .5, .88 * brow); stone *= 1. - .45 * brow; edge += .9 * brow;
    metal *= 1. - .5 * brow;
    float lid = m.z * paint;
    albedo = mix(albedo, mix(albedo * .35, lips * .5, .5), .7 * lid);
    float bristle = sin(ax * 83. + 3. * sin(at.y * 19.)) + sin(ax * 131. - at.y * 57.);
    bristle = .5 + .25 * bristle;
    float grown = whiskers * beard;
    float stubble = smoothstep(.05, .75, grown + .25 * (bristle - .5) * grown);
    albedo = mix(albedo, hair_colour * mix(.35, .85, bristle), .95 * stubble);
    f0 *= 1. - .8 * stubble; stone *= 1. - (.25 + .3 * bristle) * stubble;
    metal *= 1. - (.3 + .4 * bristle) * stubble; edge += .35 * bristle * stubble;
    float root = smoothstep(.1, .6, m.y) * hair;
    albedo = mix(albedo, hair_colour * .6, .92 * root); stone *= 1. - .35 * root;
    float collar = 5.62 + .12 * sin(at.x * 3.) + .2 * smoothstep(.2, .9, ax);
    float cloth = smoothstep(.03, -.03, at.y - collar);
    albedo = mix(albedo, .015 + .07 * accent, cloth); scatter = mix(scatter, vec3(1), cloth);
    f0 *= 1. - .7 * cloth; edge += .45 * m.x - .02 * cloth;
    stone *= 1. - .25 * m.x;
  } else if (region == 1) {
    vec3 centre = vec3(sign(at.x) * .3077, 7.2842, 1.2453), d = normalize(at - centre);
    float a = acos(clamp(dot(d, normalize(vec3(gaze, 0., 1.))), -1., 1.));
    float ring = smoothstep(.58, .50, a), pupil = smoothstep(.28, .20, a);
    albedo = mix(vec3(.70, .68, .66), iris * (1.25 - .9 * smoothstep(.34, .54, a)), ring);
    albedo = mix(albedo, vec3(.006), pupil); scatter = vec3(1); rough = .12; f0 = .10;
    stone = mix(vec3(.60), vec3(.34), ring) * (1. - .55 * pupil);
    metal *= mix(1., .3, ring); edge = 1.3 * ring * (1. - pupil) + .06;
    N = normalize(mix(N, v, .3)); ao = mix(ao, 1., .35);
  } else if (region == 2) { albedo = hair_colour * .12; f0 = 0.; stone *= .35; metal *= .25; }
  else if (region == 3) { albedo = vec3(.72, .69, .62); edge = .25; }
  else { albedo = vec3(.45, .12, .12); rough = .3; }
  vec3 c = wrapped(N, albedo, .28, shadow, ao, scatter) + shine(N, v, rough, f0, shadow) * ao;
  o = vec4(film(statue(N, v, c, stone, metal, shadow, ao, edge)), 1);
}"""
)

HAIR_FRAGMENT = (
    LIGHT
    + """
in vec3 world, n, t, shade; in vec3 in_light; out vec4 o;
uniform vec3 hair_colour; uniform float curl;
void main() {
  vec3 v = normalize(eye - world), N = normalize(n), T = normalize(t);
  if (dot(N, v) < 0.) N = -N;
  if (shade.y > .99 - .04 * (1. - .7 * curl) * fract(shade.x * 19.)) discard;
  float shadow = lit(in_light), tone = .5 + .5 * shade.x;
  float ao = mix(.55, 1., smoothstep(0., .5, shade.y));
  ao *= mix(1., smoothstep(-1.6, 1., shade.z), .85 * curl);
  vec3 albedo = hair_colour * mix(.7, 1.2, tone) * mix(.55, 1., ao);
  vec3 S = normalize(T + N * (.12 + .10 * shade.x));
  float tk = dot(S, normalize(key + v)), tr = dot(S, normalize(rim + v));
  float spec = pow(max(1. - tk * tk, 0.), 40.) * max(dot(N, key) + .2, 0.);
  float back = pow(max(1. - tr * tr, 0.), 14.) * max(dot(N, rim) + .3, 0.);
  vec3 c = wrapped(N, albedo, .2, shadow, ao, vec3(1));
  c += (albedo * .6 + .05) * ao * (key_colour * spec * shadow * .8 + rim_colour * back * .55);
  vec3 B = normalize(N + .22 * shade.x * cross(N, T));
  vec3 stone = vec3(.60, .58, .56) * mix(.72, 1., tone);
  vec3 metal = mix(vec3(.92), .35 + .75 * accent, .28) * mix(.6, 1., tone);
  float line = .22 * smoothstep(.55, .95, tone) * (.3 + .7 * shade.y);
  o = vec4(film(statue(B, v, c, stone, metal, shadow, ao, line)), 1);
}"""
)

BACKDROP_VERTEX = """#version 330
in vec2 corner; out vec2 at;
void main() { at = corner; gl_Position = vec4(corner, .9999, 1); }"""

BACKDROP_FRAGMENT = (
    LIGHT
    + """
in vec2 at; out vec4 o;
void main() {
  vec2 d = at - vec2(rim.x * .35, .12);
  vec3 c = backdrop * (.10 + 1.05 * exp(-dot(d, d) * 1.3));
  vec2 e = at - vec2(rim.x * 1.15, .75);
  c += rim_colour * .05 * exp(-dot(e, e) * 1.6);
  o = vec4(film(c * (1. - .35 * dot(at, at) * .5)), 1);
}"""
)

DEPTH_VERTEX = """#version 330
in vec3 position; uniform mat4 light_matrix;
void main() { gl_Position = light_matrix * vec4(position, 1); }"""

DEPTH_FRAGMENT = """#version 330
void main() {}"""
