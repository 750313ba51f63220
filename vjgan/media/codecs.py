"""What films are encoded by: the codecs one may ask for, and which encoder of each opens here.

FFmpeg names encoders whether or not their hardware is there, so that one is tried by opening it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from vjgan.errors import MediaError

BT709 = 1  # ITU-T H.273: the same number for primaries, transfer and matrix
TICKS = 90_000  # a second, of shows that are filmed: pictures lie between frames of any rate


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of FFmpeg's: ``live`` are the options by which it encodes at once, without frames from
    the future, ``film`` those by which it takes its time."""

    name: str
    live: Mapping[str, str]
    film: Mapping[str, str]
    pixels: str = "yuv420p"
    clear: str = ""  # the format of pixels that keep alpha, where there is one
    clear_options: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""  # by which QuickTime's containers call it

    def options(self, live: bool, alpha: bool) -> dict[str, str]:
        """How it is to be opened."""
        return {**(self.live if live else self.film), **(self.clear_options if alpha else {})}

    def format(self, alpha: bool) -> str:
        """The format of its pixels."""
        return self.clear if alpha else self.pixels


_NVENC = {"preset": "p4", "tune": "ll", "rc": "vbr", "cq": "21", "forced-idr": "1"}
_NVENC_FILM = {"preset": "p7", "tune": "hq", "rc": "vbr", "cq": "19"}
_PRORES = {"profile": "3", "vendor": "apl0"}
# Best first, the last one being there on every machine.
CODECS: dict[str, tuple[Encoder, ...]] = {
    "h264": (
        Encoder("h264_nvenc", _NVENC, _NVENC_FILM),
        Encoder(
            "libx264",
            {
                "preset": "ultrafast",  # half of superfast's time for a sixth more bytes
                "crf": "20",
                "forced-idr": "1",
                "x264-params": "scenecut=0:bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0",
            },
            # Unless cpu-independent, on AVX-512 it sometimes gives the same frames other bytes.
            {"crf": "18", "preset": "medium", "x264-params": "cpu-independent=1"},
        ),
    ),
    "hevc": (
        Encoder("hevc_nvenc", _NVENC, _NVENC_FILM, tag="hvc1"),
        Encoder(
            "libx265",
            {
                "preset": "ultrafast",
                "crf": "22",
                "forced-idr": "1",
                "x265-params": "log-level=none:scenecut=0:bframes=0:rc-lookahead=0",
            },
            {"crf": "20", "preset": "medium", "x265-params": "log-level=none"},
            tag="hvc1",
        ),
    ),
    "prores": (
        Encoder("prores_ks", _PRORES, _PRORES, "yuv422p10le", "yuva444p10le", {"profile": "4"}),
    ),
    "vp9": (
        Encoder(
            "libvpx-vp9",
            {
                "deadline": "realtime", "cpu-used": "8", "crf": "24", "b": "0",
                "lag-in-frames": "0", "auto-alt-ref": "0", "row-mt": "1",
            },
            # Frames that are never shown, its usual way, cannot have an alpha beside them.
            {"deadline": "good", "cpu-used": "3", "crf": "20", "b": "0", "auto-alt-ref": "0",
             "row-mt": "1"},
            clear="yuva420p",
        ),
    ),
}  # fmt: skip
_ANY = (".mp4", ".mov", ".mkv")
SUFFIXES = {"h264": _ANY, "hevc": _ANY, "prores": (".mov", ".mkv"), "vp9": (".webm", ".mkv")}
USUAL = {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
CLEAR = {".mov": "prores", ".webm": "vp9", ".mkv": "vp9"}  # where alpha is kept
ENCODERS = {one.name: codec for codec, encoders in CODECS.items() for one in encoders}


def suffix_of(codec: str, alpha: bool) -> str:
    """The ending of a film that is given none. Raises MediaError for an unknown codec."""
    if not codec:
        return ".mov" if alpha else ".mp4"
    return SUFFIXES[_known(codec)][0]


def check_codec(path: Path, codec: str, alpha: bool) -> str:
    """The codec for a film: the one asked for, by its own name or that of one of its encoders, or
    the usual one of the file's kind. Raises MediaError for one that is unknown, that such files do
    not hold, or that has no alpha."""
    suffix = path.suffix.lower()
    if codec:
        known = _known(codec)
        if suffix not in SUFFIXES[known]:
            raise MediaError(
                f"film '{path}': {known} is kept in {' or '.join(SUFFIXES[known])}, not '{suffix}'"
            )
    else:
        known = codec = (CLEAR if alpha else USUAL).get(suffix, "h264")
    if alpha and not any(one.clear for one in CODECS[known]):
        raise MediaError(
            f"film '{path}': {known} keeps no alpha; name it .mov (prores) or .webm (vp9)"
        )
    return codec


def find_encoder(codec: str, size: tuple[int, int], live: bool, alpha: bool = False) -> Encoder:
    """The encoder of a codec, or the one of that name. Live the best one that opens; for films the
    one that gives the same bytes on every machine. Raises MediaError when one that was asked for by
    its name does not open."""
    encoders = CODECS[_known(codec)]
    if codec in ENCODERS:
        named = next(one for one in encoders if one.name == codec)
        if reason := _refusal(named, size, live, alpha):
            raise MediaError(f"encoder '{codec}' does not open here: {reason}")
        return named
    opening = (one for one in encoders[:-1] if live and not _refusal(one, size, live, alpha))
    return next(opening, encoders[-1])


def set_picture(
    context: VideoCodecContext, size: tuple[int, int], encoder: Encoder, alpha: bool = False
) -> None:
    """Pictures of a size in pixels as an encoder wants them, BT.709."""
    context.width, context.height = size
    context.pix_fmt = encoder.format(alpha)
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG.value


def _refusal(encoder: Encoder, size: tuple[int, int], live: bool, alpha: bool) -> str:
    """Why an encoder does not open; empty if it does."""
    try:
        context = av.CodecContext.create(encoder.name, "w")
        assert isinstance(context, VideoCodecContext)
        set_picture(context, size, encoder, alpha)
        context.time_base = Fraction(1, TICKS)
        context.options = encoder.options(live, alpha)
        context.open()
    except (av.FFmpegError, ValueError, TypeError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _known(codec: str) -> str:
    known = ENCODERS.get(codec, codec)
    if known not in CODECS:
        raise MediaError(
            f"codec '{codec}' is unknown; there are: {', '.join(CODECS)}, "
            f"and by name: {', '.join(ENCODERS)}"
        )
    return known
