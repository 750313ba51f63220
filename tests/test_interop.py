"""Pictures past the host: against a library that does on the processor what CUDA's does on a card,
with a real OpenGL; and without any library."""

import ctypes
import logging
from collections.abc import Iterator
from typing import Any

import moderngl
import numpy as np
import pytest
import torch
from torch import Tensor

from vjgan.generator.cuda import CudaSettings
from vjgan.generator.faults import NotFiniteError
from vjgan.generator.handover import HandOver
from vjgan.generator.interop import Interop, OnCard
from vjgan.screen.frames import Frames
from vjgan.types import ByteArray, Frame, Picture


class Library:
    """What the path asks of CUDA: a buffer that is mapped is memory of ours, and goes to OpenGL
    when it is unmapped. ``fails`` names what does not work."""

    def __init__(self, fails: str = "") -> None:
        self.calls: list[str] = []
        self.buffers: dict[int, moderngl.Buffer] = {}
        self.memory: dict[int, Any] = {}
        self.fails = fails

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            if name == self.fails:
                return 219
            if name in does:
                does[name](*arguments)
            return 0

        does = {
            "cudaGraphicsGLRegisterBuffer": self.on_register,
            "cudaGraphicsResourceGetMappedPointer": self.on_pointer,
            "cudaMemcpyAsync": self.on_copy,
            "cudaGraphicsUnmapResources": self.on_unmap,
        }
        if name == "cudaGetErrorName":
            return lambda code: f"error {code}".encode()
        return call

    def on_register(self, made: Any, number: Any, flags: int) -> None:
        made._obj.value = number.value
        assert flags == 2

    def on_pointer(self, place: Any, room: Any, shown: Any) -> None:
        size = self.buffers[shown.value].size
        self.memory[shown.value] = ctypes.create_string_buffer(size)
        place._obj.value, room._obj.value = ctypes.addressof(self.memory[shown.value]), size

    def on_copy(self, to: Any, source: Any, nbytes: Any, kind: int, stream: Any) -> None:
        assert kind == 3
        ctypes.memmove(to, source, nbytes.value)

    def on_unmap(self, count: int, shown: Any, stream: Any) -> None:
        number = shown._obj.value
        if number in self.memory:
            self.buffers[number].write(self.memory.pop(number).raw)


class Near(Interop):
    """Takes pictures of the processor's."""

    def takes(self, pixels: Tensor) -> bool:
        return self.works


@pytest.fixture(scope="module")
def context(venue: object) -> Iterator[moderngl.Context]:
    made = moderngl.create_context(standalone=True)
    yield made
    made.release()


def shown(frames: Frames, library: Library | None, image: ByteArray) -> ByteArray:
    """What the texture holds of a picture, sent twice: the second time into another texture."""
    nbytes = int(np.prod(image.shape))
    if library is not None:  # the buffer that it will ask for
        buffer = frames._buffers.setdefault(nbytes, frames._context.buffer(reserve=nbytes))
        library.buffers[buffer.glo] = buffer
    first, second = Frame(0.0, image), Frame(1.0, image)
    one, other = frames.uploaded(Picture(first, second))
    assert one.read(alignment=1) == other.read(alignment=1)
    data = np.frombuffer(other.read(alignment=1), np.uint8)
    return data.reshape(image.shape)


def test_a_picture_goes_past_the_host(context: moderngl.Context) -> None:
    library, frames = Library(), Frames(context)
    interop = Near(lambda: library)
    hand_over = HandOver(interop=interop)
    pictures = [torch.rand(3, 5, 7) * 2.0 - 1.0 for _ in range(2)] + [torch.rand(3, 6, 4)]
    handed = [hand_over(image) for image in pictures]
    for image, bytes_ in zip(pictures, handed, strict=True):  # each keeps its own memory
        assert isinstance(bytes_, OnCard)
        wanted = HandOver()(image)
        np.testing.assert_array_equal(shown(frames, library, bytes_), wanted)
        np.testing.assert_array_equal(np.asarray(bytes_), wanted)
    assert interop.works
    assert library.calls.count("cudaSetDevice") == 1
    assert library.calls.count("cudaGraphicsGLRegisterBuffer") == 2  # once a size
    assert library.calls.count("cudaGraphicsMapResources") == 6
    assert library.calls.count("cudaGraphicsUnmapResources") == 6
    assert library.calls[-1] == "cudaStreamSynchronize"
    with pytest.raises(NotFiniteError):
        hand_over(torch.full((3, 5, 7), torch.nan))
    frames.release()


@pytest.mark.parametrize(
    "fails",
    ["cudaStreamCreateWithFlags", "cudaGraphicsGLRegisterBuffer", "cudaGraphicsMapResources",
     "cudaGraphicsResourceGetMappedPointer", "cudaMemcpyAsync", "cudaGraphicsUnmapResources",
     "cudaStreamSynchronize"],
)  # fmt: skip
def test_any_failure_is_told_once_and_the_picture_comes(
    context: moderngl.Context, caplog: pytest.LogCaptureFixture, fails: str
) -> None:
    library, frames = Library(fails), Frames(context)
    hand_over = HandOver(interop=Near(lambda: library))
    image = torch.rand(3, 5, 7)
    wanted = HandOver()(image)
    for _ in range(2):
        np.testing.assert_array_equal(shown(frames, library, hand_over(image)), wanted)
    assert type(hand_over(image)) is np.ndarray
    assert [record.getMessage() for record in caplog.records] == [
        f"CUDA-GL interop not possible: {fails} gives error 219; pictures go through the host's "
        "memory"
    ]
    assert library.calls.count("cudaGetLastError") == 1
    frames.release()


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA's library")
def test_without_the_library_pictures_go_through_the_host(
    context: moderngl.Context, caplog: pytest.LogCaptureFixture
) -> None:
    frames, hand_over, image = Frames(context), HandOver(interop=Near()), torch.rand(3, 5, 7)
    np.testing.assert_array_equal(shown(frames, None, hand_over(image)), HandOver()(image))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("CUDA-GL interop not possible: this torch was built with")
    frames.release()


def test_it_is_a_switch_and_off_until_asked_for() -> None:
    assert not CudaSettings().gl
    assert CudaSettings.read("gl").gl and not CudaSettings.read("gl no-gl").gl
    assert not Interop().takes(torch.zeros(1))  # on the processor there is nothing to pass by


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
def test_on_a_card_or_told(context: moderngl.Context, caplog: pytest.LogCaptureFixture) -> None:
    """Right either way: this OpenGL may be another device's."""
    frames, hand_over = Frames(context), HandOver(interop=Interop())
    image = torch.rand(3, 64, 48, device="cuda")
    for _ in range(3):
        np.testing.assert_array_equal(shown(frames, None, hand_over(image)), HandOver()(image))
    assert len(caplog.records) <= 1
    frames.release()
