"""What the ear makes of the sound: levels, onsets, tempo and beat. The only file that knows aubio
(P. Brossier, "Automatic Annotation of Musical Audio for Interactive Applications", 2006)."""

from __future__ import annotations

import math

import aubio
import numpy as np

from vjgan.errors import VjganError
from vjgan.levels import Heard, Levels
from vjgan.meter import BEATS
from vjgan.novelty import Novelty
from vjgan.tracker import Tracker
from vjgan.types import AudioFrame, Features, FloatArray

ONSET_METHODS = ("specflux", "energy", "hfc", "complex", "phase", "specdiff", "kl", "mkl")

HOP = 256 / 44100  # one hop in seconds, at any rate
SPAN = 4  # hops in a spectrum

RUMBLE_HZ = 20.0  # below is no sound but an offset
LOUDEST = 8.0  # samples beyond are a fault

# In an empty spectrum the leakage around steady tones, whitened and compressed, looks like onsets.
# Noise at this share of the mean level fills it: on clean synthetic music, false onsets fall from
# three in four to one in fifty.
DITHER = 1e-3
ONSET_THRESHOLD = 0.4
ONSET_HOPS = 3.5  # an onset is found so much later; measured on kicks (aubio assumes 4.3)
ONSET_GAP = 0.06  # seconds; closer ones are one
THUMP_DELAY = 0.016  # seconds, measured likewise


class Analyser:
    """Features of a stream of sound at one rate, 8 to 192 kHz, in blocks of any length. Values stay
    finite and counters only grow, whatever comes in."""

    def __init__(self, sample_rate: int, onset_method: str = "specflux") -> None:
        """``onset_method`` is one of ONSET_METHODS; raises VjganError for another."""
        if onset_method not in ONSET_METHODS:
            allowed = ", ".join(ONSET_METHODS)
            raise VjganError(f"onset method '{onset_method}' is not one of {allowed}")
        self._rate = sample_rate
        self._hop = round(sample_rate * HOP)
        self._dt = self._hop / sample_rate
        size = 2 ** round(math.log2(SPAN * self._hop))
        self._highpass = _highpass(sample_rate)
        self._levels = Levels(sample_rate, size)
        self._onset = aubio.onset(onset_method, size, self._hop, sample_rate)
        self._onset.set_threshold(ONSET_THRESHOLD)
        self._onset.set_delay(round(ONSET_HOPS * self._hop))
        self._novelty = Novelty(sample_rate)
        self._tracker = Tracker()
        self._random = np.random.default_rng(0)
        self._waiting: FloatArray = np.zeros(0, np.float32)  # less than a hop
        self._untracked: FloatArray = np.zeros(0, np.float32)  # less than a hop of the tracker
        self._heard: Heard | None = None
        self._samples = 0  # analysed so far
        self._blocks = 0
        self._onsets, self._onset_time, self._since_onset = 0, -1e9, math.inf
        self._beats, self._beat_time, self._since_beat = 0, -1e9, 0.0

    def analyse(self, frame: AudioFrame) -> Features:
        """The features when ``frame`` has been heard."""
        sound = np.concatenate((self._waiting, self._highpass(_clean(frame.samples))))
        whole = len(sound) // self._hop * self._hop
        for start in range(0, whole, self._hop):
            end = start + self._hop
            self._hear(sound[start:end], frame.time - (len(sound) - end) / self._rate)
        self._waiting = sound[whole:]
        self._blocks += 1
        return self._features(frame.time)

    def _hear(self, block: FloatArray, time: float) -> None:
        """Take in one hop, the last sample of which was in the air at ``time``."""
        heard = self._levels.step(block, self._dt)
        self._heard = heard
        self._samples += self._hop
        dither = self._random.normal(0.0, DITHER * heard.mean, self._hop)
        flux = bool(self._onset(block + dither.astype(np.float32))[0])
        self._count_onset(flux, heard, time)
        self._track(block, heard.silent, time)

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

    def _count_onset(self, flux: bool, heard: Heard, time: float) -> None:
        """Count what aubio finds, and the kicks that it overlooks; those only where there is a
        pulse, since steady noise thumps, too."""
        self._since_onset += self._dt
        thump = heard.thump and self._tracker.confidence > 0.0
        if heard.silent or not (flux or thump) or self._since_onset < ONSET_GAP:
            return
        self._onsets += 1
        self._since_onset = 0.0
        late = (self._samples - self._onset.get_last()) / self._rate if flux else THUMP_DELAY
        self._onset_time = time - late

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
        return Features(
            time=time,
            level=heard.level,
            low=heard.low,
            mid=heard.mid,
            high=heard.high,
            centroid_hz=heard.centroid_hz,
            bpm=bpm,
            beat_phase=(time - self._beat_time) * bpm / 60.0 % 1.0 if bpm > 0.0 else 0.0,
            confidence=0.0 if heard.silent else self._tracker.confidence,
            bar_phase=self._bar_phase(time),
            bar_confidence=0.0 if heard.silent else self._tracker.bar_confidence,
            onset_count=self._onsets,
            onset_time=self._onset_time,
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
        beat = round(tracker.bar * BEATS - tracker.phase)
        return (beat + since) / BEATS % 1.0


def _clean(samples: FloatArray) -> FloatArray:
    """Samples without what is not a number, or no sound."""
    finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(finite, -LOUDEST, LOUDEST).astype(np.float32)


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
