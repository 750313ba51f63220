"""Hair as one smooth surface of strands: a grid from the crown over the skull to the tips.

The strand's direction is known everywhere, so it can be lit as hair (Kajiya and Kay 1989), and
its length, height and volume change without a jump.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.portraits.mesh import SKIN, Head, hairline, smoothstep

Floats = NDArray[np.float32]
CENTRE = np.array([0, 7.45, 0.42], np.float32)
STRANDS, KNOTS = 121, 30
EQUATOR = np.radians(96)  # below, long hair leaves the skull and hangs


class Hair:
    """The grid of strands [STRANDS, KNOTS] over a head."""

    def __init__(self, head: Head) -> None:
        self.angle = np.linspace(-np.pi, np.pi, STRANDS, dtype=np.float32)  # 0 = front
        self.along = np.linspace(0, 1, KNOTS, dtype=np.float32)
        directions, polar = self._polar_grid()
        radius = self._skull(head, directions)  # [strands, polar steps]
        self._end = self._find_hairline(directions, radius, polar)  # [strands]
        knots = self._end[:, None] * self.along[None] ** 0.85
        self.short = self._on_skull(knots, polar, radius)
        self.outward = self._direction(knots)
        hung = np.minimum(knots, EQUATOR)
        self._bind(head, self._on_skull(hung, polar, radius))
        side = np.abs(self.angle)
        self.side = smoothstep(np.radians(50), np.radians(85), side)[:, None]  # may grow long
        self._locks = self._noise()
        row = np.arange(STRANDS - 1)[:, None] * KNOTS + np.arange(KNOTS - 1)
        a, b, c, d = row, row + 1, row + KNOTS, row + KNOTS + 1
        quads = np.stack([a, b, c, b, d, c], -1)
        self.triangles = quads.reshape(-1, 3)
        shade = np.stack(np.broadcast_arrays(self._strand_noise(), self.along[None]), -1)
        self.static = shade.reshape(-1, 2).astype(np.float32)  # strand tone, root to tip

    def _direction(self, polar: Floats) -> Floats:
        angle = np.broadcast_to(self.angle[:, None], polar.shape)
        x, y = np.sin(polar) * np.sin(angle), np.cos(polar)
        z = np.sin(polar) * np.cos(angle)
        tilt = np.radians(-14) * (1 - smoothstep(0, 1.6, polar))  # the crown lies behind the top
        y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
        unit = np.stack([x, y, z], -1)
        return np.asarray(unit, np.float32)

    def _polar_grid(self) -> tuple[Floats, Floats]:
        polar = np.linspace(0, np.radians(160), 65, dtype=np.float32)
        return self._direction(np.broadcast_to(polar, (STRANDS, len(polar)))), polar

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

    def _find_hairline(self, directions: Floats, radius: Floats, polar: Floats) -> Floats:
        points = CENTRE + directions * radius[..., None]
        above = points[..., 1] > hairline(points[..., 2])
        end = np.array(
            [polar[max(np.flatnonzero(~row)[0], 8) if not row.all() else 50] for row in above],
            np.float32,
        )
        for _ in range(4):
            end = (np.roll(end, 1) + end + np.roll(end, -1)) / 3
        return (end + end[::-1]) / 2

    def _on_skull(self, knots: Floats, polar: Floats, radius: Floats) -> Floats:
        at = np.stack([np.interp(k, polar, r) for k, r in zip(knots, radius, strict=True)])
        return np.asarray(CENTRE + self._direction(knots) * at[..., None], np.float32)

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

    def _noise(self) -> Floats:
        """Locks: soft ridges along the strands, the same on both sides."""
        a = np.abs(self.angle)[:, None]
        ridges = np.sin(17 * a + 1) + 0.6 * np.sin(29 * a + 2 + 2 * self.along[None])
        return np.asarray(ridges, np.float32)

    def _strand_noise(self) -> Floats:
        a = np.abs(self.angle)[:, None]
        return np.asarray(0.5 * np.sin(41 * a) + 0.5 * np.sin(67 * a + 1.3), np.float32)

    def shape(
        self, head: Floats, length: float, top: float, volume: float
    ) -> tuple[Floats, Floats, Floats]:
        """Points, normals and strand directions [strands * knots, 3] on the head [n, 3]."""
        s = self.along[None]
        taper = np.sqrt(np.clip(1 - s**3, 0, 1))  # lies flat at the hairline
        ridge = 1 + 0.10 * self._locks * s
        lift = (0.07 + 0.30 * top * (0.35 + 0.65 * smoothstep(0, 0.5, 1.2 - s))) * taper * ridge
        lift = volume * lift + 0.02 * volume - 0.05 * (1 - volume)
        short = self.short + self.outward * lift[..., None]
        long = self._hang(length, top)
        amount = (self.side * smoothstep(0, 0.35, np.float32(length) * np.ones_like(self.side)))[
            ..., None
        ]
        moved = head[self._bound] - self._rest[self._bound]  # [knots, 8, 3]
        shift = (moved * self._bound_weight[..., None]).sum(1)
        points = short + amount * (long - short)
        points = points + shift.reshape(points.shape)
        return self._finish(points)

    def _hang(self, length: float, top: float) -> Floats:
        """Strands that leave the skull at its widest and fall ``length`` down."""
        s = self.along[None]
        share = np.clip(s / 0.5, 0, 1) ** 0.85  # the upper half of a strand lies on the skull
        index = share * (KNOTS - 1)
        limit = np.minimum(1, (EQUATOR / self._end) ** (1 / 0.85))[:, None]
        at = index * limit
        rows = np.arange(STRANDS)[:, None]
        low = np.clip(at.astype(int), 0, KNOTS - 2)
        blend = (at - low)[..., None]
        skull = self.short[rows, low] * (1 - blend) + self.short[rows, low + 1] * blend
        out = self.outward[rows, low] * (1 - blend) + self.outward[rows, low + 1] * blend
        ridge = 1 + 0.10 * self._locks * s
        points = skull + out * ((0.13 + 0.25 * top) * ridge)[..., None]
        fall = np.clip((s - 0.5) / 0.5, 0, 1)
        tips = 1 + 0.05 * self._locks[:, -1:]
        points = points.astype(np.float32)
        points[..., 1] -= fall * (0.45 + 2.1 * length) * tips
        flare = 1 + 0.22 * np.sin(np.pi * 0.75 * fall) * (0.4 + length)
        points[..., 0] *= flare
        points[..., 2] -= 0.15 * fall
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
