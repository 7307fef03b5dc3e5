"""Filters chunks as HDF5's own pipeline does (shuffle, gzip, fletcher32), but on any thread: HDF5 compresses under its one lock."""

from __future__ import annotations

import itertools
import zlib
from typing import List, Sequence, Tuple

import numpy as np

from . import libdeflate
from .schema import Filters

#: Bytes of a plane that are compressed to learn whether it is noise.
_SAMPLE = 8 << 10
_WEIGHTS = np.arange(1024, 0, -1, dtype=np.float64)

Chunk = Tuple[Tuple[int, ...], memoryview]


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


def encode(values: np.ndarray, filters: Filters) -> memoryview:
    """The stored bytes of a whole chunk."""
    size = values.dtype.itemsize
    planes = values.reshape(-1).view(np.uint8)
    # A stored block costs five bytes every 64 KiB; the header and two checksums ten.
    out = np.empty(len(planes) + len(planes) // 1000 + 1024, np.uint8)
    if filters.shuffle and size > 1:
        planes = _shuffle(planes, size)
    if filters.deflate is None:
        count = len(planes)
        out[:count] = planes
    else:
        count = _deflate(planes, size if filters.shuffle else 1, filters.deflate, out)
    if filters.fletcher32:
        out[count : count + 4] = np.frombuffer(fletcher32(out[:count]).to_bytes(4, "little"), np.uint8)
        count += 4
    return out[:count].data


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


def _deflate(planes: np.ndarray, count: int, level: int, out: np.ndarray) -> int:
    """Makes one zlib stream (RFC 1950) of ``count`` planes in ``out``; returns its length.

    The low bytes of floating-point noise do not compress, and looking for matches in them takes most of the time. After the shuffle
    they come first, so leading planes that a sample shows to be noise go out as stored blocks (RFC 1951, section 3.2.4), and the
    compressed rest follows on the byte boundary that they end at.
    """
    noise = _noise(planes, count, level)
    out[:2] = 0x78, 0x01
    place = 2
    for start in range(0, noise, 65535):
        length = min(65535, noise - start)
        out[place : place + 5] = 0, length & 0xFF, length >> 8, ~length & 0xFF, ~length >> 8 & 0xFF
        out[place + 5 : place + 5 + length] = planes[start : start + length]
        place += 5 + length
    place += _compress(planes[noise:], level, out[place:-8])
    out[place : place + 4] = np.frombuffer(libdeflate.adler32(planes).to_bytes(4, "big"), np.uint8)
    return place + 4


def _noise(planes: np.ndarray, count: int, level: int) -> int:
    """Bytes of the leading planes of which a sample saves less than a sixteenth. The last plane is never among them."""
    plane = len(planes) // count
    if count == 1 or plane < 4 * _SAMPLE:
        return 0
    scratch = np.empty(2 * _SAMPLE, np.uint8)
    for index in range(count - 1):
        middle = index * plane + plane // 2
        if _compress(planes[middle : middle + _SAMPLE], level, scratch) <= _SAMPLE * 15 // 16:
            return index * plane
    return (count - 1) * plane


def _compress(data: np.ndarray, level: int, out: np.ndarray) -> int:
    """Compresses into ``out``, which has room for the data and more, as raw deflate; returns the length."""
    if libdeflate.is_there:
        return libdeflate.compress(data, level, out)
    # Runs and Huffman codes alone are faster, and mostly as small: sign and exponent of activations have a skew distribution, and
    # hardly repeat. A sample says where other matches are worth it.
    middle = max(0, len(data) // 2 - _SAMPLE // 2)
    sample = data[middle : middle + _SAMPLE].data
    runs, matches = (len(_zlib(sample, level, strategy)) for strategy in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY))
    found = _zlib(data.data, level, zlib.Z_RLE if level == 1 and runs * 9 <= matches * 10 else zlib.Z_DEFAULT_STRATEGY)
    out[: len(found)] = np.frombuffer(found, np.uint8)
    return len(found)


def _zlib(data: memoryview, level: int, strategy: int) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return compressor.compress(data) + compressor.flush()


def fletcher32(data: np.ndarray) -> int:
    """The checksum that HDF5 appends: Fletcher's over big-endian 16-bit words, modulo 65535, for which 0 of anything but zeros
    stands as 65535."""
    even = len(data) // 2
    words = data[: 2 * even].view("<u2")
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
    # A last odd byte is the high one of its big-endian word, and words are added here with their bytes swapped.
    if len(data) % 2:
        low += int(data[-1])
        high += low
    # Swapping the bytes of every word multiplies by 256 modulo 65535; so does swapping those of the sums.
    return _swapped(_fold(high)) << 16 | _swapped(_fold(low))


def _fold(total: int) -> int:
    return 0 if total == 0 else (total - 1) % 65535 + 1


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8
