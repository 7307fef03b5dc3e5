"""A process that is killed loses nothing that was acknowledged, and another one goes on to the same values.

ISOTHERM_LONG=1 kills a hundred times, else six.
"""

import os
import random
import signal
import time
import unittest

import h5py

from support import SAMPLES, FolderTest, arrays_of, describe, write_checkpoint

from isotherm_recorder import Recorder, RecorderError

KILLS = 100 if os.environ.get("ISOTHERM_LONG") else 6
STEPS = list(range(0, 60, 5))


def record(out: str, pipe: int) -> None:
    """The whole run, or what is left of it; tells each step that is acknowledged."""
    with Recorder(out, title="killed", samples=SAMPLES, resume=True, memory=1 << 20) as recorder:
        describe(recorder)
        for step in STEPS:
            if recorder.step is None or step > recorder.step:
                write_checkpoint(recorder, step, batch=random.choice((3, 7, 20)))
                os.write(pipe, f"{recorder.acknowledged}\n".encode())


def start(out: str) -> "tuple[int, int]":
    """Forks a recording process: its number, and the pipe that it tells by."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, told
    status = 1
    try:
        os.close(told)
        record(out, tell)
        status = 0
    finally:
        os._exit(status)


def finish(child: int, told: int) -> "tuple[int, list[int]]":
    """Waits for the process: its status, and the steps it told."""
    with os.fdopen(told) as pipe:
        steps = [int(line) for line in pipe if line.endswith("\n")]
    return os.waitpid(child, 0)[1], steps


class Kills(FolderTest):
    def test_nothing_acknowledged_is_lost(self) -> None:
        whole = os.path.join(self.folder, "whole")
        began = time.monotonic()
        status, told = finish(*start(whole))
        length = time.monotonic() - began
        self.assertEqual((status, told), (0, STEPS))
        with h5py.File(whole + ".h5") as file:
            expected = {path: array.attrs["logical_sha256"] for path, array in arrays_of(file).items()}
        kills = resumed = runs = 0
        last = -1
        draw = random.Random(1)
        while kills < KILLS:
            if os.path.exists(self.out + ".h5"):
                self.check_sealed()
                os.unlink(self.out + ".h5")
            if not os.path.exists(self.out + ".run"):
                last = -1
                runs += 1
            child, told_by = start(self.out)
            time.sleep(draw.uniform(0.0, 0.7) * length)
            os.kill(child, signal.SIGKILL)
            status, told = finish(child, told_by)
            resumed += last >= 0
            self.assertTrue(all(step > last for step in told) and told == sorted(told), f"{told} after {last}")
            last = max([last, *told])
            if os.WIFSIGNALED(status):
                kills += 1
                self.check(last)
            else:
                self.assertEqual(status, 0)
        if os.path.exists(self.out + ".h5"):
            self.check_sealed()
        else:
            self.assertEqual(finish(*start(self.out))[0], 0)
        with h5py.File(self.out + ".h5") as file:
            self.assertEqual({path: array.attrs["logical_sha256"] for path, array in arrays_of(file).items()}, expected)
            self.assert_values(file, STEPS)
        print(f"{kills} kills of {runs} runs, {resumed} resumed, nothing acknowledged lost")
        self.assertGreater(resumed, 0)

    def check_sealed(self) -> None:
        """A run that was killed when it was sealed is not begun again, and what was left of its folder goes."""
        with h5py.File(self.out + ".h5") as file:
            self.assert_values(file, STEPS)
        with self.assertRaisesRegex(RecorderError, "is sealed already|exists already"):
            Recorder(self.out, title="killed", samples=SAMPLES, resume=True)
        self.assertFalse(os.path.exists(self.out + ".run"))

    def check(self, last: int) -> None:
        """What a reader finds after a kill, ``last`` being the last step that was acknowledged."""
        places = [path for path in (self.out + ".h5", self.out + ".run/index.h5") if os.path.exists(path)]
        self.assertTrue(places or last < 0, f"step {last} was acknowledged, and there is nothing")
        for path in places:
            with h5py.File(path) as file:
                steps = list(file["checkpoints/step"])
                self.assertTrue(last < 0 or last in steps, f"step {last} was acknowledged, there are {steps}")
                self.assert_values(file, STEPS[: len(steps)])


if __name__ == "__main__":
    unittest.main()
