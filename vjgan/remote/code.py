"""A pairing code as people take it over: in letters, and as a QR code for a telephone."""

from __future__ import annotations

import io

import segno


def drawn(address: str, code: str) -> str:
    """The address that pairs whoever opens it, as a QR code (ISO/IEC 18004) of block letters. The
    code stands behind ``#``, which browsers keep to themselves."""
    picture = io.StringIO()
    segno.make(f"{address}/#{code}", error="l", micro=False).terminal(picture, compact=True)
    return picture.getvalue()
