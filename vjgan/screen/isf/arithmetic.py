"""The little sums in which ISF files give sizes, such as ``floor($WIDTH / 2.0)``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

Sum = Callable[[Mapping[str, float]], float]

MOST_LETTERS = 400
_WORD = re.compile(
    r"\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|\$?([A-Za-z_]\w*)|(\*\*|[-+*/%^(),]))"
)
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS: dict[str, tuple[Callable[..., float], range]] = {
    "floor": (math.floor, range(1, 2)),
    "ceil": (math.ceil, range(1, 2)),
    "round": (lambda x: math.floor(x + 0.5), range(1, 2)),
    "trunc": (math.trunc, range(1, 2)),
    "abs": (abs, range(1, 2)),
    "sqrt": (math.sqrt, range(1, 2)),
    "exp": (math.exp, range(1, 2)),
    "ln": (math.log, range(1, 2)),
    "log": (math.log10, range(1, 2)),
    "log2": (math.log2, range(1, 2)),
    "sin": (math.sin, range(1, 2)),
    "cos": (math.cos, range(1, 2)),
    "tan": (math.tan, range(1, 2)),
    "pow": (math.pow, range(2, 3)),
    "mod": (math.fmod, range(2, 3)),
    "min": (min, range(2, 9)),
    "max": (max, range(2, 9)),
}


def read_sum(text: str, names: set[str]) -> Sum:
    """What gives the sum's value for values of ``names``; it is only ever computed with, never
    executed. It may raise ArithmeticError or ValueError, as for a division by zero.

    Raises ValueError: what is wrong with the text."""
    if len(text) > MOST_LETTERS:
        raise ValueError(f"it is longer than {MOST_LETTERS} letters")
    reader = _Reader(_words(text), names)
    sum_ = reader.sum()
    if reader.words:
        raise ValueError(f"'{reader.words[0]}' does not belong there")
    return sum_


def _words(text: str) -> list[str]:
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"'{text[at:].strip()[:8]}' is no number, name or sign")
        words.append(match[0].strip())
        at = match.end()
    return words


class _Reader:
    """Takes words from the left; each method reads one kind of thing (recursive descent)."""

    MOST_DEEP = 40

    def __init__(self, words: list[str], names: set[str]) -> None:
        self.words = words
        self._names = names
        self._depth = 0

    def sum(self) -> Sum:
        self._depth += 1
        if self._depth > self.MOST_DEEP:
            raise ValueError("it is nested too deeply")
        left = self._product()
        while (sign := self._taken("+", "-")) is not None:
            left = _joined(sign, left, self._product())
        self._depth -= 1
        return left

    def _product(self) -> Sum:
        left = self._power()
        while (sign := self._taken("*", "/", "%")) is not None:
            left = _joined(sign, left, self._power())
        return left

    def _power(self) -> Sum:
        negative = False
        while (sign := self._taken("-", "+")) is not None:
            negative ^= sign == "-"
        left = self._thing()
        if self._taken("^", "**") is not None:
            self._depth += 1
            if self._depth > self.MOST_DEEP:
                raise ValueError("it is nested too deeply")
            left = _joined("^", left, self._power())
            self._depth -= 1
        return (lambda values: -left(values)) if negative else left

    def _thing(self) -> Sum:
        if not self.words:
            raise ValueError("it ends too early")
        word = self.words.pop(0)
        if word == "(":
            inner = self.sum()
            self._expect(")")
            return inner
        if word[0].isdigit() or word[0] == ".":
            number = float(word)
            return lambda _: number
        name = word.removeprefix("$")
        if self.words[:1] == ["("] and not word.startswith("$"):
            return self._call(name)
        if name in self._names:
            return lambda values: values[name]
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda _: constant
        raise ValueError(f"'{word}' is unknown")

    def _call(self, name: str) -> Sum:
        if name not in _FUNCTIONS:
            raise ValueError(
                f"the function '{name}' is unknown; there are: {', '.join(_FUNCTIONS)}"
            )
        function, counts = _FUNCTIONS[name]
        self._expect("(")
        given = [] if self.words[:1] == [")"] else [self.sum()]
        while self._taken(",") is not None:
            given.append(self.sum())
        self._expect(")")
        if len(given) not in counts:
            raise ValueError(f"{name} does not take {len(given)} values")
        return lambda values: float(function(*(one(values) for one in given)))

    def _taken(self, *signs: str) -> str | None:
        return self.words.pop(0) if self.words and self.words[0] in signs else None

    def _expect(self, sign: str) -> None:
        if self._taken(sign) is None:
            raise ValueError(f"a '{sign}' is missing")


def _joined(sign: str, left: Sum, right: Sum) -> Sum:
    match sign:
        case "+":
            return lambda values: left(values) + right(values)
        case "-":
            return lambda values: left(values) - right(values)
        case "*":
            return lambda values: left(values) * right(values)
        case "/":
            return lambda values: left(values) / right(values)
        case "%":
            return lambda values: math.fmod(left(values), right(values))
        case _:
            return lambda values: math.pow(left(values), right(values))
