/*{
    "ISFVSN": "2",
    "DESCRIPTION": "One picture burns away, and the other lies below: a glowing seam eats through like fire through paper.",
    "CREDIT": "vjgan",
    "CATEGORIES": ["Transition"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "LABEL": "how much has burnt away", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.5},
        {"NAME": "scale", "LABEL": "holes a screen height", "TYPE": "float", "MIN": 0.5, "MAX": 8, "DEFAULT": 1.8},
        {"NAME": "seam", "LABEL": "width of the glow", "TYPE": "float", "MIN": 0.002, "MAX": 0.2, "DEFAULT": 0.03},
        {"NAME": "glow", "LABEL": "how bright it glows", "TYPE": "float", "MIN": 0, "MAX": 2, "DEFAULT": 0.9},
        {"NAME": "soot", "LABEL": "how far around it is charred", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0.5},
        {"NAME": "fire", "LABEL": "colour of the glow", "TYPE": "color", "DEFAULT": [1.0, 0.42, 0.10, 1.0]}
    ]
}*/

float chance(vec2 cell) {
    return fract(sin(dot(cell, vec2(12.9898, 78.233))) * 43758.5453);
}

float bumps(vec2 p) {
    vec2 c = floor(p), f = p - c;
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(chance(c), chance(c + vec2(1.0, 0.0)), f.x),
               mix(chance(c + vec2(0.0, 1.0)), chance(c + vec2(1.0, 1.0)), f.x), f.y);
}

// When a place burns, about 0..1; large holes with ragged rims.
float order(vec2 p) {
    float sum = 0.0, size = 0.55;
    for (int i = 0; i < 5; i++) {
        sum += size * bumps(p);
        p = mat2(0.8, 0.6, -0.6, 0.8) * p * 2.1 + 3.7;
        size *= 0.48;
    }
    return smoothstep(0.15, 0.85, sum);
}

void main() {
    vec2 uv = isf_FragNormCoord;
    vec2 p = (uv - 0.5) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0) * scale + vec2(0.03, 0.05) * TIME;
    float room = 2.0 * seam + 0.02;
    float past = mix(-room, 1.0 + room, progress) - order(p);  // above 0: burnt
    float open = smoothstep(-0.004, 0.004, past);
    vec3 upper = IMG_THIS_PIXEL(startImage).rgb, lower = IMG_THIS_PIXEL(endImage).rgb;
    upper *= mix(1.0, smoothstep(0.0, 0.02 + 0.25 * soot, -past), min(1.0, 2.0 * soot));
    lower *= mix(0.55, 1.0, smoothstep(0.0, 0.08, past));  // in the shadow of the sheet above
    float heat = exp(-abs(past) / seam) * (past > 0.0 ? exp(-past / (0.3 * seam)) : 1.0);
    heat *= 0.75 + 0.5 * bumps(7.0 * p + vec2(0.0, 1.5 * TIME));
    vec3 shine = fire.rgb * heat + vec3(1.0, 0.85, 0.5) * pow(heat, 4.0);
    gl_FragColor = vec4(mix(upper, lower, open) + glow * shine, 1.0);
}
