"""The files of the control page, and the headers that keep a page to itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Response

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".js": "text/javascript; charset=utf-8",
}
Files = Mapping[str, Path]  # by the path of a request


def files_of(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Files of a folder by the path they are asked for by; ``index.html`` is the page itself."""
    return {"/" if name == "index.html" else f"/{name}": folder / name for name in names}


PAGE = Path(__file__).with_name("page")
SCRIPTS = (
    *("page", "camera", "entrance", "faces", "faders", "grid", "line", "meters", "people"),
    *("person", "state", "tree"),
)
STYLES = ("style.css", "camera.css", "people.css", "person.css")
FILES: Files = files_of(
    PAGE, ("index.html", "icon.svg", *STYLES, *(f"{name}.js" for name in SCRIPTS))
) | {"/person": PAGE / "person.html"}


def file(path: Path, host: str) -> Response:
    """The answer with a file; ``host`` is what the request called us."""
    body = path.read_bytes()
    headers = Headers(
        {
            "Content-Type": KINDS[path.suffix],
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' blob: data:; connect-src 'self' ws://{host}; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )
    return Response(HTTPStatus.OK, "OK", headers, body)
