"""What the ear makes of the sound: levels, onsets, tempo and beat. The only file that knows aubio
(P. Brossier, "Automatic Annotation of Musical Audio for Interactive Applications", 2006)."""

from __future__ import annotations

import math

import aubio
import numpy as np

from vjgan.intensity import Intensity
from vjgan.levels import Heard, Levels
from vjgan.novelty import Novelty
from vjgan.onsets import DELAYS, NAMES, Bands, Onsets
from vjgan.spectrum import Spectrum
from vjgan.tracker import Tracker
from vjgan.types import LEAST_DB, AudioFrame, Features, FloatArray

RUMBLE_HZ = 20.0  # below is no sound but an offset
LOUDEST = 8.0  # samples beyond are a fault
FULL_SCALE = 0.999
FALL_DB = 12.0  # a second, of the peak meter (IEC 60268-10, type I)
NEVER = -1e9  # a time


class Analyser:
    """Features of a stream of sound at one rate, 8 to 192 kHz, in blocks of any length. Values stay
    finite and counters only grow, whatever comes in."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._spectrum = Spectrum(sample_rate)
        self._hop, self._dt = self._spectrum.hop, self._spectrum.dt
        self._highpass = _highpass(sample_rate)
        self._levels = Levels(self._spectrum.bins_hz, self._spectrum.scale, self._dt)
        self._intensity = Intensity()
        self._bands = Bands(self._spectrum.bins_hz)
        self._onsets = Onsets()
        self._novelty = Novelty(sample_rate)
        self._tracker = Tracker()
        self._waiting: FloatArray = np.zeros(0, np.float32)  # less than a hop
        self._untracked: FloatArray = np.zeros(0, np.float32)  # less than a hop of the tracker
        self._heard: Heard | None = None
        self._blocks = 0
        self._peak_db, self._clipped = LEAST_DB, 0
        self._counts, self._times = [0] * len(NAMES), [NEVER] * len(NAMES)
        self._beats, self._beat_time, self._since_beat = 0, NEVER, 0.0

    def analyse(self, frame: AudioFrame) -> Features:
        """The features when ``frame`` has been heard."""
        samples, peak = _clean(frame.samples)
        self._meter(peak if frame.peak is None else frame.peak, len(samples))
        sound = np.concatenate((self._waiting, self._highpass(samples)))
        whole = len(sound) // self._hop * self._hop
        for start in range(0, whole, self._hop):
            end = start + self._hop
            self._hear(sound[start:end], frame.time - (len(sound) - end) / self._rate)
        self._waiting = sound[whole:]
        self._blocks += 1
        return self._features(frame.time)

    def _meter(self, peak: float, count: int) -> None:
        """Let the peak meter rise at once and fall slowly, for ``count`` samples."""
        peak = min(peak, LOUDEST) if math.isfinite(peak) else 0.0
        self._clipped += peak >= FULL_SCALE
        now_db = 20.0 * math.log10(max(peak, 1e-6))
        self._peak_db = max(now_db, self._peak_db - FALL_DB * count / self._rate, LEAST_DB)

    def _hear(self, block: FloatArray, time: float) -> None:
        """Take in one hop, the last sample of which was in the air at ``time``."""
        squares = self._spectrum.step(block)
        heard = self._levels.step(squares)
        self._heard = heard
        self._intensity.step(heard.loudness, heard.silent, self._dt)
        power = float(np.dot(block, block)) / self._hop
        began = self._onsets.step(self._bands.step(squares, power, self._dt), self._dt)
        if not heard.silent and any(began):
            self._count_onsets(began, time)
        self._track(block, heard.silent, time)

    def _count_onsets(self, began: list[bool], time: float) -> None:
        for k, new in enumerate(began):
            if new:
                self._counts[k] += 1
                self._times[k] = time - DELAYS[k]

    def _track(self, block: FloatArray, silent: bool, time: float) -> None:
        """Let the tracker go on, which counts its own hops."""
        self._untracked = np.concatenate((self._untracked, block))
        hop = self._novelty.hop
        while len(self._untracked) >= hop:
            strength = self._novelty.step(self._untracked[:hop])
            self._untracked = self._untracked[hop:]
            self._tracker.step(None if silent else strength)
            if self._tracker.bpm > 0.0:
                self._count_beat(silent, hop / self._rate)
                self._beat_time = time - len(self._untracked) / self._rate - self._since_beat

    def _count_beat(self, silent: bool, dt: float) -> None:
        """Move the newest beat to where the tracker has it, and count it once."""
        period = 60.0 / self._tracker.bpm
        age = self._tracker.phase * period
        self._since_beat += dt
        new = age < self._since_beat - period / 2.0
        if new and not silent and self._tracker.confidence > 0.0:
            self._beats += 1
        if new or abs(age - self._since_beat) < period / 2.0:
            self._since_beat = age

    def _features(self, time: float) -> Features:
        heard = self._heard
        if heard is None:
            return Features(time, alive=True, blocks_read=self._blocks)
        bpm = self._tracker.bpm
        onsets, kicks, snares, hats = self._counts
        onset_time, kick_time, snare_time, hat_time = self._times
        return Features(
            time=time,
            level=heard.level,
            low=heard.low,
            mid=heard.mid,
            high=heard.high,
            bands=heard.bands,
            centroid_hz=heard.centroid_hz,
            flatness=heard.flatness,
            intensity=self._intensity.value,
            peak_db=self._peak_db,
            clip_count=self._clipped,
            bpm=bpm,
            beat_phase=(time - self._beat_time) * bpm / 60.0 % 1.0 if bpm > 0.0 else 0.0,
            confidence=0.0 if heard.silent else self._tracker.confidence,
            bar_phase=self._bar_phase(time),
            bar_beats=self._tracker.beats,
            bar_confidence=0.0 if heard.silent else self._tracker.bar_confidence,
            onset_count=onsets,
            onset_time=onset_time,
            kick_count=kicks,
            kick_time=kick_time,
            snare_count=snares,
            snare_time=snare_time,
            hat_count=hats,
            hat_time=hat_time,
            beat_count=self._beats,
            beat_time=self._beat_time,
            silent=heard.silent,
            alive=True,
            blocks_read=self._blocks,
        )

    def _bar_phase(self, time: float) -> float:
        """0..1 of the bar at ``time``: its beat, and how far that has gone."""
        tracker = self._tracker
        if tracker.bpm == 0.0:
            return 0.0
        since = (time - self._beat_time) * tracker.bpm / 60.0
        beat = round(tracker.bar * tracker.beats - tracker.phase)
        return (beat + since) / tracker.beats % 1.0


def _clean(samples: FloatArray) -> tuple[FloatArray, float]:
    """Samples without what is not a number, or no sound, and the largest of them."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak <= LOUDEST:
        finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        samples = np.clip(finite, -LOUDEST, LOUDEST)
        peak = float(np.abs(samples).max())
    return samples.astype(np.float32, copy=False), peak


def _highpass(sample_rate: int) -> aubio.digital_filter:
    """A Butterworth high-pass at RUMBLE_HZ, second order (bilinear transform)."""
    k = math.tan(math.pi * RUMBLE_HZ / sample_rate)
    scale = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    biquad = aubio.digital_filter(3)
    biquad.set_biquad(
        scale,
        -2.0 * scale,
        scale,
        2.0 * (k * k - 1.0) * scale,
        (1.0 - math.sqrt(2.0) * k + k * k) * scale,
    )
    return biquad
