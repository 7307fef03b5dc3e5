"""What `isotherm train` wrote, recorded again: the same hashes, and the same results of every analysis."""

import json
import os
import subprocess
import unittest

import h5py

from support import FolderTest, needs_programs

from isotherm_recorder import Recorder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SETTINGS = (
    "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "training.epochs=2", "training.batch=500",
    "capture.samples=24", "capture.taps=[residual.0.pre, residual.*.post, {tap: attention.*.map, samples: 16}]",
)


def numbers(value: object) -> "list[float]":
    """Every number of a JSON document, in order."""
    if isinstance(value, dict):
        return [n for key in sorted(value) for n in numbers(value[key])]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [float(value)] if isinstance(value, (int, float)) else []


@needs_programs
class Programs(FolderTest):
    def run_in_root(self, *words: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_same_captures_make_the_same_archive(self) -> None:
        theirs, ours = os.path.join(self.folder, "theirs.h5"), self.out + ".h5"
        assignments = [word for setting in SETTINGS for word in ("--set", setting)]
        self.run_in_root("isotherm", "train", "data/studies/fashion-mnist.yaml", "-o", theirs, *assignments)
        with h5py.File(theirs) as file:
            samples = file["samples"]
            taps = {name: group["values"] for top in ("activations", "attention") for name, group in file[top].items()}
            with Recorder(ours, title=str(file.attrs["title"]), samples=24, fewer={"attention.*.map": 16}) as recorder:
                recorder.describe_samples(
                    index=samples["index"][()], labels=samples["label"][()], split=samples["split"][()], images=samples["image"][()],
                    classes=list(file["classes/name"].asstr()),
                )
                progress = {name: file["progress"][name] for name in ("loss", "accuracy", "learning_rate", "gradient_norm", "epoch")}
                for row, step in enumerate(file["progress/step"]):
                    recorder.scalars(step, **{name: array[row] for name, array in progress.items()})
                for row, step in enumerate(file["checkpoints/step"]):
                    for name, array in taps.items():
                        recorder.append(name, array[row])
                        if len(array[row]) < 24:
                            # Those beyond the first sixteen are not kept, whatever they are.
                            recorder.append(name, array[row][:8])
                    recorder.parameters({name: array[row] for name, array in file["checkpoints/parameters"].items()
                                         if "logical_sha256" in array.attrs})
                    recorder.checkpoint(step, test_loss=file["checkpoints/test_loss"][row])
            with h5py.File(ours) as again:
                paths = [f"{array.name}" for array in taps.values()]
                paths += ["/samples/label", "/samples/image", "/progress/loss", "/checkpoints/step", "/checkpoints/parameters/classifier.weight"]
                for path in paths:
                    self.assertEqual(again[path].attrs["logical_sha256"], file[path].attrs["logical_sha256"], path)
                    self.assertEqual(again[path].shape, file[path].shape)
        for analysis in (["flow"], ["weights"]):
            results = [numbers(json.loads(self.run_in_root("isotherm-analyze", *analysis, path, "--json"))) for path in (theirs, ours)]
            self.assertGreater(len(results[0]), 10)
            self.assertEqual(len(results[0]), len(results[1]), analysis)
            for theirs_value, ours_value in zip(*results):
                self.assertAlmostEqual(theirs_value, ours_value, delta=1e-5 * max(1, abs(theirs_value)))


if __name__ == "__main__":
    unittest.main()
