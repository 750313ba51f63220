/*{
    "ISFVSN": "2",
    "DESCRIPTION": "A veil of silk before the picture, in folds that the music moves: its lows on one side, its highs on the other.",
    "CREDIT": "vjgan",
    "CATEGORIES": ["Generator", "Audio Visualizer"],
    "INPUTS": [
        {"NAME": "fft", "TYPE": "audioFFT", "MAX": 64},
        {"NAME": "cover", "LABEL": "how much the silk hides", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.55},
        {"NAME": "folds", "LABEL": "folds across the screen", "TYPE": "float", "MIN": 1, "MAX": 12, "DEFAULT": 3.5},
        {"NAME": "pace", "LABEL": "how fast it sways", "TYPE": "float", "MIN": 0, "MAX": 2, "DEFAULT": 0.3},
        {"NAME": "react", "LABEL": "how far the music moves it", "TYPE": "float", "MIN": 0, "MAX": 2, "DEFAULT": 0.8},
        {"NAME": "sheen", "LABEL": "how much its colour changes with the light", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.5},
        {"NAME": "silk", "LABEL": "colour of the silk", "TYPE": "color", "DEFAULT": [0.72, 0.20, 0.34, 1.0]}
    ]
}*/

// Height of the cloth at a place: waves that bend other waves.
float cloth(vec2 p, float swell) {
    float t = pace * TIME;
    vec2 q = p + 0.35 * vec2(sin(1.7 * p.y + t), cos(1.3 * p.x - 0.8 * t));
    q += (0.25 + 0.35 * swell) * vec2(sin(2.9 * q.y - 1.3 * t + 2.0), cos(2.3 * q.x + 0.9 * t));
    return sin(folds * (q.x + 0.35 * q.y) + t) + 0.35 * sin(2.6 * folds * (q.x - 0.2 * q.y) - 1.4 * t)
        + swell * sin(1.3 * folds * q.y + 2.0 * t);
}

void main() {
    vec2 uv = isf_FragNormCoord;
    vec2 p = (uv - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0) * 2.0;
    // Octaves are evenly far apart, as we hear them.
    float heard = IMG_NORM_PIXEL(fft, vec2(pow(2.0, 6.5 * uv.x - 7.0), 0.5)).r;
    float swell = react * heard * heard;
    float e = 0.01, here = cloth(p, swell);
    vec2 slope = vec2(cloth(p + vec2(e, 0.0), swell) - here, cloth(p + vec2(0.0, e), swell) - here) / e;
    vec3 normal = normalize(vec3(-slope, 7.0));
    float lit = 0.5 + 0.5 * dot(normal, normalize(vec3(0.5, 0.6, 0.62)));
    float gloss = pow(max(dot(normal, normalize(vec3(0.25, 0.45, 1.0))), 0.0), 60.0);
    vec3 hue = 0.5 + 0.5 * cos(6.2832 * (vec3(0.0, 0.33, 0.67) + 0.55 * normal.x + 0.1 * here));
    vec3 colour = mix(silk.rgb, silk.rgb * 0.5 + hue * 0.5, sheen) * (0.15 + 1.15 * lit * lit);
    colour += gloss * vec3(1.0, 0.95, 0.88) * (0.35 + 0.6 * swell);
    // Seen from the side there is more of it before the eye.
    float thick = clamp(cover * (0.35 + 1.5 * (1.0 - normal.z)) + 0.5 * gloss, 0.0, 1.0);
    gl_FragColor = vec4(colour, thick * smoothstep(0.0, 0.02, cover));
}
