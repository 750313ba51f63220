"""Ableton Link between two processes of this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import wait_until

from vjgan.beat import BeatClock
from vjgan.beat.link import LinkSession
from vjgan.types import Features, Tick

# Another program in the session. A line asks for a tempo (0: none) and is answered with how many
# others there are, the tempo, the place in the bar, and when that was on the system's clock.
PEER = """
import sys, time
from link import Link
link = Link(float(sys.argv[1]))
link.enabled = True
print("ready", flush=True)
for line in sys.stdin:
    state, micros = link.captureAppSessionState(), link.clock().micros()
    now = time.perf_counter()
    if float(line):
        state.setTempo(float(line), micros)
        link.commitAppSessionState(state)
    print(link.numPeers(), state.tempo(), state.phaseAtTime(micros, 4), now, flush=True)
"""


class Peer:
    def __init__(self, bpm: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, str(bpm)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, bpm: float = 0.0) -> tuple[int, float, float, float]:
        """Peers, tempo, place in the bar, and when."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{bpm}\n")
        self.process.stdin.flush()
        peers, tempo, phase, now = map(float, self.process.stdout.readline().split())
        return int(peers), tempo, phase, now

    def leave(self) -> None:
        self.process.communicate(timeout=10)


def multicast() -> str:
    """Why Link's multicast does not work here; empty where it does."""
    group = ("224.76.78.75", 20899)  # beside Link's own port
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outbox,
        ):
            inbox.bind(group)
            here = socket.inet_aton("127.0.0.1")
            inbox.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group[0]) + here
            )
            outbox.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            inbox.settimeout(1.0)
            outbox.sendto(b"?", group)
            inbox.recv(1)
    except OSError as error:
        return f"no multicast on loopback: {error}"
    return ""


@pytest.fixture
def session() -> Iterator[LinkSession]:
    if reason := multicast():
        pytest.skip(reason)
    start = time.perf_counter()
    with Path(tempfile.gettempdir(), f"vjgan-link-{os.getuid()}").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # or the sessions of two test processes would be one
        one = LinkSession(lambda: time.perf_counter() - start)
        yield one
        one.close()


@pytest.mark.alone
def test_it_follows_a_session_and_its_bar_and_leaves_it_as_it_is(session: LinkSession) -> None:
    start = time.perf_counter() - session._clock_time()
    clock = BeatClock(link=session)
    assert session.lead(0.0, Features()) is None
    peer = Peer(131.0)
    try:
        wait_until(lambda: session.peers, what="the other is seen")
        tempi = []
        for bpm in (131.0, 97.0):
            peer.ask(bpm)
            end = time.perf_counter() + 8 * 60 / bpm + 0.5
            while time.perf_counter() < end:
                now = time.perf_counter() - start
                beat = clock.step(Features(now), Tick(0, now, 1 / 60, now))
                time.sleep(1 / 60)
            peers, tempo, phase, then = peer.ask()
            now = time.perf_counter() - start
            beat = clock.step(Features(now), Tick(0, now, 1 / 60, now))
            tempi.append(tempo)
            assert peers >= 1
            assert (beat.source, beat.confidence) == ("link", 1.0)
            assert beat.bpm == pytest.approx(bpm, rel=1e-3)
            bars = 4 * beat.bar - phase - (now + start - then) * bpm / 60
            assert abs((bars + 2) % 4 - 2) < 0.02
        assert tempi == pytest.approx([131.0, 97.0], rel=1e-3)
        assert f"link with {peers}" in clock.line()
    finally:
        peer.leave()


def test_who_comes_later_finds_what_it_hears(session: LinkSession) -> None:
    time.sleep(1.5)  # by then others would be seen
    if session.peers:
        pytest.skip("another Link session is on this network, which is left alone")
    now = session._clock_time()
    session.offer(now, 97.0, 2.25)
    peer = Peer(140.0)
    try:
        wait_until(lambda: peer.ask()[0] and session.peers, what="they see each other")
        wait_until(lambda: peer.ask()[1] == pytest.approx(97.0, rel=1e-3), what="its tempo")
        lead = session.lead(now, Features())
        assert lead is not None
        assert (lead.bpm, lead.beats) == (
            pytest.approx(97.0, rel=1e-3),
            pytest.approx(2.25, abs=0.02),
        )
        session.offer(now + 5.0, 180.0, 0.0)  # no longer alone: nothing is asked for
        time.sleep(0.3)
        assert peer.ask()[1] == pytest.approx(97.0, rel=1e-3)
    finally:
        peer.leave()
