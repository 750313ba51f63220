/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The picture as ink in water on pale paper: it is drawn again and again, and flows away.",
    "CREDIT": "vjgan",
    "CATEGORIES": ["Stylize", "Feedback"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "flow", "LABEL": "how fast the ink runs", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.35},
        {"NAME": "scale", "LABEL": "currents a screen height", "TYPE": "float", "MIN": 0.5, "MAX": 8, "DEFAULT": 2.2},
        {"NAME": "draw", "LABEL": "how often it is drawn anew a second", "TYPE": "float", "MIN": 0.05, "MAX": 6, "DEFAULT": 0.9},
        {"NAME": "focus", "LABEL": "how much of the drawing stays sharp", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.4},
        {"NAME": "strength", "LABEL": "how strong the ink is", "TYPE": "float", "MIN": 0.2, "MAX": 3, "DEFAULT": 1.3},
        {"NAME": "tint", "LABEL": "how much of the picture's own colour it has", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.35},
        {"NAME": "ink", "LABEL": "colour of the ink", "TYPE": "color", "DEFAULT": [0.20, 0.27, 0.50, 1.0]},
        {"NAME": "paper", "LABEL": "colour of the paper", "TYPE": "color", "DEFAULT": [0.95, 0.91, 0.83, 1.0]}
    ],
    "PASSES": [
        {"TARGET": "wet", "PERSISTENT": true, "FLOAT": true, "WIDTH": "floor($WIDTH / 3.0)", "HEIGHT": "floor($HEIGHT / 3.0)"},
        {}
    ]
}*/

float chance(vec2 cell) {
    return fract(sin(dot(cell, vec2(12.9898, 78.233))) * 43758.5453);
}

// Smooth noise, 0..1, one bump a unit.
float bumps(vec2 p) {
    vec2 c = floor(p), f = p - c;
    f = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    return mix(mix(chance(c), chance(c + vec2(1.0, 0.0)), f.x),
               mix(chance(c + vec2(0.0, 1.0)), chance(c + vec2(1.0, 1.0)), f.x), f.y);
}

// Water runs along the contours of this height, so that it is never compressed.
float height(vec2 p) {
    return bumps(p + vec2(0.13, 0.21) * TIME) + 0.4 * bumps(2.3 * p - vec2(0.27, 0.08) * TIME);
}

vec2 current(vec2 p) {
    float e = 0.03, here = height(p);
    return vec2(height(p + vec2(0.0, e)) - here, here - height(p + vec2(e, 0.0))) / e;
}

float light(vec3 c) { return dot(c, vec3(0.2126, 0.7152, 0.0722)); }

void main() {
    vec2 uv = isf_FragNormCoord;
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec3 seen = IMG_NORM_PIXEL(inputImage, uv).rgb;
    if (PASSINDEX == 0) {
        vec2 way = current(vec2(uv.x * aspect, uv.y) * scale) * vec2(1.0 / aspect, 1.0);
        way.y -= 0.15;  // and it sinks
        vec3 was = IMG_NORM_PIXEL(wet, uv - 0.25 * flow * TIMEDELTA * way).rgb;
        float fresh = FRAMEINDEX == 0 ? 1.0 : 1.0 - exp(-draw * TIMEDELTA);
        gl_FragColor = vec4(mix(was, seen, fresh), 1.0);
        return;
    }
    vec3 run = IMG_NORM_PIXEL(wet, uv).rgb;
    float thick = 1.0 - light(run);
    // A wash dries darkest at its rim.
    vec2 slope = vec2(dFdx(thick), dFdy(thick)) * RENDERSIZE.y / 60.0;
    thick = mix(thick, 1.0 - light(seen), focus) + 0.6 * length(slope);
    thick = 1.3 * pow(smoothstep(0.1, 1.1, thick), 1.4);
    vec3 own = clamp(run / max(light(run), 0.05) * light(ink.rgb) * 1.6, 0.02, 0.98);
    vec3 dye = mix(ink.rgb, own, tint);
    float fibre = bumps(uv * RENDERSIZE * vec2(0.13, 0.4));
    vec3 sheet = paper.rgb * (0.97 + 0.06 * fibre);
    // Light through ink: Beer and Lambert.
    gl_FragColor = vec4(sheet * pow(max(dye, 0.01), vec3(thick * strength * (0.92 + 0.16 * fibre))), 1.0);
}
