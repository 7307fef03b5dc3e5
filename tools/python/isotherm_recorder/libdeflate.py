"""The library libdeflate where the system has it: four times as fast as the zlib of Python's standard library, in the same format."""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
import zlib
from typing import Any, Optional

import numpy as np


def _load() -> Optional[Any]:
    name = ctypes.util.find_library("deflate")
    try:
        library = ctypes.CDLL(name) if name else None
    except OSError:
        return None
    if library is None:
        return None
    library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
    library.libdeflate_alloc_compressor.argtypes = [ctypes.c_int]
    library.libdeflate_free_compressor.restype = None
    library.libdeflate_free_compressor.argtypes = [ctypes.c_void_p]
    library.libdeflate_deflate_compress.restype = ctypes.c_size_t
    library.libdeflate_deflate_compress.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p, ctypes.c_size_t] * 2
    library.libdeflate_adler32.restype = ctypes.c_uint32
    library.libdeflate_adler32.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t]
    return library


_LIBRARY = _load()
#: Whether the system has it.
is_there = _LIBRARY is not None


class _Compressor:
    """The library's working memory, of one thread and one level."""

    def __init__(self, level: int) -> None:
        assert _LIBRARY is not None
        self.level = level
        self.handle = _LIBRARY.libdeflate_alloc_compressor(level)
        if not self.handle:
            raise MemoryError("no memory to compress in")

    def __del__(self) -> None:
        if _LIBRARY is not None:
            _LIBRARY.libdeflate_free_compressor(self.handle)


_local = threading.local()


def compress(data: np.ndarray, level: int, out: np.ndarray) -> int:
    """Compresses bytes into ``out`` as raw deflate; returns the length."""
    assert _LIBRARY is not None
    compressor = getattr(_local, "compressor", None)
    if compressor is None or compressor.level != level:
        compressor = _local.compressor = _Compressor(level)
    count = _LIBRARY.libdeflate_deflate_compress(compressor.handle, data.ctypes.data, len(data), out.ctypes.data, len(out))
    if not count:
        raise MemoryError(f"{len(data)} bytes did not fit into {len(out)}")
    return int(count)


def adler32(data: np.ndarray) -> int:
    """The checksum at the end of a zlib stream."""
    if _LIBRARY is None:
        return zlib.adler32(data.data)
    return int(_LIBRARY.libdeflate_adler32(1, data.ctypes.data, len(data)))
