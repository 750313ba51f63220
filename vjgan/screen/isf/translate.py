"""ISF's GLSL, which is that of 2004 with names of its own, as that of a core profile."""

from __future__ import annotations

import re

from vjgan.screen.isf.header import IMAGES, Isf

_TYPES = {
    "float": "float",
    "bool": "bool",
    "event": "bool",
    "long": "int",
    "point2D": "vec2",
    "color": "vec4",
    **dict.fromkeys(IMAGES, "sampler2D"),
}
_COMMON = """
#define texture2D texture
#define texture2DLod textureLod
#define texture2DRect(s, c) texture(s, (c) / vec2(textureSize(s, 0)))
#define IMG_SIZE(s) vec2(textureSize(s, 0))
#define IMG_NORM_PIXEL(s, c) texture(s, c)
#define IMG_PIXEL(s, c) texture(s, (c) / vec2(textureSize(s, 0)))
#define IMG_THIS_PIXEL(s) texture(s, isf_FragNormCoord)
#define IMG_THIS_NORM_PIXEL(s) texture(s, isf_FragNormCoord)
#define vv_FragNormCoord isf_FragNormCoord
#define vv_vertShaderInit isf_vertShaderInit
uniform int PASSINDEX, FRAMEINDEX;
uniform float TIME, TIMEDELTA;
uniform vec2 RENDERSIZE;
uniform vec4 DATE;
"""
# What other hosts declare with each image, and files have come to read.
_OF_IMAGE = (
    "#define _NAME_imgRect vec4(0.0, 0.0, 1.0, 1.0)",
    "#define _NAME_imgSize vec2(textureSize(NAME, 0))",
    "#define _NAME_flip false",
)
_FRAGMENT = """
#define varying in
in vec2 isf_FragNormCoord;
layout(location = 0) out vec4 isf_FragColor;
"""
_VERTEX = """
#define varying out
out vec2 isf_FragNormCoord;
void isf_vertShaderInit() {
    isf_FragNormCoord = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(2.0 * isf_FragNormCoord - 1.0, 0.0, 1.0);
}
"""
_PLAIN_VERTEX = "void main() { isf_vertShaderInit(); }\n"
_FRAG_COLOR = re.compile(r"\bgl_FragColor\b|\bgl_FragData\s*\[\s*0\s*\]")
_DIRECTIVES = re.compile(r"^[ \t]*#[ \t]*(?:version|extension)\b[^\n]*", re.MULTILINE)


def samplers(isf: Isf) -> list[str]:
    """The names of all that it may look up: images, sounds, targets and imported pictures."""
    targets = dict.fromkeys(target.name for target in isf.targets if target.name)
    images = [one.name for one in isf.inputs if one.kind in IMAGES]
    return [*images, *targets, *isf.imported]


def fragment_source(isf: Isf, first_line: int, version: int) -> str:
    """Its fragment shader in a version of GLSL; its lines are numbered after ``first_line``."""
    body = _FRAG_COLOR.sub("isf_FragColor", _cleaned(isf.fragment))
    return _head(isf, version) + _FRAGMENT + f"#line {first_line + 1}\n{body}\n"


def vertex_source(isf: Isf, first_line: int, version: int) -> str:
    """Its vertex shader, or the plain one: four corners, drawn as a strip."""
    body = _cleaned(isf.vertex) or _PLAIN_VERTEX
    return _head(isf, version) + _VERTEX + f"#line {first_line + 1}\n{body}\n"


def _head(isf: Isf, version: int) -> str:
    own = [f"uniform {_TYPES[one.kind]} {one.name};" for one in isf.inputs]
    inputs = {one.name for one in isf.inputs}
    own += [f"uniform sampler2D {name};" for name in samplers(isf) if name not in inputs]
    own += [line.replace("NAME", name) for name in samplers(isf) for line in _OF_IMAGE]
    return f"#version {version} core" + _COMMON + "\n".join(own)


def _cleaned(text: str) -> str:
    return _DIRECTIVES.sub("", text)
