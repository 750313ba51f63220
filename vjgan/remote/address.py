"""Where page and OSC can be reached: sockets bound at the door, and whose requests are answered."""

from __future__ import annotations

import ipaddress
import socket

from vjgan.errors import DeviceError

NEXT_PORTS = 10  # tried where one is busy
LARGEST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """A TCP socket that listens at the first free port from ``port`` on. Raises DeviceError."""
    reason = "no port is left"
    for one in range(port, min(port + NEXT_PORTS, LARGEST_PORT + 1)):
        try:
            return _bound("--control-host", host, one, socket.SOCK_STREAM)
        except OSError as error:
            reason = str(error.strerror or error)
    raise DeviceError(f"control page: port {port} of '{host}' and the next ones: {reason}")


def receive(host: str, port: int) -> socket.socket:
    """A UDP socket at just this port. Raises DeviceError."""
    try:
        return _bound("--osc-host", host, port, socket.SOCK_DGRAM)
    except OSError as error:
        raise DeviceError(f"OSC: port {port} of '{host}': {error.strerror or error}") from None


def _bound(option: str, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=kind)[0]
    except (OSError, UnicodeError):
        raise DeviceError(f"{option} '{host}' is not an address of this machine") from None
    sock = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def reachable(host: str) -> str:
    """The address to tell others: of all of this machine's, the one by which it goes out."""
    if host not in ("0.0.0.0", "::", ""):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # RFC 5737; a datagram socket sends nothing by it
            return str(sock.getsockname()[0])
        except OSError:
            return socket.gethostname()


def url(host: str, port: int) -> str:
    """A page's address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_ours(host_header: str, host: str, port: int) -> bool:
    """Whether a request's Host means us. A name of someone else's that was made to point here (DNS
    rebinding) does not; an address in numbers cannot be made to."""
    name, _, asked = host_header.rpartition(":")
    if asked != str(port):
        return False
    name = name.strip("[]").lower()
    if name in ("localhost", host.lower(), socket.gethostname().lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether an address is this machine's own, so that nobody else can come by it."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
