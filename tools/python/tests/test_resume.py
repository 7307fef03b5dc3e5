"""A run that was interrupted goes on, and what goes on is the same run."""

import json
import os
import unittest
from unittest import mock

import h5py
import numpy as np

from support import SAMPLES, FolderTest, arrays_of, describe, needs_programs, program, write_checkpoint

from isotherm_recorder import InputError, Recorder, RecorderError, parts


class Resume(FolderTest):
    def begin(self, steps: "list[int]", **options: object) -> None:
        """A run that is given up after these steps."""
        recorder = self.recorder(**options)
        describe(recorder)
        for step in steps:
            write_checkpoint(recorder, step)
        recorder.abandon()

    def test_it_goes_on_after_the_last_checkpoint(self) -> None:
        self.begin([0, 1])
        again = Recorder(self.out, resume=True)
        self.assertEqual((again.step, again.acknowledged), (1, 1))
        describe(again)
        again.scalars(2, loss=9)
        again.abandon()
        # A row of scalars after the last checkpoint is computed again.
        with Recorder(self.out, resume=True) as again:
            for step in (2, 3):
                write_checkpoint(again, step)
        with h5py.File(self.out + ".h5") as file:
            self.assert_values(file, [0, 1, 2, 3])
            self.assertEqual(list(file["progress/step"]), [0, 1, 2, 3])
            rows = [json.loads(text) for text in file["provenance/session_rows"].asstr()]
            self.assertEqual(rows, [{}, {"checkpoint": 2, "step": 2}])

    def test_scalars_are_made_durable_between_checkpoints(self) -> None:
        self.begin([0])
        with mock.patch("isotherm_recorder.scalars._INTERVAL", -1):
            again = Recorder(self.out, resume=True)
            again.scalars(1, loss=5)
            again.scalars(2, loss=4)
            again.flush()
            again.abandon()
        with h5py.File(self.out + ".run/index.h5") as file:
            self.assertEqual(list(file["progress/loss"]), [1, 5, 4])
            self.assertEqual(file["progress/learning_rate"][0], 0.1)
            self.assertTrue(np.isnan(file["progress/learning_rate"][1:]).all())
        with Recorder(self.out, resume=True) as again:
            again.scalars(1, loss=6)
        with h5py.File(self.out + ".h5") as file:
            self.assertEqual(list(file["progress/loss"]), [1, 6])

    def test_values_are_those_of_a_run_in_one_piece(self) -> None:
        self.begin([0, 1, 2])
        with Recorder(self.out, resume=True) as again:
            write_checkpoint(again, 3)
        pieces = self.out
        self.out += "-whole"
        with self.recorder() as recorder:
            describe(recorder)
            for step in range(4):
                write_checkpoint(recorder, step)
        with h5py.File(pieces + ".h5") as a, h5py.File(self.out + ".h5") as b:
            hashes = [{path: array.attrs["logical_sha256"] for path, array in arrays_of(file).items()} for file in (a, b)]
        self.assertEqual(*hashes)

    def test_what_does_not_agree_is_refused(self) -> None:
        self.begin([0], configuration={"rate": 0.1})
        for words, options in (
            ("«run: {\"rate\": 0.1}», asked for is «run: {\"rate\": 0.2}»", {"configuration": {"rate": 0.2}}),
            ("begun with another configuration", {"configuration": {"rate": 0.1}, "samples": SAMPLES + 1}),
        ):
            with self.assertRaises(RecorderError) as caught:
                Recorder(self.out, resume=True, **options)  # type: ignore[arg-type]
            self.assertIn(words, str(caught.exception))
        again = Recorder(self.out, resume=True, configuration={"rate": 0.1})
        with self.assertRaisesRegex(InputError, "begun with other arrays"):
            again.describe_samples(labels=np.zeros(SAMPLES, int))
        again.abandon()

    def test_a_missing_part_is_named(self) -> None:
        self.begin([0, 1, 2])
        os.unlink(self.out + ".run/part-000001.h5")
        with self.assertRaisesRegex(RecorderError, "part-000001.h5 is missing though later parts are there"):
            Recorder(self.out, resume=True)

    def test_many_checkpoints_are_merged(self) -> None:
        count = 120
        with self.recorder(samples=4) as recorder:
            for step in range(count):
                recorder.scalars(step, loss=step)
                recorder.append("residual.0.pre", np.full((4, 2, 3), step, np.float32))
                recorder.checkpoint(step)
                names = [name for name in os.listdir(self.out + ".run") if name.startswith("part-")]
                # Those that were merged last stay for readers.
                self.assertLessEqual(len(names), parts.LIMIT + 2 * parts.FAN)
                if step == 85:
                    recorder.flush()
                    recorder.abandon()
                    break
        with Recorder(self.out, resume=True) as recorder:
            self.assertEqual(recorder.step, 85)
            for step in range(86, count):
                recorder.scalars(step, loss=step)
                recorder.append("residual.0.pre", np.full((4, 2, 3), step, np.float32))
                recorder.checkpoint(step, wait=step % 7 == 0)
        with h5py.File(self.out + ".h5") as file:
            self.assertEqual(list(file["progress/loss"]), list(range(count)))
            self.assertEqual(list(file["activations/residual.0.pre/values"][:, 3, 1, 2]), list(range(count)))


class Ranks(FolderTest):
    @needs_programs
    def test_ranks_are_merged_by_sample(self) -> None:
        for rank in range(3):
            with self.recorder(samples=8, rank=rank) as recorder:
                recorder.describe_samples(labels=np.full(8, rank))
                for step in (1, 2):
                    recorder.scalars(step, loss=step)
                    recorder.append("residual.0.pre", np.full((8, 5, 4), 10 * rank + step, np.float32))
                    recorder.append("attention.0.map", np.full((8, 2, 5, 5), 0.2, np.float32))
                    recorder.checkpoint(step)
        ranks = [f"{self.out}-rank-{rank}.h5" for rank in range(3)]
        merged = program("isotherm-archive", "merge", *ranks, "-o", self.out)
        self.assertEqual(merged.returncode, 0, merged.stderr)
        with h5py.File(self.out + ".h5") as file:
            self.assertEqual(list(file["samples/index"]), list(range(24)))
            found = file["activations/residual.0.pre/values"]
            self.assertEqual(found.shape, (2, 24, 5, 4))
            self.assertEqual([found[1, sample, 0, 0] for sample in (0, 8, 23)], [2, 12, 22])
        check = program("isotherm-archive", "check", self.out + ".h5")
        self.assertIn("0 findings", check.stdout)


if __name__ == "__main__":
    unittest.main()
