"""An analysis as a picture: waveform, bands, onsets, beats, tempo and intensity over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vjgan.analysis import STEP, Analysis
from vjgan.media import Recording
from vjgan.types import OCTAVES, ByteArray, FloatArray

WIDTH, LEFT, RIGHT, GAP = 1920, 132, 36, 26  # pixels
TITLE, FOOT = 84, 44
PANELS = {"waveform": 200, "bands": 220, "drums": 150, "beats": 70, "tempo": 150, "intensity": 130}
FINER = 2  # drawn so much larger, and then made smaller

PAPER, SHEET = (14, 15, 20), (21, 23, 30)
INK, FAINT, GRID = (226, 229, 238), (134, 140, 156), (42, 46, 58)
DARK_TONE, BRIGHT_TONE = (88, 92, 255), (255, 176, 92)
LANES = {
    "hats": (120, 214, 255),
    "snares": (255, 196, 92),
    "kicks": (255, 92, 112),
    "onsets": (196, 200, 214),
}
BEAT, DOWNBEAT, TEMPO, RISE = (112, 122, 150), (255, 255, 255), (122, 230, 178), (190, 128, 255)
HEAT = ((14, 15, 24), (54, 22, 96), (150, 36, 116), (236, 92, 74), (252, 178, 80), (252, 246, 196))
BAND_NAMES = ("-80", "150", "350", "850", "2k", "4k", "8k", "8k+")
TONE_HZ = (200.0, 5000.0)
CROWD = 0.08  # strokes a pixel from which on they are thin


def draw(analysis: Analysis, sound: Recording) -> ByteArray:
    """The picture, uint8 [height, WIDTH, 3]."""
    sheet = _Sheet(analysis.seconds)
    sheet.title(analysis)
    sheet.waveform(sound, analysis)
    sheet.bands(analysis)
    sheet.drums(analysis)
    sheet.beats(analysis)
    sheet.tempo(analysis)
    sheet.intensity(analysis)
    return sheet.image()


class _Sheet:
    """Panels one below another, drawn FINER than they are shown."""

    def __init__(self, seconds: float) -> None:
        height = TITLE + sum(PANELS.values()) + GAP * (len(PANELS) - 1) + FOOT
        self._seconds = max(seconds, 1e-3)
        self._image = Image.new("RGB", (WIDTH * FINER, height * FINER), PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self._fonts = {size: ImageFont.load_default(size * FINER) for size in (13, 15, 30)}
        self._boxes: dict[str, tuple[int, int, int, int]] = {}
        top = TITLE
        for name, tall in PANELS.items():
            box = (LEFT * FINER, top * FINER, (WIDTH - RIGHT) * FINER, (top + tall) * FINER)
            self._boxes[name] = box
            self._pen.rectangle(box, fill=SHEET)
            self._pen.text((24 * FINER, box[1]), name, INK, self._fonts[15])
            top += tall + GAP
        self._times(top - GAP)

    def image(self) -> ByteArray:
        small = self._image.reduce(FINER)
        return np.asarray(small, np.uint8)

    def title(self, analysis: Analysis) -> None:
        tempo = f"{analysis.tempo_bpm:.1f} bpm" if analysis.tempo_bpm else "no tempo"
        counts = "   ".join(f"{len(times)} {name}" for name, times in analysis.events.items())
        name = Path(analysis.track).name
        self._pen.text((24 * FINER, 14 * FINER), name, INK, self._fonts[30])
        minutes, seconds = divmod(round(analysis.seconds), 60)
        line = f"{minutes}:{seconds:02}   {tempo}   {counts}"
        self._pen.text((24 * FINER, 53 * FINER), line, FAINT, self._fonts[15])

    def waveform(self, sound: Recording, analysis: Analysis) -> None:
        """Lowest and highest sample of each column, its colour the sound's: dark to bright."""
        left, top, right, bottom = self._boxes["waveform"]
        total = round(analysis.seconds * sound.sample_rate)
        low, high, rms = _columns(sound.blocks(), total, right - left)
        peak = max(float(high.max()), -float(low.min()), 0.05)
        low_hz, high_hz = TONE_HZ
        tone = np.log(np.maximum(analysis.curves["centroid_hz"], low_hz) / low_hz)
        tones = self._sampled(tone / np.log(high_hz / low_hz), right - left)
        middle, half = (top + bottom) / 2, 0.46 * (bottom - top) / peak
        for column in range(right - left):
            colour = _mixed(DARK_TONE, BRIGHT_TONE, float(np.clip(tones[column], 0.0, 1.0)))
            x = left + column
            for bottom_, top_, share in (
                (low[column], high[column], 0.5),
                (-rms[column], rms[column], 1.0),
            ):
                ends = (x, middle - half * top_, x, middle - half * bottom_)
                self._pen.line(ends, fill=_mixed(SHEET, colour, share))

    def bands(self, analysis: Analysis) -> None:
        """The eight bands as heat, the lowest below."""
        left, top, right, bottom = self._boxes["bands"]
        rows = [
            self._sampled(analysis.curves[f"band{k + 1}"], right - left)
            for k in reversed(range(OCTAVES))
        ]
        heat = np.clip(np.array(rows) / 2.5, 0.0, 1.0) ** 0.7  # [OCTAVES, columns]
        stops = np.linspace(0.0, 1.0, len(HEAT))
        colours = [np.interp(heat, stops, [one[c] for one in HEAT]) for c in range(3)]
        picture = Image.fromarray(np.stack(colours, axis=-1).astype(np.uint8))
        picture = picture.resize((right - left, bottom - top), Image.Resampling.NEAREST)
        self._image.paste(picture, (left, top))
        tall = (bottom - top) / OCTAVES
        for k, name in enumerate(BAND_NAMES):
            self._label(name, bottom - (k + 0.5) * tall, FAINT)

    def drums(self, analysis: Analysis) -> None:
        """A lane each for hats, snares, kicks and all onsets."""
        _, top, _, bottom = self._boxes["drums"]
        tall = (bottom - top) / len(LANES)
        for k, (name, colour) in enumerate(LANES.items()):
            begin = top + k * tall
            self._label(name, begin + tall / 2, colour)
            self._strokes(analysis.events[name], begin + 0.16 * tall, begin + 0.84 * tall, colour)

    def beats(self, analysis: Analysis) -> None:
        """Every beat, and taller the first of a bar."""
        _, top, _, bottom = self._boxes["beats"]
        tall = bottom - top
        self._strokes(analysis.events["beats"], top + 0.45 * tall, bottom - 0.1 * tall, BEAT)
        self._strokes(analysis.events["downbeats"], top + 0.1 * tall, bottom - 0.1 * tall, DOWNBEAT)

    def tempo(self, analysis: Analysis) -> None:
        """The tempo, the brighter the surer."""
        left, top, right, bottom = self._boxes["tempo"]
        bpm, sure = analysis.curves["tempo_bpm"], analysis.curves["confidence"]
        known = bpm[bpm > 0.0]
        low, high = _span(known)
        for mark in np.arange(np.ceil(low / 10.0) * 10.0, high, 10.0 if high - low < 80 else 20.0):
            y = bottom - (mark - low) / (high - low) * (bottom - top)
            self._pen.line((left, y, right, y), fill=GRID, width=FINER)
            self._label(f"{mark:.0f}", y, FAINT)
        xs = left + (np.arange(len(bpm)) + 1) * STEP / self._seconds * (right - left)
        ys = bottom - (np.clip(bpm, low, high) - low) / (high - low) * (bottom - top)
        for k in range(1, len(bpm)):
            if bpm[k] > 0.0 and bpm[k - 1] > 0.0:
                colour = _mixed(SHEET, TEMPO, 0.25 + 0.75 * float(min(1.0, sure[k])))
                self._pen.line((xs[k - 1], ys[k - 1], xs[k], ys[k]), fill=colour, width=2 * FINER)

    def intensity(self, analysis: Analysis) -> None:
        """The arc of the music as a hill."""
        left, top, right, bottom = self._boxes["intensity"]
        tall = bottom - top
        hill = self._sampled(analysis.curves["intensity"], right - left)
        for column in range(right - left):
            x = left + column
            height = float(np.clip(hill[column], 0.0, 1.0)) * tall
            shade = _mixed(SHEET, RISE, 0.18 + 0.45 * float(np.clip(hill[column], 0.0, 1.0)))
            self._pen.line((x, bottom - height, x, bottom), fill=shade)
            self._pen.line((x, bottom - height, x, bottom - height + 2 * FINER), fill=RISE)

    def _times(self, bottom: int) -> None:
        """Lines through all panels, and minutes and seconds below."""
        step = next(s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600) if
                    self._seconds / s <= 16 or s == 3600)  # fmt: skip
        left, right = LEFT * FINER, (WIDTH - RIGHT) * FINER
        for k in range(int(self._seconds // step) + 1):
            x = left + k * step / self._seconds * (right - left)
            for box in self._boxes.values():
                self._pen.line((x, box[1], x, box[3]), fill=GRID, width=FINER)
            text = f"{k * step // 60}:{k * step % 60:02}"
            place = (x, (bottom + 8) * FINER)
            self._pen.text(place, text, FAINT, self._fonts[13], anchor="ma")

    def _strokes(
        self, times: Sequence[float], top: float, bottom: float, colour: tuple[int, int, int]
    ) -> None:
        left, right = LEFT * FINER, (WIDTH - RIGHT) * FINER
        wide = 2 * FINER if len(times) < CROWD * (right - left) else FINER
        for time in times:
            x = left + time / self._seconds * (right - left)
            self._pen.line((x, top, x, bottom), fill=colour, width=wide)

    def _label(self, text: str, y: float, colour: tuple[int, int, int]) -> None:
        place = ((LEFT - 10) * FINER, y)
        self._pen.text(place, text, colour, self._fonts[13], anchor="rm")

    def _sampled(self, curve: FloatArray, columns: int) -> NDArray[np.float64]:
        """A curve at each column, as its mean there."""
        if not len(curve):
            return np.zeros(columns)
        times = (np.arange(len(curve)) + 1) * STEP
        at = (np.arange(columns) + 0.5) / columns * self._seconds
        sums = np.concatenate(([0.0], np.cumsum(curve, dtype=np.float64)))
        wide = max(STEP, self._seconds / columns) / 2.0
        ends = np.concatenate(([0.0], times))
        part = np.interp(at + wide, ends, sums) - np.interp(at - wide, ends, sums)
        return np.asarray(part * STEP / np.maximum(2.0 * wide, 1e-9))


def _columns(
    blocks: Iterable[FloatArray], total: int, columns: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lowest, highest and root mean square in each column of ``total`` samples, which come in
    ``blocks`` [n, channels]; one that none falls into is as the one before it."""
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    power, counts, place = np.zeros(columns), np.zeros(columns), 0
    for block in blocks:
        block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        column = np.arange(place, place + len(block)) * columns // max(1, total)
        column = np.minimum(column, columns - 1)
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        seen = column[starts]
        low[seen] = np.minimum(low[seen], np.minimum.reduceat(block.min(axis=1), starts))
        high[seen] = np.maximum(high[seen], np.maximum.reduceat(block.max(axis=1), starts))
        square = (block.astype(np.float64) ** 2).mean(axis=1)
        power[seen] += np.add.reduceat(square, starts)
        counts[seen] += np.diff(np.append(starts, len(block)))
        place += len(block)
    last = np.maximum.accumulate(np.where(counts > 0, np.arange(columns), 0))
    rms = np.sqrt(power / np.maximum(1, counts))
    rows = np.stack([low, high, rms])[:, last] if place else np.zeros((3, columns))
    low, high, rms = np.clip(rows, -1.0, 1.0).astype(np.float32)
    return low, high, rms


def _span(bpm: FloatArray) -> tuple[float, float]:
    """The range of tempi that is drawn: all that occur, and 10 bpm more on either side."""
    if not len(bpm):
        return 60.0, 200.0
    return float(bpm.min()) - 10.0, float(bpm.max()) + 10.0


def _mixed(
    one: tuple[int, int, int], other: tuple[int, int, int], share: float
) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
