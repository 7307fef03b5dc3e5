"""What the tests share: made-up values that depend on a seed alone, and the programs that read archives."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from isotherm_recorder import Recorder  # noqa: E402  pylint: disable=wrong-import-position

SAMPLES, POSITIONS, CHANNELS, HEADS, LAYERS = 20, 9, 16, 2, 3
STATES = ["residual.0.pre", *(f"residual.{layer}.post" for layer in range(LAYERS))]
MAPS = [f"attention.{layer}.map" for layer in range(LAYERS)]


def path_of(tap: str) -> str:
    """Where the archive keeps a tap."""
    return f"/{'attention' if tap.endswith('map') else 'activations'}/{tap}/values"


def values(tap: str, step: int) -> np.ndarray:
    """Values of a tap at a step: the same whenever they are asked for."""
    seed = int.from_bytes(hashlib.sha256(f"{tap} {step}".encode()).digest()[:4], "big")
    draw = np.random.default_rng(seed)
    if tap.endswith("map"):
        maps = np.exp(draw.standard_normal((SAMPLES, HEADS, POSITIONS, POSITIONS)).astype(np.float32))
        return maps / maps.sum(-1, keepdims=True)
    return draw.standard_normal((SAMPLES, POSITIONS, CHANNELS)).astype(np.float32)


def describe(recorder: Recorder) -> None:
    """Says the same of the samples in every process."""
    draw = np.random.default_rng(3)
    recorder.describe_samples(
        tokens=draw.integers(1, 99, (SAMPLES, POSITIONS)),
        mask=np.arange(POSITIONS) < draw.integers(3, POSITIONS + 1, (SAMPLES, 1)),
        labels=np.arange(SAMPLES) % 3, split=["train", "test"] * (SAMPLES // 2), classes=["a", "b", "c"],
        texts=[f"text {i} é" for i in range(SAMPLES)],
    )


def write_checkpoint(recorder: Recorder, step: int, batch: int = 7) -> None:
    """One checkpoint with everything: scalars, taps in batches, parameters, scores."""
    recorder.scalars(step, loss=1 / (step + 1), learning_rate=0.1)
    for tap in STATES + MAPS:
        whole = values(tap, step)
        for first in range(0, SAMPLES, batch):
            recorder.append(tap, whole[first : first + batch])
    recorder.parameters({"head.weight": values("residual.0.pre", step)[0], "head.bias": np.full(3, step, np.float32)})
    recorder.checkpoint(step, test_loss=0.5 / (step + 1))


def logical_hash(dataset: h5py.Dataset) -> str:
    """The hash as the layout defines it, computed apart from the recorder."""
    data = dataset[()]
    if h5py.check_string_dtype(dataset.dtype):
        content, kind = b"".join(text + b"\0" for text in data.reshape(-1)), "utf8"
    else:
        content, kind = np.ascontiguousarray(data).tobytes(), dataset.dtype.name
    return hashlib.sha256(content + f"{kind}[{','.join(map(str, dataset.shape))}]".encode()).hexdigest()


def arrays_of(file: h5py.File) -> "dict[str, h5py.Dataset]":
    """Every array with a hash, by its path, without what the clock decides."""
    found = {}

    def visit(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset) and "logical_sha256" in item.attrs and not name.endswith("/seconds"):
            found["/" + name] = item

    file.visititems(visit)
    return found


def program(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs one of the Swift programs."""
    return subprocess.run([name, *words], capture_output=True, text=True, check=False)


def needs_programs(test: object) -> object:
    """Leaves a test out, saying so, where the Swift programs are not in PATH."""
    there = shutil.which("isotherm-archive") is not None
    return unittest.skipUnless(there, "isotherm-archive is not in PATH; tools/check runs the tests with it")(test)


class FolderTest(unittest.TestCase):
    """A test with a new folder, which goes with it."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="isotherm-recorder-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.out = os.path.join(self.folder, "run")

    def recorder(self, **options: object) -> Recorder:
        """A recorder of the usual samples."""
        return Recorder(self.out, **{"title": "made up", "samples": SAMPLES, **options})  # type: ignore[arg-type]

    def assert_values(self, file: h5py.File, steps: "list[int]") -> None:
        """Every row of every tap is what was appended."""
        self.assertEqual(list(file["checkpoints/step"][: len(steps)]), steps)
        for tap in STATES + MAPS:
            for row, step in enumerate(steps):
                self.assertTrue(np.array_equal(file[path_of(tap)][row], values(tap, step)), f"{tap} at {step}")
