"""What comes back is what was appended, in every reader."""

import os
import subprocess
import sys
import unittest

import h5py
import numpy as np

from support import (
    MAPS, SAMPLES, STATES, FolderTest, arrays_of, describe, logical_hash, needs_programs, path_of, program, values, write_checkpoint,
)

INTEROP = os.path.join(os.path.dirname(__file__), *[os.pardir] * 4, "shared", "acceptance", "interop.py")


class RoundTrip(FolderTest):
    def test_values_and_hashes(self) -> None:
        with self.recorder() as recorder:
            describe(recorder)
            for step in (0, 10, 25):
                write_checkpoint(recorder, step)
                self.assertEqual((recorder.step, recorder.acknowledged), (step, step))
        self.assertFalse(os.path.exists(self.out + ".run"))
        with h5py.File(self.out + ".h5") as file:
            self.assert_values(file, [0, 10, 25])
            self.assertEqual(list(file["progress/step"]), [0, 10, 25])
            self.assertTrue(np.array_equal(file["progress/loss"], [1, 1 / 11, 1 / 26]))
            self.assertTrue(np.array_equal(file["checkpoints/test_loss"], [0.5, 0.5 / 11, 0.5 / 26]))
            self.assertTrue(np.array_equal(file["checkpoints/parameters/head.bias"], [[0] * 3, [10] * 3, [25] * 3]))
            self.assertEqual(file["samples/text"].asstr()[5], "text 5 é")
            self.assertTrue(np.array_equal(file["samples/length"], file["samples/mask"][()].sum(1)))
            arrays = arrays_of(file)
            self.assertGreater(len(arrays), 15)
            for path, array in arrays.items():
                self.assertEqual(array.attrs["logical_sha256"], logical_hash(array), path)
                self.assertEqual([len(axis) for axis in array.dims], [0] if path == "/progress/step" else [1] * array.ndim, path)

    def test_a_running_run_is_readable(self) -> None:
        with self.recorder() as recorder:
            describe(recorder)
            for count, step in enumerate((1, 2, 3), 1):
                write_checkpoint(recorder, step)
                with h5py.File(self.out + ".run/index.h5") as file:
                    self.assert_values(file, [1, 2, 3][:count])
                    self.assertEqual(file[path_of(MAPS[0])].shape[0], count)

    def test_types(self) -> None:
        half = values("residual.0.pre", 0).astype(np.float16)
        for kind, given, expected in (
            ("float32", half, half.astype(np.float32)), ("keep", half, half), ("float16", half.astype(np.float64), half),
            ("float64", half, half.astype(np.float64)), ("bfloat16", np.float32([1.0, 1.00390625, 1.01171875, -3e38]), None),
        ):
            given = given if given.ndim == 3 else np.tile(given[None, :, None], (SAMPLES, 1, 1))
            with self.recorder(type=kind, replace=True) as recorder:
                recorder.append("residual.0.pre", given)
                recorder.checkpoint(0)
            with h5py.File(self.out + ".h5") as file:
                found = file[path_of("residual.0.pre")][0]
            if expected is None:
                # Halfway cases go to the even neighbour.
                self.assertEqual(found[0, :3, 0].tolist(), [1.0, 1.0, 1.015625])
                self.assertAlmostEqual(found[0, 3, 0] / -3e38, 1, delta=2**-8)
            else:
                self.assertEqual(found.dtype, expected.dtype)
                self.assertTrue(np.array_equal(found, expected), kind)

    def test_fewer_samples_of_some_taps(self) -> None:
        with self.recorder(fewer={"attention.*.map": 6}) as recorder:
            write_checkpoint(recorder, 4)
        with h5py.File(self.out + ".h5") as file:
            self.assertTrue(np.array_equal(file[path_of(MAPS[1])][0], values(MAPS[1], 4)[:6]))
            self.assertEqual(file[path_of(STATES[1])].shape[1], SAMPLES)

    def test_large_samples_are_cut_into_chunks(self) -> None:
        maps = np.random.default_rng(0).random((2, 3, 600, 600), np.float32)
        with self.recorder(samples=2) as recorder:
            recorder.append("attention.0.map", maps)
            recorder.checkpoint(0)
        with h5py.File(self.out + ".h5") as file:
            array = file[path_of("attention.0.map")]
            self.assertLess(np.prod(array.chunks) * 4, 1.1 * 2**20)
            self.assertTrue(np.array_equal(array[0], maps))

    @needs_programs
    def test_check_finds_nothing(self) -> None:
        with self.recorder() as recorder:
            describe(recorder)
            for step in (0, 1, 2):
                write_checkpoint(recorder, step)
            running = program("isotherm-archive", "check", self.out + ".run")
            self.assertEqual(running.returncode, 0, running.stdout + running.stderr)
        done = program("isotherm-archive", "check", self.out + ".h5")
        self.assertEqual((done.returncode, "0 findings" in done.stdout), (0, True), done.stdout + done.stderr)
        flow = program("isotherm-analyze", "flow", self.out + ".h5")
        self.assertEqual(flow.returncode, 0, flow.stderr)

    @needs_programs
    def test_the_programs_seal_what_was_left(self) -> None:
        recorder = self.recorder()
        describe(recorder)
        for step in (0, 1, 2):
            write_checkpoint(recorder, step)
        recorder.abandon()
        sealed = program("isotherm-archive", "seal", self.out)
        self.assertEqual(sealed.returncode, 0, sealed.stdout + sealed.stderr)
        with h5py.File(self.out + ".h5") as file:
            self.assert_values(file, [0, 1, 2])
            self.assertEqual(file["samples/text"].asstr()[5], "text 5 é")
            self.assertIn("isotherm-recorder", file["provenance/version"].asstr()[()])
        self.assertEqual(program("isotherm-archive", "check", self.out + ".h5").returncode, 0)

    @unittest.skipUnless(os.path.exists(INTEROP), "the interoperability script is not on this machine")
    def test_other_readers(self) -> None:
        if subprocess.run([sys.executable, "-c", "import xarray, netCDF4, h5netcdf"], check=False, capture_output=True).returncode:
            self.skipTest("no xarray, netCDF4 and h5netcdf in this Python")
        with self.recorder() as recorder:
            describe(recorder)
            write_checkpoint(recorder, 0)
            write_checkpoint(recorder, 1)
        done = subprocess.run([sys.executable, INTEROP, self.out + ".h5"], capture_output=True, text=True, check=False)
        self.assertIn(" 0 violations", done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()
