"""Memory stays under the stated bound, whatever is appended."""

import resource
import unittest

import numpy as np

from support import FolderTest



class Memory(FolderTest):
    def test_values_on_their_way_stay_under_the_bound(self) -> None:
        draw = np.random.default_rng(0)
        whole = draw.standard_normal((64, 64, 256)).astype(np.float32)
        bound = 16 << 20
        with self.recorder(samples=64, memory=bound) as recorder:
            for step in range(3):
                for layer in range(8):
                    recorder.append(f"residual.{layer}.post", whole)
                recorder.checkpoint(step, wait=False)
            recorder.flush()
            self.assertLessEqual(recorder.peak_memory, bound)
            self.assertGreater(recorder.peak_memory, bound // 2)

    def test_more_than_the_bound_at_once(self) -> None:
        whole = np.random.default_rng(0).standard_normal((128, 128, 512)).astype(np.float32)
        with self.recorder(samples=128, memory=8 << 20) as recorder:
            recorder.append("residual.0.pre", whole[:1])
            recorder.append("residual.0.pre", whole[1:3])
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            recorder.append("residual.0.pre", whole[3:])
            recorder.checkpoint(0)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
            self.assertLessEqual(recorder.peak_memory, 8 << 20)
            # The bound and the file's own buffers; the values are 32 MiB.
            self.assertLess(grown, 24 << 20)

    def test_a_bound_below_one_block_still_goes_on(self) -> None:
        with self.recorder(samples=8, memory=1) as recorder:
            for layer in range(4):
                for first in range(0, 8, 3):
                    recorder.append(f"residual.{layer}.post", np.ones((min(3, 8 - first), 8, 8), np.float32))
            recorder.checkpoint(0)


if __name__ == "__main__":
    unittest.main()
