"""The network that `isotherm train` trained, built again in PyTorch and captured by hooks: the same values, and the same results of the
analyses. Left out, saying so, where torch is not installed."""

import json
import os
import subprocess
import unittest

import h5py
import numpy as np

from support import FolderTest, needs_programs
from test_programs import ROOT, SETTINGS, numbers

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

if torch is not None:

    class Attention(nn.Module):
        """Returns its map beside the result."""

        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

        def forward(self, x: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
            q, k, v = (project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for project in (self.query, self.key, self.value))
            weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
            return self.output((weights @ v).transpose(1, 2).flatten(-2)), weights

    class Block(nn.Module):
        """A layer whose norms come first."""

        def __init__(self, width: int, heads: int, hidden: int) -> None:
            super().__init__()
            self.norm1, self.norm2, self.attention = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, heads)
            self.mlp = nn.Module()
            self.mlp.up, self.mlp.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

        def forward(self, u: "torch.Tensor") -> "torch.Tensor":
            u = u + self.attention(self.norm1(u))[0]
            return u + self.mlp.down(nn.functional.gelu(self.mlp.up(self.norm2(u))))

    class Encoder(nn.Module):
        """The demo's encoder over patches, its parameters named as in archives."""

        def __init__(self, width: int, layers: int, heads: int, hidden: int, positions: int, pixels: int, classes: int) -> None:
            super().__init__()
            self.embed, self.position_embedding = nn.Linear(pixels, width), nn.Embedding(positions, width)
            self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
            self.final_norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, classes)

        def forward(self, patches: "torch.Tensor") -> "torch.Tensor":
            u = self.embed(patches) + self.position_embedding.weight
            for block in self.blocks:
                u = block(u)
            return self.classifier(self.final_norm(u).mean(1))


@unittest.skipIf(torch is None, "torch is not installed")
@needs_programs
class Twin(FolderTest):
    def run_in_root(self, *words: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_network_in_pytorch(self) -> None:
        theirs, ours = os.path.join(self.folder, "theirs.h5"), self.out + ".h5"
        assignments = [word for setting in SETTINGS for word in ("--set", setting)]
        self.run_in_root("isotherm", "train", "data/studies/fashion-mnist.yaml", "-o", theirs, *assignments)
        network = Encoder(16, 2, 2, 32, 49, 16, 10).eval()
        with h5py.File(theirs) as file:
            said = file["explanation/input"].attrs
            images = (file["samples/image"][()] / 255 - said["pixel_mean"]) / said["pixel_deviation"]
            patches = images.reshape(24, 7, 4, 7, 4).transpose(0, 1, 3, 2, 4).reshape(24, 49, 16)
            names = [name for name, array in file["checkpoints/parameters"].items() if "logical_sha256" in array.attrs]
            with self.recorder(samples=24, fewer={"attention.*.map": 16}) as recorder:
                recorder.describe_samples(
                    index=file["samples/index"][()], labels=file["samples/label"][()], split=file["samples/split"][()],
                    images=file["samples/image"][()], classes=list(file["classes/name"].asstr()),
                )
                recorder.watch(network)
                for row, step in enumerate(file["checkpoints/step"]):
                    weights = {name: torch.from_numpy(file["checkpoints/parameters"][name][row]) for name in names}
                    network.load_state_dict(weights)
                    with torch.no_grad():
                        for part in torch.from_numpy(patches.astype(np.float32)).split(10):
                            network(part)
                    recorder.parameters(network)
                    recorder.checkpoint(step)
            with h5py.File(ours) as again:
                for top in ("activations", "attention"):
                    self.assertEqual(sorted(again[top]), sorted(file[top]))
                    for tap in file[top]:
                        expected, found = file[top][tap]["values"][()], again[top][tap]["values"][()]
                        self.assertEqual(expected.shape, found.shape)
                        self.assertLess(np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected))), 1e-5, tap)
        self.assertIn("0 findings", self.run_in_root("isotherm-archive", "check", ours))
        for analysis in ("flow", "weights"):
            results = [numbers(json.loads(self.run_in_root("isotherm-analyze", analysis, path, "--json"))) for path in (theirs, ours)]
            self.assertEqual(len(results[0]), len(results[1]), analysis)
            for expected, found in zip(*results):
                self.assertAlmostEqual(expected, found, delta=1e-5 * max(1, abs(expected)), msg=analysis)


if __name__ == "__main__":
    unittest.main()
