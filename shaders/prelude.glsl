// What every pass can use. A pass is one file, NAME.frag, with one function:
//
//     vec4 effect(vec2 uv)     // the colour at uv, 0..1 from the bottom left
//
// and, if it likes, controls of its own, which presets and knobs reach as NAME.segments:
//
//     uniform float segments;  // 1..24 = 6 | mirrored wedges
//
// `frame` is the picture so far and `past` is what this pass itself drew last. A pass that
// mentions `soft` gets its input again, blurred over the octaves (see glow); `vec4 prepare(vec2 uv)`
// says what is blurred, and a control named `spread` how widely.
// A pass that mentions `other` reads a second picture: the layer whose number its control `layer`
// has, by the order of the preset; 0, and a number without a layer, is the model's own picture.
// Every signal (level, low, mid, high, tone, onset, beat_pulse, bar_phase, ...; 0..1), `beat` (the
// position in beats) and every global control (hue, zoom, feedback, ...) can be read by its name.
// Colours are what the screen is sent (sRGB); to_light gives what can be added and multiplied.

in vec2 at;
out vec4 drawn;

uniform sampler2D frame, past, soft, second;
uniform vec2 resolution;       // of what is drawn to, in pixels
uniform float time, dt;        // seconds

// How much of what lies below the picture is covered here, where that is kept: the most of what a
// pass reads of `frame`, unless it says otherwise; below 0 nothing was read.
float covered = -1.0;
vec4 seen(vec2 uv) {
    vec4 c = texture(frame, uv);
    covered = max(covered, c.a);
    return c;
}

const float PI = 3.14159265;
const float TAU = 6.28318531;

// ---- places

// Coordinates around the middle, the height being 1, and back.
vec2 centre(vec2 uv) { return (uv - 0.5) * vec2(resolution.x / resolution.y, 1.0); }
vec2 uncentre(vec2 p) { return p * vec2(resolution.y / resolution.x, 1.0) + 0.5; }

// Turned counterclockwise.
vec2 turn(vec2 p, float angle) {
    float c = cos(angle), s = sin(angle);
    return mat2(c, s, -s, c) * p;
}

// Beyond its edges the picture goes on as in a mirror.
vec2 mirrored(vec2 uv) { return 1.0 - abs(mod(uv, 2.0) - 1.0); }
vec3 look(vec2 uv) { return seen(mirrored(uv)).rgb; }

// One line of a 720-line screen, so that sizes look the same on every screen.
const float LINE = 1.0 / 720.0;

// The second picture; alpha is 0 where it has none.
vec4 other(vec2 uv) { return texture(second, uv); }

// ---- chance: the same on every machine

uint scramble(uint x) {  // PCG, Jarzynski and Olano 2020
    x = x * 747796405u + 2891336453u;
    x = ((x >> ((x >> 28u) + 4u)) ^ x) * 277803737u;
    return (x >> 22u) ^ x;
}
uint scramble(vec3 cell) {
    uvec3 u = uvec3(ivec3(floor(cell)));
    return scramble(u.x * 1597334673u ^ u.y * 3812015801u ^ u.z * 2798796415u);
}
float hash(vec3 p) { return float(scramble(p)) / 4294967296.0; }  // 0..1, one value a cell
float hash(vec2 p) { return hash(vec3(p, 0.0)); }
float hash(float p) { return hash(vec3(p, 0.0, 0.0)); }

// Smooth noise, about -1..1, one bump a unit (gradient noise, Perlin 2002). Each corner of the
// grid has two random slopes, so that two independent fields come for the price of one.
vec2 corner(vec2 cell, vec2 to, float seed) {
    uint h = scramble(vec3(cell, seed));
    vec4 way = vec4(h & 255u, (h >> 8u) & 255u, (h >> 16u) & 255u, h >> 24u) / 127.5 - 1.0;
    return vec2(dot(way.xy, to), dot(way.zw, to));
}
vec2 bumps(vec2 p, float seed) {
    vec2 c = floor(p), f = p - c;
    vec2 u = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    vec2 low = mix(corner(c, f, seed), corner(c + vec2(1, 0), f - vec2(1, 0), seed), u.x);
    vec2 high = mix(corner(c + vec2(0, 1), f - vec2(0, 1), seed),
                    corner(c + vec2(1, 1), f - vec2(1, 1), seed), u.x);
    return 1.7 * mix(low, high, u.y);
}
float noise(vec2 p) { return bumps(p, 0.0).x; }
float fbm(vec2 p) {  // four octaves
    float sum = 0.0, height = 0.5;
    for (int i = 0; i < 4; i++, p = turn(p, 0.6) * 2.03, height *= 0.5)
        sum += height * bumps(p, float(i)).x;
    return sum;
}

// ---- colour

float luma(vec3 c) { return dot(c, vec3(0.2126, 0.7152, 0.0722)); }

// sRGB, IEC 61966-2-1.
vec3 to_linear(vec3 c) {
    c = max(c, 0.0);
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}
vec3 to_display(vec3 c) {
    c = max(c, 0.0);
    return mix(c * 12.92, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}

// OKLab, Ottosson 2020: x lightness 0..1, yz the plane of hues.
vec3 lab_of_linear(vec3 c) {
    vec3 lms = mat3(0.4122214708, 0.2119034982, 0.0883024619,
                    0.5363325363, 0.6806995451, 0.2817188376,
                    0.0514459929, 0.1073969566, 0.6299787005) * c;
    lms = pow(max(lms, 0.0), vec3(1.0 / 3.0));
    return mat3(0.2104542553, 1.9779984951, 0.0259040371,
                0.7936177850, -2.4285922050, 0.7827717662,
                -0.0040720468, 0.4505937099, -0.8086757660) * lms;
}
vec3 linear_of_lab(vec3 lab) {
    vec3 lms = mat3(1.0, 1.0, 1.0,
                    0.3963377774, -0.1055613458, -0.0894841775,
                    0.2158037573, -0.0638541728, -1.2914855480) * lab;
    lms = lms * lms * lms;
    return mat3(4.0767416621, -1.2684380046, -0.0041960863,
                -3.3077115913, 2.6097574011, -0.7034186147,
                0.2309699292, -0.3413193965, 1.7076147010) * lms;
}

// A colour no screen can show, moved toward a middling grey until one can: half by paling, half by
// giving up some lightness, which keeps it vivid.
vec3 showable(vec3 lin) {
    float grey = mix(clamp(luma(lin), 0.0, 1.0), 0.2, 0.5);
    vec3 away = lin - grey;
    vec3 room = mix(vec3(grey), vec3(1.0 - grey), step(0.0, away)) / max(abs(away), 1e-5);
    return grey + away * min(1.0, min(room.x, min(room.y, room.z)));
}
vec3 to_lab(vec3 c) { return lab_of_linear(to_linear(c)); }
vec3 from_lab(vec3 lab) { return to_display(showable(linear_of_lab(lab))); }

// A colour of a lightness 0..1, chroma 0..0.3 and hue in degrees (29 red, 110 yellow, 142 green,
// 264 blue, 328 magenta).
vec3 oklch(float lightness, float chroma, float degrees) {
    float h = radians(degrees);
    return from_lab(vec3(lightness, chroma * vec2(cos(h), sin(h))));
}
vec3 turn_hue(vec3 c, float degrees) {
    vec3 lab = to_lab(c);
    return from_lab(vec3(lab.x, turn(lab.yz, radians(degrees))));
}

// Light for glows and shadows: a gamma of 2 is close to sRGB's, and cheap both ways.
vec3 to_light(vec3 c) { return c * c; }
vec3 from_light(vec3 light) { return sqrt(max(light, 0.0)); }

// Light added to light without ever clipping.
vec3 add_light(vec3 light, vec3 more) {
    return 1.0 - (1.0 - min(light, 1.0)) / (1.0 + more * (1.0 + 0.5 * more));  // much like exp(-more)
}

// ---- smooth reading (cubic B-spline, so that no grid shows)

vec3 read_smooth(sampler2D from, vec2 uv, float level) {
    vec2 size = vec2(textureSize(from, 0)) * exp2(-level);
    vec2 p = uv * size - 0.5, c = floor(p), f = p - c;
    vec2 g = 1.0 - f;
    vec2 w0 = g * g * g / 6.0, w1 = 2.0 / 3.0 - 0.5 * f * f * (2.0 - f), w3 = f * f * f / 6.0;
    vec2 low = w0 + w1;
    vec2 a = (c - 0.5 + w1 / low) / size, b = (c + 1.5 + w3 / (1.0 - low)) / size;
    return mix(mix(textureLod(from, b, level), textureLod(from, vec2(a.x, b.y), level), low.x),
               mix(textureLod(from, vec2(b.x, a.y), level), textureLod(from, a, level), low.x),
               low.y).rgb;
}
vec3 glow(vec2 uv) { return read_smooth(soft, uv, 0.0); }
