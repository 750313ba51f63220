"""Hair as one smooth surface of strands: a grid from the crown over the skull to the tips.

The strand's direction is known everywhere, so it can be lit as hair (Kajiya and Kay 1989), and
its length, height, volume, curl, fringe and parting change without a jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.portraits.mesh import SKIN, Head, hairline, smoothstep

Floats = NDArray[np.float32]
CENTRE = np.array([0, 7.45, 0.42], np.float32)
STRANDS, KNOTS = 121, 34
POLAR = np.linspace(0, np.radians(160), 65, dtype=np.float32)  # from the crown
EQUATOR = np.radians(96)  # below, long hair leaves the skull and hangs
SPACING = 0.85  # of knots: closer together at the tips


@dataclass(frozen=True, slots=True)
class Style:
    """How hair is worn: each 0..1, ``fringe`` -1..1 (receding .. to the brows) and ``parting``
    -1..1 (swept to one side or the other)."""

    length: float
    top: float
    volume: float
    curl: float
    fringe: float
    parting: float


class Hair:
    """The grid of strands [STRANDS, KNOTS] over a head."""

    def __init__(self, head: Head) -> None:
        self._angle = np.linspace(-np.pi, np.pi, STRANDS, dtype=np.float32)[:, None]  # 0 = front
        self._along = np.linspace(0, 1, KNOTS, dtype=np.float32)[None]
        self._side = np.abs(self._angle)
        directions = direction(np.broadcast_to(self._angle, (STRANDS, len(POLAR))), POLAR)
        self._radius = self._skull(head, directions)  # [strands, polar steps]
        self._end = self._find_hairline(directions)[:, None]  # [strands, 1]
        self._bind(head, CENTRE + directions * self._radius[..., None])
        self._locks, self._tufts = self._ridges(), self._bumps()
        row = np.arange(STRANDS - 1)[:, None] * KNOTS + np.arange(KNOTS - 1)
        a, b, c, d = row, row + 1, row + KNOTS, row + KNOTS + 1
        self.triangles = np.stack([a, b, c, b, d, c], -1).reshape(-1, 3)
        shade = np.broadcast_arrays(self._strand_noise(), self._along, self._tufts)
        rows = np.stack(shade, -1).reshape(-1, 3)
        self.static = rows.astype(np.float32)  # strand tone, root to tip, tufts of curls

    def _skull(self, head: Head, directions: Floats) -> Floats:
        """Distance of the skin from CENTRE along each direction; the outermost hit, no ears."""
        keep = (head.region[head.triangles[:, 0]] == SKIN) & (
            head.rest[head.triangles[:, 0], 1] > 5.9
        )
        corner = head.rest[head.triangles[keep]] - CENTRE
        corner = corner[np.abs(corner[:, :, 0]).max(1) < 0.86]
        a, e1, e2 = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
        out = np.full(directions.shape[:2], np.nan, np.float32)
        for i, row in enumerate(directions):  # Moeller and Trumbore 1997, origin at CENTRE
            p = np.cross(row[:, None], e2)  # [polar, f, 3]
            det = (p * e1).sum(-1)
            det = np.where(np.abs(det) < 1e-9, 1e-9, det)
            u = (p * -a).sum(-1) / det
            q = np.cross(-a, e1)
            v = (row @ q.T) / det
            t = (q * e2).sum(-1) / det
            hit = (u >= -1e-4) & (v >= -1e-4) & (u + v <= 1.0001) & (t > 0.2)
            far = np.where(hit, t, 0).max(1)
            out[i] = np.where(far > 0, far, np.nan)
        return self._fill(out)

    @staticmethod
    def _fill(radius: Floats) -> Floats:
        for row in radius:
            bad = np.isnan(row)
            row[bad] = np.interp(np.flatnonzero(bad), np.flatnonzero(~bad), row[~bad])
        for _ in range(3):  # soft, so that ears and folds do not print through
            radius = (np.roll(radius, 1, 0) + radius + np.roll(radius, -1, 0)) / 3
        return (radius + radius[::-1]) / 2

    def _find_hairline(self, directions: Floats) -> Floats:
        points = CENTRE + directions * self._radius[..., None]
        above = points[..., 1] > hairline(points[..., 2])
        end = np.array(
            [POLAR[max(np.flatnonzero(~row)[0], 8) if not row.all() else 50] for row in above],
            np.float32,
        )
        for _ in range(4):
            end = (np.roll(end, 1) + end + np.roll(end, -1)) / 3
        return (end + end[::-1]) / 2

    def _bind(self, head: Head, points: Floats) -> None:
        """Follow the nearest skin when the head changes its shape."""
        skin = np.flatnonzero((head.region == SKIN) & (head.rest[:, 1] > 6.2))
        flat = points.reshape(-1, 3)
        squared = ((flat[:, None] - head.rest[skin][None]) ** 2).sum(-1)
        nearest = np.argsort(squared, 1)[:, :8]
        weight = 1 / (np.take_along_axis(squared, nearest, 1) + 0.01)
        self._bound = skin[nearest]
        self._bound_weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
        self._rest = head.rest

    def _ridges(self) -> Floats:
        """Locks: soft ridges along the strands, the same on both sides."""
        a = self._side
        return np.asarray(np.sin(13 * a + 1) + 0.6 * np.sin(23 * a + 2 + 3 * self._along))

    def _bumps(self) -> Floats:
        """Curls: bumps of about a finger's width, the same on both sides."""
        chance = np.random.default_rng(5)
        total = np.zeros((STRANDS, KNOTS), np.float32)
        for _ in range(10):
            across, down = chance.uniform(9, 18), chance.uniform(18, 36) * chance.choice([-1, 1])
            total += np.cos(across * self._side + down * self._along + chance.uniform(0, 6.3))
        return total / np.float32(5**0.5)

    def _strand_noise(self) -> Floats:
        """Darker and lighter strands, -1..1, the same on both sides."""
        chance = np.random.default_rng(3)
        total = np.zeros((STRANDS, 1), np.float32)
        for wave in (9, 17, 26, 37, 51):
            total += np.sin(wave * self._side + chance.uniform(0, 6.3)).astype(np.float32)
        return np.clip(total / 3, -1, 1)

    def shape(self, head: Floats, style: Style) -> tuple[Floats, Floats, Floats]:
        """Points, normals and strand directions [strands * knots, 3] on the head [n, 3]."""
        s, front = self._along, 1 - smoothstep(0.35, 1.5, self._side)
        way = 0.62 * style.fringe if style.fringe > 0 else 0.30 * style.fringe
        polar = (self._end + way * front) * s**SPACING
        sweep = 1.05 * style.parting * (1 - smoothstep(0.5, 2.1, self._side)) * s**1.4
        angle = self._angle + sweep
        moved = head[self._bound] - self._rest[self._bound]  # [strands * polar steps, 8, 3]
        shift = (moved * self._bound_weight[..., None]).sum(1).reshape(*self._radius.shape, 3)
        short = self._skull_at(angle, polar, shift) + self._lift(style, angle, polar, front)
        long = self._hang(style, angle, shift)
        side = smoothstep(0.87, 1.48, self._side)  # may grow long
        amount = side * float(smoothstep(0, 0.35, np.float32(style.length)))
        return self._finish(short + amount[..., None] * (long - short))

    def _skull_at(self, angle: Floats, polar: Floats, shift: Floats) -> Floats:
        """Points [strands, knots, 3] on the skull of a head whose rest is shifted [s, p, 3]."""
        x = ((angle / (2 * np.pi) + 0.5) % 1) * (STRANDS - 1)
        y = polar / POLAR[-1] * (len(POLAR) - 1)
        i = np.clip(x.astype(int), 0, STRANDS - 2)
        j = np.clip(y.astype(int), 0, len(POLAR) - 2)
        u, v = (x - i)[..., None], (y - j)[..., None]
        table = np.concatenate([self._radius[..., None], shift], 2)
        at = (table[i, j] * (1 - v) + table[i, j + 1] * v) * (1 - u)
        at += (table[i + 1, j] * (1 - v) + table[i + 1, j + 1] * v) * u
        return np.asarray(CENTRE + direction(angle, polar) * at[..., :1] + at[..., 1:], np.float32)

    def _lift(self, style: Style, angle: Floats, polar: Floats, front: Floats) -> Floats:
        """How far hair stands off the skull: [strands, knots, 3]."""
        s, curl = self._along, style.curl
        taper = np.sqrt(np.clip(1 - s ** (3 + 3 * curl), 0, 1))  # lies flat at the hairline
        rise = 0.07 + 0.30 * style.top * (0.35 + 0.65 * smoothstep(0, 0.5, 1.2 - s))
        rise = rise * (1 + 0.10 * self._locks * s * (1 - curl))
        rise = rise + curl * (0.09 + 0.22 * style.top)
        lift = style.volume * rise * taper + 0.02 * style.volume - 0.05 * (1 - style.volume)
        lift = lift + curl * style.volume * 0.045 * self._tufts * np.sqrt(s) * (0.2 + 0.8 * taper)
        loose = (max(style.fringe, 0) + 0.5 * abs(style.parting)) * front * s**2
        lift = lift + 0.07 * style.volume * loose * (1 + 0.25 * self._locks)
        return np.asarray(direction(angle, polar) * lift[..., None], np.float32)

    def _hang(self, style: Style, angle: Floats, shift: Floats) -> Floats:
        """Strands that leave the skull at its widest and fall ``length`` down."""
        s, curl = self._along, style.curl
        lie = np.clip(s / 0.5, 0, 1)  # the upper half of a strand lies on the skull
        polar = np.minimum(self._end, EQUATOR) * lie**SPACING
        ridge = (0.13 + 0.25 * style.top + 0.10 * curl) * (1 + 0.10 * self._locks * s)
        out = direction(angle, polar)
        points = self._skull_at(angle, polar, shift) + out * ridge[..., None]
        fall = np.clip((s - 0.5) / 0.5, 0, 1)
        tips = 1 + 0.07 * self._locks[:, -1:]
        points[..., 1] -= fall * (0.45 + 2.1 * style.length) * tips
        flare = 1 + (0.22 + 0.3 * curl) * np.sin(np.pi * 0.75 * fall) * (0.4 + style.length)
        wave = np.sin(fall * (5 + 9 * style.length) + 5 * self._side) * np.sqrt(fall)
        points[..., 0] *= flare + 0.17 * curl * wave
        points[..., 2] += curl * 0.15 * wave - 0.15 * fall
        points += out * (0.055 * curl * self._tufts * np.sqrt(s))[..., None]
        return points

    @staticmethod
    def _finish(points: Floats) -> tuple[Floats, Floats, Floats]:
        strand = np.gradient(points, axis=1)
        across = np.gradient(points, axis=0)
        across[[0, -1]] = (points[1] - points[-2]) / 2  # the grid closes behind the head
        normal = np.cross(strand, across)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        strand /= np.linalg.norm(strand, axis=-1, keepdims=True) + 1e-9
        return points.reshape(-1, 3), normal.reshape(-1, 3), strand.reshape(-1, 3)


def direction(angle: Floats, polar: Floats) -> Floats:
    """Unit vectors [..., 3] from CENTRE: an angle around the crown (0 = front) and one away."""
    x, y = np.sin(polar) * np.sin(angle), np.cos(polar) * np.ones_like(angle)
    z = np.sin(polar) * np.cos(angle)
    tilt = np.radians(-14) * (1 - smoothstep(0, 1.6, polar))  # the crown lies behind the top
    y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
    return np.asarray(np.stack([x, y, z], -1), np.float32)
