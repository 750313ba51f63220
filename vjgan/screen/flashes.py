"""The flash limiter: at most three flashes a second over a quarter of the screen, as WCAG 2.2 says.

A flash is a pair of opposing changes of relative luminance by a tenth, the darker below 0.8, or of
saturated red (success criterion 2.3.1; relative luminance and the red measure R - G - B, of which
20/320 is a change, as defined there). The light is measured over a grid of places, each of which
remembers when it changed. When about a quarter of them go up or down together, the picture changes;
when it does so a seventh time within a second, and as many places changed as often, it is hot. Then
those follow slowly, like an eye that got used to it. All of it stays on the GPU and depends on
nothing but the frames and their dt: films are limited as shows.
"""

from __future__ import annotations

from collections.abc import Mapping

import moderngl

from vjgan.screen.program import COVER, Surface

GRID = (32, 18)  # places
SECONDS = 1.7  # time constant of a hot place: a strobe of 3 Hz and more moves by less than 0.1
BLACK_SECONDS = 0.06  # likewise toward a blackout, which nothing may hold up
AREA = 0.2  # of the places: a quarter, less what a grid misses

_HEAD = "#version 330 core\nin vec2 at;\n"
# As a screen lights it, IEC 61966-2-1.
_DIM = """
uniform sampler2D frame;
uniform float brightness;
vec3 dimmed(vec3 c) {
    c = clamp(c, 0.0, 1.0);
    // Darker: in proportion. Brighter: the shadows are lifted and the lights do not clip.
    return c * min(brightness, 1.0) + max(0.0, brightness - 1.0) * c * (1.0 - c);
}
vec3 to_linear(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}
"""
# What a place remembers: for how long each of its last five changes counts (s); for how long it
# counts as going up or, below 0, down; 1 if it changed just now; how far luminance and red went
# since (sign: up or down; 1 is added, so that 0 is nothing yet); and how often it changes, 1 often.
_WATCH = """
uniform sampler2D changes, ways, heat;
uniform float dt;
layout(location = 0) out vec4 changes_;
layout(location = 1) out vec4 ways_;
layout(location = 2) out vec4 heat_;

vec2 measured() {
    vec2 sum = vec2(0.0), cell = 1.0 / vec2(textureSize(changes, 0));
    for (int i = 0; i < 16; i++) {
        vec2 here = at + cell * ((vec2(i % 4, i / 4) + 0.5) / 4.0 - 0.5);
        vec3 c = to_linear(dimmed(texture(frame, here).rgb));
        float pure = smoothstep(0.7, 0.8, c.r / (c.r + c.g + c.b + 1e-4));
        sum += vec2(dot(c, vec3(0.2126, 0.7152, 0.0722)), pure * max(0.0, c.r - c.g - c.b));
    }
    return sum / 16.0;
}

// Follow a value to its extreme; true when it has come back by a step, the darker below `dark`.
bool turned(inout float far, float value, float step_, float dark) {
    if (far == 0.0) far = value < 0.5 ? -1.0 - value : 1.0 + value;
    float way = sign(far), extreme = abs(far) - 1.0;
    bool back = (extreme - value) * way >= step_ && min(value, extreme) < dark;
    if (back) far = -way * (1.0 + value);
    else if ((value - extreme) * way > 0.0) far = way * (1.0 + value);
    return back;
}

void main() {
    vec4 a = max(texture(changes, at) - dt, 0.0), b = texture(ways, at);
    b.x = sign(b.x) * max(abs(b.x) - dt, 0.0);
    vec2 h = max(texture(heat, at).rg - dt / vec2(1.5, 1.0), 0.0);  // how often; the fifth change
    vec2 light = measured();
    bool bright = turned(b.z, light.x, 0.09, 0.8), red = turned(b.w, light.y, 0.055, 2.0);
    b.y = float(bright || red);
    if (bright || red) {
        h = vec2(h.g > 0.0 ? 1.0 : h.r, a.w);
        b.x = 0.1 * sign(bright ? b.z : b.w);
        a = vec4(1.0, a.xyz);
    }
    changes_ = a;
    ways_ = b;
    heat_ = vec4(h, 0.0, 0.0);
}
"""
# Two pixels, what the picture as a whole remembers: for how long each of its last six changes
# counts (s), the way of the last one, and how hot it is. It changes when enough places go the same
# way: at once, or one after the other without as many going back, as they do in what merely moves.
_JUDGE = """
uniform sampler2D ways, heat, gate;
uniform float dt, area;
out vec4 drawn;
void main() {
    ivec2 size = textureSize(ways, 0);
    float net = 0.0, often = 0.0;
    vec2 now = vec2(0.0);  // up, down
    for (int i = 0; i < size.x * size.y; i++) {
        ivec2 place = ivec2(i % size.x, i / size.x);
        vec2 one = texelFetch(ways, place, 0).xy;
        often += step(1e-3, texelFetch(heat, place, 0).r);
        net += sign(one.x);
        now += one.y * step(0.0, vec2(one.x, -one.x));
    }
    float enough = area * float(size.x * size.y);
    vec4 a = max(texelFetch(gate, ivec2(0), 0) - dt, 0.0), b = texelFetch(gate, ivec2(1, 0), 0);
    b = vec4(max(b.xy - dt, 0.0), b.z, max(b.w - dt / 1.5, 0.0));
    bool up = b.z <= 0.0 && max(net, now.x) >= enough;
    bool down = b.z >= 0.0 && max(-net, now.y) >= enough;
    if (up || down) {
        if (b.y > 0.0 && often >= enough) b.w = 1.0;
        b.xyz = vec3(a.w, b.x, up ? 1.0 : -1.0);
        a = vec4(1.0, a.xyz);
    }
    drawn = gl_FragCoord.x < 1.0 ? a : b;
}
"""
# How much each place is held, and those around it: 1 fully, fading over the last half second.
_HOLD = """
uniform sampler2D heat, gate;
out vec4 drawn;
void main() {
    ivec2 size = textureSize(heat, 0), here = ivec2(gl_FragCoord.xy);
    float most = 0.0;
    for (int i = 0; i < 9; i++) {
        ivec2 near = clamp(here + ivec2(i % 3 - 1, i / 3 - 1), ivec2(0), size - 1);
        most = max(most, texelFetch(heat, near, 0).r);
    }
    drawn = vec4(min(1.0, 3.0 * most) * min(1.0, 3.0 * texelFetch(gate, ivec2(1, 0), 0).a));
}
"""
_EASE = """
uniform sampler2D past, held;
uniform float dt, seconds, black_seconds, count;
out vec4 drawn;
void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    vec4 seen = texelFetch(frame, here, 0);
    vec3 c = dimmed(seen.rgb);
    float hold = texture(held, at).r;
    hold *= hold;
    float share = 1.0 - exp(-dt / max(1e-6, seconds * hold));
    if (brightness < 0.02) share = max(share, 1.0 - exp(-dt / black_seconds));
    vec3 was = texelFetch(past, here, 0).rgb;
    // Squares are light enough like the screen's, and a CPU has them for nothing.
    vec3 eased = sqrt(mix(was * was, c * c, share));
    // In 8 bits, steps below half a level would never get anywhere: noise takes them there.
    vec2 seed = gl_FragCoord.xy + 5.588238 * mod(count, 64.0);
    float grain = fract(52.9829189 * fract(dot(seed, vec2(0.06711056, 0.00583715))));
    drawn = vec4(hold > 0.0 ? eased + (grain - 0.5) / 255.0 : c, seen.a);
}
"""
_UNITS = {"frame": 0, "changes": 1, "ways": 2, "heat": 3, "gate": 4, "past": 5, "held": 6}


class FlashLimiter:
    """Draws the finished picture once more, with flashes eased; `light` is what it drew."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int], depth: str) -> None:
        """``size`` is that of the picture inside, in pixels, ``depth`` that of its surfaces."""
        self._context = context
        self._count = 0
        sources = (_DIM + _WATCH, _JUDGE, _HOLD, _DIM + _EASE)
        self._watch, self._judge, self._hold, self._ease = (
            _Step(context, _HEAD + source) for source in sources
        )
        self._places, self._old_places = _Places(context), _Places(context)
        self._gate, self._old_gate = (Surface(context, (2, 1), "f4") for _ in range(2))
        self._held = Surface(context, GRID, "f1")
        self.light, self._past = (Surface(context, size, depth) for _ in range(2))

    def limit(self, source: Surface, values: Mapping[str, float]) -> None:
        """Draw what a surface holds onto `light`, at its brightness."""
        self._places, self._old_places = self._old_places, self._places
        self._gate, self._old_gate = self._old_gate, self._gate
        self.light, self._past = self._past, self.light
        self._count += 1
        told = {
            "count": float(self._count % 1024),
            "dt": values.get("dt", 0.0),
            "brightness": values.get("brightness", 1.0),
            "area": AREA,
            "seconds": SECONDS,
            "black_seconds": BLACK_SECONDS,
        }
        source.texture.use(_UNITS["frame"])
        for name, texture in self._old_places.textures.items():
            texture.use(_UNITS[name])
        self._watch.draw(self._places.target, told)
        for name in ("ways", "heat"):
            self._places.textures[name].use(_UNITS[name])
        self._old_gate.texture.use(_UNITS["gate"])
        self._judge.draw(self._gate.target, told)
        self._gate.texture.use(_UNITS["gate"])
        self._hold.draw(self._held.target, told)
        self._past.texture.use(_UNITS["past"])
        self._held.texture.use(_UNITS["held"])
        self._ease.draw(self.light.target, told)

    def resize(self, light: Surface, spare: Surface) -> tuple[Surface, Surface]:
        """Take surfaces of another size; the two that were in use, the newest first."""
        old = self.light, self._past
        self.light, self._past = light, spare
        return old

    def forget(self) -> None:
        """Begin as if nothing had been seen."""
        for places in (self._places, self._old_places):
            places.target.clear()
        for surface in (self._gate, self._old_gate):
            surface.target.clear()

    def release(self) -> None:
        """Give back what the GPU holds."""
        for step in (self._watch, self._judge, self._hold, self._ease):
            step.release()
        for places in (self._places, self._old_places):
            places.release()
        for surface in (self._gate, self._old_gate, self._held, self.light, self._past):
            surface.release()


class _Places:
    """What the places of the grid remember: three textures that are drawn to at once."""

    def __init__(self, context: moderngl.Context) -> None:
        names = ("changes", "ways", "heat")
        self.textures = {name: context.texture(GRID, 4, dtype="f4") for name in names}
        for texture in self.textures.values():
            texture.filter = moderngl.NEAREST, moderngl.NEAREST
        self.target = context.framebuffer([*self.textures.values()])
        self.target.clear()

    def release(self) -> None:
        self.target.release()
        for texture in self.textures.values():
            texture.release()


class _Step:
    """One of the limiter's programs."""

    def __init__(self, context: moderngl.Context, source: str) -> None:
        self._gl = context.program(vertex_shader=COVER, fragment_shader=source)
        self._triangle = context.vertex_array(self._gl, [])
        uniforms = [name for name in self._gl if isinstance(self._gl[name], moderngl.Uniform)]
        self._floats = [name for name in uniforms if name not in _UNITS]
        for name in uniforms:
            if name in _UNITS:
                self._gl[name] = _UNITS[name]

    def draw(self, target: moderngl.Framebuffer, values: Mapping[str, float]) -> None:
        for name in self._floats:
            self._gl[name] = values[name]
        target.use()
        self._triangle.render(vertices=3)

    def release(self) -> None:
        self._triangle.release()
        self._gl.release()
