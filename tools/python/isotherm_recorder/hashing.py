"""The logical hash of an array."""

from __future__ import annotations

import hashlib
from typing import Iterable, Sequence

import numpy as np


class LogicalHash:
    """sha256 over an array's values in C order, little endian, then its type and shape.

    Chunks and filters do not enter. Type and shape come last because the length of a stream is not known before its end. A string
    enters as its UTF-8 bytes and a zero.
    """

    def __init__(self) -> None:
        self._state = hashlib.sha256()

    def update(self, values: np.ndarray) -> None:
        """Adds values, in order."""
        if values.size:
            self._state.update(np.ascontiguousarray(values).view(np.uint8).reshape(-1).data)

    def update_texts(self, texts: Iterable[str]) -> None:
        """Adds strings, in order."""
        for text in texts:
            self._state.update(text.encode() + b"\0")

    def value(self, type_name: str, shape: Sequence[int]) -> str:
        """The hash of everything added so far, as an array of this type and shape. More can be added afterwards."""
        state = self._state.copy()
        state.update(f"{type_name}[{','.join(map(str, shape))}]".encode())
        return state.hexdigest()
