"""What can go wrong while a network runs, told apart by what helps."""

from __future__ import annotations

import re

from vjgan.errors import ModelError

# As torch, cuBLAS, cuDNN, OpenVINO and the system put it.
SHORTAGES = ("out of memory", "annot allocate memory", "can't alloc", "ALLOC_FAILED", "bad_alloc")
LOSSES = ("CUDA error", "MPS backend error")  # after one of these the device answers nothing more
ENFORCED = re.compile(r"^\[enforce fail at [^]]*\] \S+ == \S+ ")  # where in torch: not for users
TEXT_LENGTH = 200


class NotFiniteError(ArithmeticError):
    """A picture holds numbers that are not finite: fp16 ran over, or the weights did."""

    def __init__(self) -> None:
        super().__init__("the picture holds numbers that are not finite")


class MemoryShortageError(ModelError):
    """A model that nothing here has the memory for."""


def out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left, on whatever device."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in SHORTAGES)
    )


def device_lost(error: BaseException) -> bool:
    """Whether a graphics card has failed for good."""
    return (
        isinstance(error, RuntimeError)
        and not out_of_memory(error)
        and any(sign in str(error) for sign in LOSSES)
    )


def first_line(error: BaseException) -> str:
    """What an error says, without the pages that torch may add."""
    text = ENFORCED.sub("", str(error).strip())
    return (text or type(error).__name__).splitlines()[0][:TEXT_LENGTH].rstrip(".")
