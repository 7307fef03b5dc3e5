"""Filters chunks as HDF5's own pipeline does (shuffle, gzip, fletcher32), but on any thread: HDF5 compresses under its one lock."""

from __future__ import annotations

import itertools
import zlib
from typing import List, Sequence, Tuple

import numpy as np

from .schema import Filters

#: Bytes of a plane that are compressed to learn whether it is noise.
_SAMPLE = 8 << 10
_WEIGHTS = np.arange(1024, 0, -1, dtype=np.float64)

Chunk = Tuple[Tuple[int, ...], bytes]


def encode_block(values: np.ndarray, chunk: Sequence[int], filters: Filters) -> List[Chunk]:
    """Cuts ``values`` into chunks and filters each; the offsets count from the block's start. Edges are filled with zeros, since a
    chunk is stored whole."""
    chunk = tuple(chunk)
    found: List[Chunk] = []
    for offset in itertools.product(*(range(0, n, c) for n, c in zip(values.shape, chunk))):
        part = values[tuple(slice(o, o + c) for o, c in zip(offset, chunk))]
        if part.shape != chunk:
            whole = np.zeros(chunk, values.dtype)
            whole[tuple(slice(0, n) for n in part.shape)] = part
            part = whole
        found.append((offset, encode(np.ascontiguousarray(part), filters)))
    return found


def encode(values: np.ndarray, filters: Filters) -> bytes:
    """The stored bytes of a whole chunk."""
    size = values.dtype.itemsize
    planes = values.reshape(-1).view(np.uint8)
    if filters.shuffle and size > 1:
        planes = _shuffle(planes, size)
    pieces: List[bytes] = [planes.tobytes()] if filters.deflate is None else _deflate(planes, size, filters)
    stored = b"".join(pieces)
    return stored + fletcher32(stored).to_bytes(4, "little") if filters.fletcher32 else stored


def _shuffle(raw: np.ndarray, size: int) -> np.ndarray:
    """Byte 0 of every element, then byte 1 of every element, and so on."""
    out = np.empty((size, len(raw) // size), np.uint8)
    if size == 4:
        # Twice as fast as the strided copy.
        words = raw.view(np.uint32)
        for plane in range(size):
            np.right_shift(words, np.uint32(8 * plane), out=out[plane], casting="unsafe")
    else:
        out[:] = raw.reshape(-1, size).T
    return out.reshape(-1)


def _deflate(planes: np.ndarray, size: int, filters: Filters) -> List[bytes]:
    """One zlib stream (RFC 1950) in pieces.

    The low bytes of floating-point noise do not compress, and looking for matches in them takes most of the time. After the shuffle
    they come first, so leading planes that a sample shows to be noise go out as stored blocks (RFC 1951, section 3.2.4), and the
    compressed rest follows on the byte boundary that they end at.
    """
    level = filters.deflate or 1
    data = memoryview(planes)
    plane = len(data) // size
    noise = _noise(data, plane, size if filters.shuffle else 1, level)
    pieces = [b"\x78\x01"]
    for start in range(0, noise, 65535):
        count = min(65535, noise - start)
        pieces.append(b"\0" + count.to_bytes(2, "little") + (count ^ 0xFFFF).to_bytes(2, "little"))
        pieces.append(bytes(data[start : start + count]))
    rest = data[noise:]
    strategy = _strategy(rest, level)
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    pieces += [compressor.compress(rest), compressor.flush(), zlib.adler32(data).to_bytes(4, "big")]
    return pieces


def _size(sample: memoryview, level: int, strategy: int) -> int:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return len(compressor.compress(sample)) + len(compressor.flush())


def _noise(data: memoryview, plane: int, planes: int, level: int) -> int:
    """Bytes of the leading planes of which a sample saves less than 2 %. The last plane is never among them."""
    if planes == 1 or plane < 4 * _SAMPLE:
        return 0
    for index in range(planes - 1):
        middle = index * plane + plane // 2
        if _size(data[middle : middle + _SAMPLE], level, zlib.Z_DEFAULT_STRATEGY) < _SAMPLE * 98 // 100:
            return index * plane
    return (planes - 1) * plane


def _strategy(data: memoryview, level: int) -> int:
    """Runs and Huffman codes alone, which is faster, unless a sample says that other matches are worth it: sign and exponent of
    activations have a skew distribution, and hardly repeat."""
    if level > 1:
        return zlib.Z_DEFAULT_STRATEGY
    middle = max(0, len(data) // 2 - _SAMPLE // 2)
    sample = data[middle : middle + _SAMPLE]
    runs, matches = (_size(sample, level, s) for s in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY))
    return zlib.Z_RLE if runs * 9 <= matches * 10 else zlib.Z_DEFAULT_STRATEGY


def fletcher32(data: bytes) -> int:
    """The checksum that HDF5 appends: Fletcher's over big-endian 16-bit words, modulo 65535, for which 0 of anything but zeros
    stands as 65535."""
    even = len(data) // 2
    words = np.frombuffer(data, "<u2", even)
    low = high = 0
    # In rows of 1024 words: sums of a row, plain and weighted, are exact in float64.
    rows = even // 1024
    if rows:
        table = words[: rows * 1024].reshape(rows, 1024).astype(np.float64)
        sums = np.einsum("ij->i", table).astype(np.uint64)
        weighted = np.einsum("ij,j->i", table, _WEIGHTS)
        low = int(sums.sum())
        # A row counts in `high` once more for each word after it.
        high = int(weighted.sum()) + 1024 * int((sums * np.arange(rows - 1, -1, -1, dtype=np.uint64)).sum())
    for word in words[rows * 1024 :].tolist():
        low += word
        high += low
    # Swapping the bytes of every word multiplies by 256 modulo 65535; so does swapping those of the sums.
    if len(data) % 2:
        low += data[-1]
        high += low
    return _swapped(_fold(high)) << 16 | _swapped(_fold(low))


def _fold(total: int) -> int:
    return 0 if total == 0 else (total - 1) % 65535 + 1


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8
