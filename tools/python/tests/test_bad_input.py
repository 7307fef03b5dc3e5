"""Every mistake gets one clear line, and nothing of it is written."""

import os
import unittest

import numpy as np

from support import POSITIONS, SAMPLES, FolderTest, describe, values, write_checkpoint

from isotherm_recorder import InputError, Recorder, RecorderError

STATE = values("residual.0.pre", 0)
MAP = values("attention.0.map", 0)


def spoiled(place: "tuple[int, ...]", value: float) -> np.ndarray:
    """A state with one other value."""
    found = STATE.copy()
    found[place] = value
    return found


class BadInput(FolderTest):
    def refused(self, words: str, *appends: "tuple[str, object]", **options: object) -> None:
        """The last of the appends is refused with these words, and nothing is left on the disk."""
        with self.assertRaises(InputError) as caught:
            with self.recorder(**options) as recorder:
                for tap, given in appends:
                    recorder.append(tap, given)
                recorder.checkpoint(0)
        message = str(caught.exception)
        self.assertIn(words, message)
        self.assertEqual(len(message.splitlines()), 1)
        self.assertEqual(os.listdir(self.folder), [])

    def test_values(self) -> None:
        state = ("residual.0.pre", STATE)
        self.refused("1 of 2880 values are NaN", ("residual.0.pre", spoiled((3, 2, 1), np.nan)))
        self.refused("infinite", ("residual.0.pre", spoiled((19, 8, 15), np.inf)))
        self.refused("too large for float16", ("residual.0.pre", spoiled((0, 0, 0), 1e5)), type="float16")
        self.refused("found int64", ("residual.0.pre", np.zeros((SAMPLES, 9, 16), np.int64)))
        self.refused("found complex128", ("residual.0.pre", STATE.astype(complex)))
        self.refused("expected the axes [sample, position, channel], found 2 axes", ("residual.0.pre", STATE[0]))
        self.refused("found 4 axes", ("residual.0.pre", MAP))
        self.refused("unknown tap 'residual.0'; the nearest is residual.0.pre", ("residual.0", STATE))
        self.refused("unknown tap 'attention.0.maps'", ("attention.0.maps", MAP))
        self.refused("[position 9, channel 16] as in the samples before, found [position 8, channel 16]",
                     ("residual.0.pre", STATE[:5]), ("residual.0.pre", STATE[5:, :8]))
        self.refused("expected 9 positions as residual.0.pre has, found 8 along query", state, ("attention.0.map", MAP[:, :, :8, :8]))
        self.refused("expected 9 positions as residual.0.pre has, found 16 along position", state,
                     ("residual.0.post", STATE.transpose(0, 2, 1)))
        self.refused("as many keys as queries", ("attention.0.map", MAP[:, :, :, :4]))
        self.refused("25 samples since the last checkpoint, expected 20", state, ("residual.0.pre", STATE[:5]))
        self.refused("12 of 20 samples were appended", state, ("residual.0.post", STATE[:12]))
        self.refused("nothing was appended")

    def test_allow_nan_stores_it(self) -> None:
        with self.recorder(allow_nan=True) as recorder:
            recorder.append("residual.0.pre", spoiled((3, 2, 1), np.nan))
            recorder.checkpoint(0)

    def test_sample_data(self) -> None:
        for words, data in (
            ("sample 7 is there 2 times", {"index": [7, 7, *range(100, 118)]}),
            ("rows of different lengths", {"tokens": [[1, 2, 3]] * 19 + [[1, 2]]}),
            ("expected the shape [20, positions], found [19, 9]", {"tokens": np.zeros((19, 9), int)}),
            ("expected whole numbers, found float64", {"tokens": np.zeros((SAMPLES, 9))}),
            ("expected the shape of the tokens", {"tokens": np.zeros((SAMPLES, 9), int), "mask": np.ones((SAMPLES, 8), int)}),
            ("a token in every sample", {"mask": np.zeros((SAMPLES, 9), int)}),
            ("class 3 is not among the 3 classes", {"labels": [3] * SAMPLES, "classes": ["a", "b", "c"]}),
            ("«train» or «test»", {"split": ["train"] * 19 + ["dev"]}),
            ("expected 20 strings", {"texts": ["one"]}),
            ("uint8 [20, y, x]", {"images": np.zeros((SAMPLES, 4, 4))}),
        ):
            with self.assertRaises(InputError) as caught, self.recorder() as recorder:
                recorder.describe_samples(**data)
            self.assertIn(words, str(caught.exception))
            self.assertEqual(os.listdir(self.folder), [])

    def test_tokens_fit_the_states(self) -> None:
        with self.assertRaisesRegex(InputError, "expected 9 positions as residual.0.pre has, found 7"), self.recorder() as recorder:
            recorder.describe_samples(tokens=np.ones((SAMPLES, 7), int))
            recorder.append("residual.0.pre", STATE)
            recorder.checkpoint(0)
        self.assertEqual(os.listdir(self.folder), [])

    def test_parameters(self) -> None:
        with self.recorder() as recorder:
            recorder.parameters({"w": np.ones((2, 3)), "steps": np.array(4)})
            for words, given in (
                ("w: its values are there already", {"w": np.ones((2, 3))}), ("expected the shape [2, 3]", {"w": np.ones((3, 2))}),
                ("without /", {"a/b": np.ones(2)}), ("none of them empty", {"empty": np.ones((0, 2))}),
                ("v: 1 of 2 values are NaN", {"v": np.array([1, np.nan])}),
            ):
                with self.assertRaises(InputError) as caught:
                    recorder.parameters(given)
                self.assertIn(words, str(caught.exception))
            recorder.checkpoint(0)
            with self.assertRaisesRegex(InputError, "/checkpoints/parameters/w: it was not given"):
                recorder.checkpoint(1)
            recorder.parameters({"w": np.ones((2, 3))})
            recorder.checkpoint(1)

    def test_later_checkpoints(self) -> None:
        recorder = self.recorder()
        write_checkpoint(recorder, 5)
        for words, call in (
            ("expected a whole number from 6, beyond the last checkpoint's step", lambda: recorder.checkpoint(5)),
            ("not in the first checkpoint", lambda: recorder.append("residual.7.post", STATE)),
            ("was not there at the first checkpoint", lambda: recorder.scalars(6, perplexity=2)),
            ("after the last one's 5", lambda: recorder.scalars(5, loss=2)),
            ("the run was begun with other arrays", lambda: describe(recorder)),
        ):
            with self.assertRaises(InputError) as caught:
                call()
            self.assertIn(words, str(caught.exception))
        write_checkpoint(recorder, 6)
        recorder.append("residual.0.pre", STATE)
        with self.assertRaisesRegex(InputError, "appended after the last checkpoint"):
            recorder.close()
        # What was acknowledged is there all the same.
        self.assertEqual(Recorder(self.out, resume=True).step, 6)

    def test_places(self) -> None:
        with self.assertRaisesRegex(InputError, "needs title"):
            Recorder(self.out)
        with self.assertRaisesRegex(InputError, "from 1, found 0"):
            self.recorder(samples=0)
        with self.assertRaisesRegex(InputError, "found 'gzip-0'"):
            self.recorder(compression="gzip-0")
        with self.assertRaisesRegex(RecorderError, "does not exist"):
            Recorder(self.out + "/no/run", title="x", samples=1)
        with self.assertRaisesRegex(RecorderError, "checkpoint.step. was never called"):
            self.recorder().close()
        self.assertEqual(os.listdir(self.folder), [])
        first = self.recorder()
        with self.assertRaisesRegex(RecorderError, "exists already"):
            self.recorder()
        with self.assertRaisesRegex(RecorderError, "written by another process"):
            self.recorder(resume=True)
        with self.assertRaisesRegex(RecorderError, "written by another process"):
            self.recorder(replace=True)
        write_checkpoint(first, 0)
        first.close()
        with self.assertRaisesRegex(RecorderError, "exists already"):
            self.recorder(resume=True)
        with open(self.out + "2.h5", "w", encoding="utf-8") as file:
            file.write("precious")
        self.out += "2"
        with self.assertRaisesRegex(RecorderError, "not an archive of Isotherm"):
            self.recorder(replace=True)

    def test_an_exception_keeps_what_was_acknowledged(self) -> None:
        with self.assertRaises(KeyError), self.recorder() as recorder:
            write_checkpoint(recorder, 0)
            recorder.append("residual.0.pre", STATE)
            raise KeyError("mine")
        again = Recorder(self.out, resume=True)
        self.assertEqual(again.step, 0)
        again.close()
        self.assertEqual(os.listdir(self.folder), ["run.h5"])


if __name__ == "__main__":
    unittest.main()
