"""What takes several messages to say: controllers of 14 bits, NRPN, and banks of programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONTROL, PROGRAM = 0xB0, 0xC0  # kinds of message; the low four bits are the channel
COARSE = range(32)  # controllers with a fine part, 32 above them
FINE = range(32, 64)
DATA, DATA_FINE = 6, 38
NRPN_FINE, NRPN, RPN_FINE, RPN = 98, 99, 100, 101
NOTHING = 16383  # the parameter number that selects none
BANK_SECONDS = 0.1  # before its program: a knob that happens to be controller 0 chooses no bank

Value = tuple[str, float]  # the source, as presets write it after ``midi.``, and 0..1


@dataclass
class _Pair:
    """A number in two messages, coarse and then fine. Whoever sends no fine part has 7 bits; from
    those who do, a coarse part waits a moment for its fine one."""

    coarse: int = 0
    is_fine: bool = False
    waits: int = 0  # looks for which the coarse part has waited

    def take_coarse(self, value: int) -> float | None:
        self.coarse = value
        self.waits = int(self.is_fine)
        return None if self.is_fine else value / 127

    def take_fine(self, value: int) -> float:
        self.is_fine, self.waits = True, 0
        return (128 * self.coarse + value) / 16383

    def overdue(self) -> float | None:
        """The coarse part alone, whose fine one did not come by the second look: it is 0."""
        self.waits += bool(self.waits)
        if self.waits <= 2:
            return None
        self.waits = 0
        return 128 * self.coarse / 16383


@dataclass
class _Channel:
    pairs: dict[str, _Pair] = field(default_factory=dict)  # by source
    chosen: list[int] = field(default_factory=lambda: [127, 127])  # the parameter, in two halves
    bank: int = 0
    asked: dict[int, int] = field(default_factory=dict)  # halves of a bank number, by controller
    asked_at: float = -1.0

    def parameter(self) -> int:
        return 128 * self.chosen[0] + self.chosen[1]


class Joined:
    """Joins the messages of each port and channel (MIDI 1.0 Detailed Specification: 14-bit control
    changes, registered and non-registered parameters, bank select)."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, int], _Channel] = {}

    def take(self, port: str, data: Sequence[int], time: float) -> Iterator[Value]:
        """What a message that came at ``time`` completes: ``fine1`` or ``nrpn300``."""
        kind, channel = data[0] & 0xF0, self._channel(port, data[0])
        if kind != CONTROL or len(data) != 3:
            return
        number, value = data[1], data[2]
        if number in (0, 32):
            if time - channel.asked_at > BANK_SECONDS:
                channel.asked.clear()
            channel.asked[number], channel.asked_at = value, time
        if number in (NRPN, NRPN_FINE):
            channel.chosen[number == NRPN_FINE] = value
        elif number in (RPN, RPN_FINE):
            channel.chosen = [127, 127]  # a registered one: bend range, tuning
        elif number in (DATA, DATA_FINE) and channel.parameter() != NOTHING:
            source = f"nrpn{channel.parameter()}"
            pair = channel.pairs.setdefault(source, _Pair())
            told = pair.take_coarse(value) if number == DATA else pair.take_fine(value)
            if told is not None:
                yield source, told
        elif number in COARSE:  # which is told as a controller of 7 bits, too
            channel.pairs.setdefault(f"fine{number}", _Pair()).take_coarse(value)
        elif number in FINE and (pair_ := channel.pairs.get(f"fine{number - 32}")):
            yield f"fine{number - 32}", pair_.take_fine(value)

    def overdue(self) -> Iterator[tuple[str, int, Value]]:
        """Port, channel 1..16 and value of the coarse parts whose fine one has not come; to be
        asked at every look."""
        for (port, number), channel in self._channels.items():
            for source, pair in channel.pairs.items():
                if pair.waits and (value := pair.overdue()) is not None:
                    yield port, number, (source, value)

    def program(self, port: str, data: Sequence[int], time: float) -> int:
        """The number of a program, counted from 0 through all banks of 128. A bank is told by
        controllers 0 and 32; where only one of them is not 0, it is the bank's number."""
        channel = self._channel(port, data[0])
        if channel.asked and time - channel.asked_at <= BANK_SECONDS:
            coarse, fine = channel.asked.get(0, 0), channel.asked.get(32, 0)
            channel.bank = 128 * coarse + fine if coarse and fine else coarse or fine
        channel.asked.clear()
        return 128 * channel.bank + data[1]

    def _channel(self, port: str, status: int) -> _Channel:
        return self._channels.setdefault((port, (status & 0x0F) + 1), _Channel())
