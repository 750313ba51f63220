"""Rhythms: how much begins at each step of a bar, band by band, and at which tempo.

Written like drum patterns, one mark a step: 9 is a loud beginning, 0 next to nothing, and each mark
is 1.4 times the one before. They are means of clusters of bars (k-means with the divergence of
Itakura and Saito, which belongs to the exponential distribution) from a hundred pieces in some
eighty styles, and none is a piece's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 0.25, 6.0  # strengths that marks 0 and 9 stand for


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A bar of so many ``beats``; ``weight`` is how common it is, ``bpm`` its usual tempo;
    ``marks`` are a row a band, from low to high."""

    beats: int
    weight: float
    bpm: float
    marks: tuple[str, ...]

    @property
    def accents(self) -> NDArray[np.float64]:
        """Strength at each step: [BANDS, steps]."""
        marks = np.array([[int(mark) for mark in row] for row in self.marks])
        return LEAST * (MOST / LEAST) ** (marks / 9.0)


RHYTHMS = (
    Rhythm(
        4,
        0.058,
        125.0,
        (
            "713502601604",
            "614514513504",
            "604504503614",
            "603603502605",
            "602604603605",
        ),
    ),
    Rhythm(
        4,
        0.058,
        87.0,
        (
            "601504602505",
            "512505512515",
            "622523633524",
            "612613622613",
            "613514624514",
        ),
    ),
    Rhythm(
        4,
        0.050,
        132.0,
        (
            "710502700602",
            "711512601612",
            "701414602511",
            "612523613622",
            "513614513614",
        ),
    ),
    Rhythm(
        4,
        0.041,
        102.0,
        (
            "600206501605",
            "612516511515",
            "612415512515",
            "701505612505",
            "700505601505",
        ),
    ),
    Rhythm(
        4,
        0.033,
        104.0,
        (
            "703406204505",
            "603405205605",
            "613516314416",
            "613516403604",
            "602604602603",
        ),
    ),
    Rhythm(
        4,
        0.124,
        103.0,
        (
            "7120606061405041",
            "7031605161416052",
            "6141605161516151",
            "6040605060506051",
            "6050605050506051",
        ),
    ),
    Rhythm(
        4,
        0.116,
        129.0,
        (
            "7041605160516051",
            "6042605152516152",
            "6143515253425152",
            "6042605152417042",
            "5050605160506051",
        ),
    ),
    Rhythm(
        4,
        0.108,
        93.0,
        (
            "7214413363525322",
            "6233523363535333",
            "6243533352435333",
            "6143624352436333",
            "5243614352436243",
        ),
    ),
    Rhythm(
        4,
        0.092,
        129.0,
        (
            "7222505263235232",
            "7232515363435343",
            "6243524353435343",
            "6142515261426343",
            "6141605250526142",
        ),
    ),
    Rhythm(
        4,
        0.079,
        122.0,
        (
            "8100601082206110",
            "7121712171207121",
            "7231623172316232",
            "7141624161416131",
            "6040604160406041",
        ),
    ),
    Rhythm(
        4,
        0.063,
        118.0,
        (
            "7005505060255051",
            "6025505060255051",
            "6034505162336052",
            "6044605052426042",
            "5063506050626052",
        ),
    ),
    Rhythm(
        4,
        0.051,
        109.0,
        (
            "4225317031266252",
            "5144416341446052",
            "6243445253444153",
            "6034516161516052",
            "6042605160506052",
        ),
    ),
    Rhythm(
        4,
        0.047,
        129.0,
        (
            "8263201030802510",
            "8060402132704413",
            "8241612231416224",
            "6050702433407114",
            "5050605353506045",
        ),
    ),
    Rhythm(
        3,
        0.080,
        111.0,
        (
            "831161306140",
            "712071416131",
            "623262416342",
            "613162406241",
            "703161416131",
        ),
    ),
)
