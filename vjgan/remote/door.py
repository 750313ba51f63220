"""The door of a page's server: requests by our own name, sockets of our own page, and who need not
be paired."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import MultipleValuesError
from websockets.http11 import Request, Response

from vjgan.remote.address import is_local, is_ours
from vjgan.remote.files import Files, file
from vjgan.remote.pairing import Pairing

quiet = logging.getLogger("vjgan.remote.http")  # what strangers send is no news on stage
quiet.propagate = False
quiet.addHandler(logging.NullHandler())

SOCKET = "/ws"
MOST_PAGES = 16
HELLO_SECONDS = 10.0


class Door:
    """Serves the ``files`` of a page and opens its socket. ``host`` is the name by which it is
    called, besides localhost and addresses in numbers; ``inside`` counts the pages that are there,
    from this machine or from others."""

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        pairing: Pairing | None,
        files: Files,
        inside: Callable[[bool], int],
    ) -> None:
        self._sock = sock
        self._host = host
        self._port = int(sock.getsockname()[1])
        self._pairing = pairing
        self._files = files
        self._inside = inside

    @asynccontextmanager
    async def open(
        self, welcome: Callable[[ServerConnection], Awaitable[None]], most_bytes: int
    ) -> AsyncIterator[None]:
        """The server at work; ``welcome`` listens to a page, whose messages are at most so long,
        for as long as it is there."""
        async with serve(
            welcome,
            sock=self._sock,
            process_request=self._answer,
            compression=None,  # costs time that frames need
            max_size=most_bytes,
            max_queue=32,
            open_timeout=HELLO_SECONDS,
            close_timeout=1.0,
            server_header=None,
            logger=quiet,
        ):
            yield

    def is_local(self, connection: ServerConnection) -> bool:
        """Whether it needs no pairing; strangers cannot take the places of those."""
        return self._pairing is None or is_local(str(connection.remote_address[0]))

    def knows(self, token: str) -> bool:
        """Whether a page has been paired."""
        return self._pairing is not None and bool(token) and self._pairing.knows(token)

    def pair(self, code: str) -> str:
        """A token for the right code; empty for a wrong one."""
        return self._pairing.pair(code) if self._pairing is not None else ""

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """A file, a refusal, or None for a WebSocket that may open."""
        try:
            host = request.headers.get("Host", "")
            origin = request.headers.get("Origin", "")
        except MultipleValuesError:
            return connection.respond(HTTPStatus.BAD_REQUEST, "one Host, one Origin\n")
        if not is_ours(host, self._host, self._port):
            return connection.respond(HTTPStatus.MISDIRECTED_REQUEST, "not the name of vjgan\n")
        path = request.path.partition("?")[0]
        if path == SOCKET:
            if origin != f"http://{host}":
                return connection.respond(HTTPStatus.FORBIDDEN, "only for vjgan's own page\n")
            if self._inside(self.is_local(connection)) >= MOST_PAGES:
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages\n")
            return None
        if path not in self._files:
            return connection.respond(HTTPStatus.NOT_FOUND, "there is nothing here\n")
        return file(self._files[path], host)
