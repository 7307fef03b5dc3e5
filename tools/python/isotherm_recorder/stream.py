"""One array on its way into parts: values come in by samples, blocks of whole chunks go out."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

import numpy as np

from .errors import InputError
from .memory import Memory
from .schema import TYPES, Array

Submit = Callable[[Array, int, np.ndarray, int], None]


class Values(NamedTuple):
    """Numbers, and their type by the name archives have for it: of bfloat16 the bits."""

    bits: np.ndarray
    type: str

    @staticmethod
    def of(values: object, name: str) -> "Values":
        """Takes an array or a tensor of floats."""
        values = on_host(values)
        if isinstance(values, Values):
            return values
        array = np.asarray(values)
        if array.dtype.name == "bfloat16":
            # NumPy knows the type from ml_dtypes, which need not be there.
            return Values(array.view(np.uint16), "bfloat16")
        if array.dtype.kind != "f" or array.dtype.name not in TYPES:
            raise InputError(
                f"{name}: expected floating-point values (float16, bfloat16, float32, float64), found {array.dtype}; convert them, "
                "or describe_samples() where they are token ids or labels"
            )
        return Values(array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")), array.dtype.name)

    def check_finite(self, name: str, target: str) -> None:
        """Refuses NaN, infinities, and what rounding to ``target`` would make infinite. Reads a sample at a time."""
        bad = sum(_not_finite(part, self.type, target) for part in (self.bits if self.bits.ndim else self.bits[None]))
        if bad:
            raise InputError(
                f"{name}: {bad} of {self.bits.size} values are NaN, infinite, or too large for {target}; mend them, or pass "
                "allow_nan=True to Recorder to store them as they are"
            )


def _not_finite(bits: np.ndarray, kind: str, target: str) -> int:
    if kind == "bfloat16":
        return int(np.count_nonzero(np.bitwise_and(bits, 0x7F80) == 0x7F80))
    if kind == target or float(np.finfo(kind).max) <= _largest(target):
        finite = np.isfinite(bits)
    else:
        finite = np.abs(bits) <= _largest(target)
    return 0 if finite.all() else int(finite.size - np.count_nonzero(finite))


def _largest(target: str) -> float:
    """Largest number that does not round to infinity, or a little less."""
    return 3.38e38 if target == "bfloat16" else float(np.finfo(target).max)


def on_host(values: object) -> object:
    """A tensor as an array, of bfloat16 as :class:`Values`; anything else as it is."""
    if not hasattr(values, "detach"):
        return values
    from . import torch_taps  # pylint: disable=import-outside-toplevel

    return torch_taps.on_host(values)


def convert(values: Values, target: np.ndarray, kind: str) -> None:
    """Copies values into ``target`` of the type ``kind``, rounded to nearest where that has fewer bits."""
    bits = values.bits
    if values.type == kind or "bfloat16" not in (values.type, kind):
        with np.errstate(over="ignore"):
            target[...] = bits
    elif kind == "bfloat16":
        words = np.ascontiguousarray(bits, np.float32).view(np.uint32)
        odd = (words >> 16) & 1
        rounded = (words + (0x7FFF + odd)) >> 16
        # Rounding could turn a NaN into an infinity.
        target[...] = np.where(np.isnan(bits), (words >> 16) | 0x40, rounded).astype(np.uint16)
    elif kind == "float32":
        np.left_shift(bits, 16, out=target.view(np.uint32), dtype=np.uint32, casting="unsafe")
    else:
        target[...] = (bits.astype(np.uint32) << 16).view(np.float32)


class Stream:
    """The row of one checkpoint, filled sample by sample.

    ``length`` samples make it whole. Memory: a block of about 1 MiB, or of one sample where that is more.
    """

    def __init__(self, array: Array, memory: Memory, submit: Submit) -> None:
        self.array = array
        self.length = array.row_shape[0]
        #: Samples of this checkpoint so far.
        self.filled = 0
        self._memory, self._submit = memory, submit
        self._step = array.chunk(1)[1]
        self._block: Optional[np.ndarray] = None
        self._start = 0

    def put(self, values: Values) -> None:
        """Copies samples ``[sample, ...]``."""
        done = 0
        while done < len(values.bits):
            if self._block is None:
                self._start = self.filled
                shape = (min(self._step, self.length - self.filled), *self.array.row_shape[1:])
                self._memory.take(self._cost(shape))
                self._block = np.empty(shape, self.array.dtype)
            place = self.filled - self._start
            count = min(len(self._block) - place, len(values.bits) - done)
            part = Values(values.bits[done : done + count], values.type)
            convert(part, self._block[place : place + count], self.array.type)
            self.filled += count
            done += count
            if place + count == len(self._block):
                block, self._block = self._block, None
                self._submit(self.array, self._start, block, self._cost(block.shape))

    def _cost(self, shape: Tuple[int, ...]) -> int:
        """Bytes of a block, and as many for what is stored of it."""
        return 2 * int(np.prod(shape)) * self.array.dtype.itemsize

    def next_row(self) -> None:
        """Begins the next checkpoint."""
        self.filled = 0
