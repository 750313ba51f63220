"""The control page and OSC of a show, put together from the rooms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from vjgan.assets import cache_folder, folder, own_folder
from vjgan.darkroom import Darkroom
from vjgan.errors import DeviceError, PresetError, VjganError
from vjgan.generator.checkpoint import find_model, info
from vjgan.generator.upscale import model_of
from vjgan.generator.worker import Worker
from vjgan.kin import About, Kin
from vjgan.library import Library
from vjgan.loader import Loader
from vjgan.preset import FORMAT
from vjgan.remote.address import is_local, listen, reachable, receive, url
from vjgan.remote.cards import Cards
from vjgan.remote.code import drawn
from vjgan.remote.desk import Desk
from vjgan.remote.figures import Figures
from vjgan.remote.osc import Osc, addresses
from vjgan.remote.pairing import Pairing
from vjgan.remote.pictures import Thumbnails
from vjgan.remote.server import Server
from vjgan.remote.service import Part, Service
from vjgan.rig import Change, Edit, take_back
from vjgan.snapshot import edit_preset, keep_snapshot, save_changes
from vjgan.standing import Standing
from vjgan.stock import all_controls, credit
from vjgan.thumbnails import Illustrator
from vjgan.types import ByteArray, Kept

log = logging.getLogger("vjgan")

Figured = Callable[[], Mapping[str, Any]]  # for the page, twice a second


@dataclass(frozen=True)
class ControlSettings:
    """The options of ``vjgan live`` that open it to other hands; see its help."""

    page: bool = True
    host: str = "127.0.0.1"
    port: int = 8765
    osc_host: str = "127.0.0.1"
    osc_port: int = 9000  # 0: no OSC


def make_desk(library: Library, scenes: Loader | None = None) -> Desk:
    """A desk whose snapshots become presets of the performer's own. What is saved while ``scenes``
    play it is not built anew."""

    def keep(standing: Standing, image: ByteArray | None) -> Path | None:
        folder = library.own_folder or own_folder("presets")
        with _logged():
            about = credit(library, standing.source, standing.title)
            check, paths = library.preset, library.paths()
            path = keep_snapshot(standing, folder, paths, check, library.model, library.seed, about)
            _keep_picture(path, image, about)
            log.info("kept as preset '%s' (%s)", path.stem, path)
            return path
        return None

    def save(standing: Standing, image: ByteArray | None) -> None:
        source = standing.source
        if source is None or scenes is None:
            keep(standing, image)
            return
        with _logged():
            if source.parent == library.presets_folder:
                path = keep(standing, image)  # what comes with vjgan stays as it is
                if path is None:
                    return
                with scenes.saving(source, path):
                    pass
            else:
                path = source
                with scenes.saving(source, path):
                    save_changes(standing, library.preset)
                _keep_picture(path, image, credit(library, path, standing.title))
                log.info("saved preset '%s' (%s)", path.stem, path)
            desk.tell(Kept(source, path, standing.own))

    desk = Desk(keep, save)
    return desk


class PresetPen:
    """Writes into the preset on stage while it plays; what comes with vjgan is copied first."""

    def __init__(self, library: Library, scenes: Loader, desk: Desk) -> None:
        self._library = library
        self._scenes = scenes
        self._desk = desk

    def edit(self, change: Edit) -> Change:
        """Write a change, which what is on stage takes on without being built anew. Raises
        VjganError."""
        library, standing = self._library, self._desk.standing()
        if standing is None or standing.source is None:
            raise PresetError("no preset with a file is on stage yet")
        source = path = standing.source
        if source.parent == library.presets_folder:
            plain = replace(standing, own=standing.given)
            folder = library.own_folder or own_folder("presets")
            path = keep_snapshot(
                plain, folder, library.paths(), library.preset, library.model, library.seed
            )

        def renewed(document: Any) -> None:
            change(document)
            document["format"] = FORMAT

        with self._scenes.saving(source, path):
            before, after = edit_preset(path, renewed, library.preset)
        self._read(path)
        self._desk.tell(Kept(source, path, standing.given))
        return Change(path, before, after, "preset")

    def take_back(self, kept: Change) -> None:
        """Undo it. Raises VjganError."""
        with self._scenes.saving(kept.path, kept.path):
            take_back(kept)
        self._read(kept.path)

    def _read(self, path: Path) -> None:
        self._library.controllers[path] = self._library.preset(path).controllers


@contextmanager
def _logged() -> Iterator[None]:
    """What goes wrong is said; the show goes on."""
    try:
        yield
    except VjganError as error:
        log.error("%s", error)


def _keep_picture(path: Path, image: ByteArray | None, about: Mapping[str, str]) -> None:
    if image is not None:
        thumbnails = _thumbnails()
        thumbnails.keep(thumbnails.name(path), image, about)


def serve(
    settings: ControlSettings,
    desk: Desk,
    library: Library,
    painter: Worker,
    fps: float,
    camera: Figured | None = None,
) -> Service:
    """Page and OSC, as far as they are wanted and their ports are free. The page shows what a
    ``camera`` does, if there is one."""
    parts: list[Part] = []
    openers: list[Callable[[], Part]] = []
    illustrator = Illustrator(cache_folder("thumbnails"))
    kin = Kin(desk, library.bank, _about(library), Darkroom())
    if settings.page:
        openers.append(
            lambda: _page(settings, desk, library, painter, fps, illustrator, kin, camera)
        )
    if settings.osc_port:
        openers.append(lambda: _osc(settings, desk))
    for open_ in openers:
        try:
            parts.append(open_())
        except DeviceError as error:
            log.warning("%s; the show goes on without", error)

    def close() -> None:
        illustrator.close()
        kin.close()

    return Service(*parts, closing=close)


def _about(library: Library) -> About:
    """What opens the model that is on, and the SHA-256 of its file."""

    @cache
    def about(source: Path | None) -> tuple[str, str]:
        if source is None:
            return library.default_model, ""
        model = library.model_of(library.preset(source))
        path = find_model(model, folder("models"))
        return model, info(model_of(path) or path).sha256

    return lambda standing: about(standing.source)


def _page(
    settings: ControlSettings,
    desk: Desk,
    library: Library,
    painter: Worker,
    fps: float,
    illustrator: Illustrator,
    kin: Kin,
    camera: Figured | None = None,
) -> Server:
    sock = listen(settings.host, settings.port)
    host = reachable(settings.host)
    address = url(host, sock.getsockname()[1])

    def show_code(code: str) -> None:
        log.info("to pair another machine: %s/#%s\n%s", address, code, drawn(address, code))

    log.info("control page: %s", address)
    if int(sock.getsockname()[1]) != settings.port:
        log.warning("control page: port %d is busy, so it is at %s", settings.port, address)
    pairing = None if is_local(settings.host) else Pairing(show_code)
    figures = Figures(desk.frame_times, painter.durations_ms, lambda: painter.frames, fps)
    cards = Cards(library.paths, library.preset, _thumbnails())
    seen = {} if camera is None else {"camera": camera}

    def stats() -> Mapping[str, Any]:
        return {**figures.read(), **{name: words() for name, words in seen.items()}}

    return Server(sock, host, desk, cards, pairing, stats, illustrator.wish, kin)


def _osc(settings: ControlSettings, desk: Desk) -> Osc:
    sock = receive(settings.osc_host, settings.osc_port)
    log.info("OSC: udp://%s:%d/vjgan/...", reachable(settings.osc_host), settings.osc_port)
    return Osc(sock, desk)


def _thumbnails() -> Thumbnails:
    return Thumbnails(cache_folder("thumbnails"))


def list_addresses() -> list[str]:
    """A line for each OSC address."""
    return addresses(all_controls())
