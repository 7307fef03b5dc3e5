"""Chunks that the codec filters are what HDF5's own pipeline reads."""

import os
import unittest
from unittest import mock

import h5py
import numpy as np

from support import FolderTest

from isotherm_recorder import codec, libdeflate
from isotherm_recorder.schema import Filters


class Codec(FolderTest):
    def arrays(self) -> "list[np.ndarray]":
        draw = np.random.default_rng(0)
        noise = draw.standard_normal((3, 100, 1000)).astype(np.float32)
        return [
            noise, np.tril(noise), noise.astype(np.float16), draw.standard_normal((2, 30011)), np.zeros((64, 64)),
            np.arange(90001, dtype=np.int32).reshape(1, -1), draw.integers(0, 256, (3, 99_999)).astype(np.uint8),
            np.full((2, 7), 3, np.uint8), np.tile(noise[0], (4, 1)), np.full((5, 5), 65535, np.uint16),
        ]

    def check(self) -> None:
        for number, values in enumerate(self.arrays()):
            for filters in (Filters(), Filters.parse("gzip-6"), Filters.parse("none"), Filters(False, 1, True), Filters(True, None, True)):
                chunk = tuple(max(1, (n + 1) // 2) for n in values.shape)
                with h5py.File(os.path.join(self.folder, f"{number}.h5"), "w") as file:
                    dataset = file.create_dataset(
                        "x", values.shape, values.dtype, chunks=chunk, shuffle=filters.shuffle, fletcher32=filters.fletcher32,
                        compression=filters.deflate,
                    )
                    for offset, stored in codec.encode_block(values, chunk, filters):
                        dataset.id.write_direct_chunk(offset, stored)
                with h5py.File(os.path.join(self.folder, f"{number}.h5")) as file:
                    self.assertTrue(np.array_equal(file["x"][()], values), f"array {number}, {filters}")

    def test_with_zlib(self) -> None:
        with mock.patch.object(libdeflate, "is_there", False):
            self.check()

    @unittest.skipUnless(libdeflate.is_there, "libdeflate is not on this system")
    def test_with_libdeflate(self) -> None:
        self.check()

    def test_what_compresses_is_compressed(self) -> None:
        draw = np.random.default_rng(1)
        for values, share in (
            (draw.standard_normal(2**18).astype(np.float32), 0.87), (np.zeros(2**18, np.float32), 0.01),
            (np.repeat(draw.standard_normal(2**12), 64), 0.1), (np.arange(2**18, dtype=np.int32), 0.3),
        ):
            for there in {False, libdeflate.is_there}:
                with mock.patch.object(libdeflate, "is_there", there):
                    self.assertLess(len(codec.encode(values, Filters())) / values.nbytes, share, f"{values[:3]} {there}")


if __name__ == "__main__":
    unittest.main()
