"""A disk that is full loses nothing acknowledged, and says so in one line.

The system's limit on the size of files stands for the disk: it refuses writes in the same place, in the middle of a part.
"""

import os
import resource
import signal
import unittest

import h5py
import numpy as np

from support import FolderTest

from isotherm_recorder import Recorder, RecorderError

STATE = np.random.default_rng(0).standard_normal((64, 64, 64)).astype(np.float32)


class FullDisk(FolderTest):
    def limit(self, count: int) -> None:
        """No file may grow beyond so many bytes."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (count, self.hard))

    def setUp(self) -> None:
        super().setUp()
        self.soft, self.hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGXFSZ, before)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, (self.soft, self.hard))

    def check(self, error: RecorderError, words: str) -> None:
        """One line with these words, and a folder that goes on."""
        self.assertIn(words, str(error))
        self.assertEqual(len(str(error).splitlines()), 1)
        self.limit(self.soft)
        names = os.listdir(self.out + ".run")
        self.assertFalse([name for name in names if name.endswith(".tmp")], names)

    def test_a_part_that_does_not_fit(self) -> None:
        with self.assertRaises(RecorderError) as caught, self.recorder(samples=64) as recorder:
            recorder.append("residual.0.pre", STATE)
            recorder.checkpoint(0)
            self.limit(600_000)
            recorder.append("residual.0.pre", STATE + 1)
            recorder.checkpoint(1)
        self.check(caught.exception, "recording stopped: File too large; what was acknowledged before is safe")
        with Recorder(self.out, resume=True) as recorder:
            self.assertEqual(recorder.step, 0)
            recorder.append("residual.0.pre", STATE + 1)
            recorder.checkpoint(1)
        with h5py.File(self.out + ".h5") as file:
            self.assertTrue(np.array_equal(file["activations/residual.0.pre/values"][()], [STATE, STATE + 1]))

    def test_a_sealed_file_that_does_not_fit(self) -> None:
        with self.assertRaises(RecorderError) as caught, self.recorder(samples=64) as recorder:
            for step in (0, 1):
                recorder.append("residual.0.pre", STATE + step)
                recorder.checkpoint(step)
            self.limit(1_200_000)
        self.check(caught.exception, "run.h5 cannot be written: File too large")
        self.assertEqual(os.listdir(self.folder), ["run.run"])
        Recorder(self.out, resume=True).close()
        with h5py.File(self.out + ".h5") as file:
            self.assertTrue(np.array_equal(file["activations/residual.0.pre/values"][()], [STATE, STATE + 1]))


if __name__ == "__main__":
    unittest.main()
