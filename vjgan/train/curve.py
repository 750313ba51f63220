"""How a training goes: a table that grows (CSV), and a picture of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vjgan.train.state import replace

COLUMNS = (
    *("kimg", "minutes", "images_per_second", "memory_mb"),
    *("r_t", "augment_p", "loss_generator", "loss_discriminator"),
    *("kid", "kid_deviation", "fid", "ppl"),
)
PANELS = {
    "KID: distance from the pictures, 0 is none": ("kid",),
    "FID: the same, another measure": ("fid",),
    "PPL: how rough a walk is": ("ppl",),
    "r_t: 0 learns, 1 knows by heart; p: augmentation": ("r_t", "augment_p"),
    "losses: generator, discriminator": ("loss_generator", "loss_discriminator"),
    "images a second": ("images_per_second",),
}
WIDTH, HEIGHT, EDGE = 460, 220, 44  # pixels of a panel and of the room around its plot
GROUND, INK, FAINT = (250, 250, 248), (40, 40, 40), (205, 205, 200)
LINES = ((30, 90, 200), (220, 90, 20))

Row = dict[str, float]


def read_curve(path: Path, until: float) -> list[Row]:
    """The rows of a table up to ``until`` thousand pictures: later ones belong to steps that were
    lost with a crash."""
    try:
        with path.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    except (OSError, ValueError, AttributeError):
        return []
    return [row for row in rows if row.get("kimg", until + 1.0) <= until + 1e-9]


def write_curve(folder: Path, rows: Sequence[Row]) -> None:
    """Write the table and its picture, curve.csv and curve.png. Raises ModelError."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)
    replace(folder / "curve.csv", text.getvalue().encode())
    data = io.BytesIO()
    plot(rows).save(data, "PNG")
    replace(folder / "curve.png", data.getvalue())


def plot(rows: Sequence[Mapping[str, float]]) -> Image.Image:
    """The panels, two in a row."""
    down = (len(PANELS) + 1) // 2
    image = Image.new("RGB", (2 * WIDTH, down * HEIGHT), GROUND)
    draw = ImageDraw.Draw(image)
    for k, (title, names) in enumerate(PANELS.items()):
        _panel(draw, k % 2 * WIDTH, k // 2 * HEIGHT, title, names, rows)
    return image


def _panel(
    draw: ImageDraw.ImageDraw,
    left: int,
    top: int,
    title: str,
    names: Sequence[str],
    rows: Sequence[Mapping[str, float]],
) -> None:
    font = ImageFont.load_default(12)
    x0, y0 = left + EDGE, top + EDGE
    x1, y1 = left + WIDTH - EDGE // 2, top + HEIGHT - EDGE // 2
    draw.text((x0, top + 14), title, INK, font)
    draw.rectangle((x0, y0, x1, y1), outline=FAINT)
    points = [[(row["kimg"], row[name]) for row in rows if name in row] for name in names]
    values = [y for line in points for _, y in line]
    if not values:
        draw.text((x0 + 8, y0 + 8), "not measured yet", FAINT, font)
        return
    low, high = min([0.0, *values]), max([*values, 1e-9])
    last = max(x for line in points for x, _ in line) or 1.0
    draw.text((left + 4, y0 - 6), f"{high:.3g}", INK, font)
    draw.text((left + 4, y1 - 8), f"{low:.3g}", INK, font)
    draw.text((x1 - 60, y1 + 3), f"{last:.4g} kimg", INK, font)
    for line, colour in zip(points, LINES, strict=False):
        at = [
            (x0 + (x1 - x0) * x / last, y1 - (y1 - y0) * (y - low) / (high - low))
            for x, y in line
        ]  # fmt: skip
        draw.line(at, colour, 2)
        for x, y in at:
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
