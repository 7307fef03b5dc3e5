"""What recording costs, and how fast it is beside h5py's own gzip. usage: benchmarks.py cost|gzip [--pairs 5] [--folder FOLDER]

cost: a 12-layer, 768-wide encoder in PyTorch, two threads, batches of 32 x 128 tokens, every residual stream and attention map captured;
passes with and without capture alternate, since other programs share the machine. gzip: the same arrays by h5py's pipeline.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from isotherm_recorder import Recorder  # noqa: E402  pylint: disable=wrong-import-position

LAYERS, WIDTH, HEADS, BATCH, POSITIONS = 12, 768, 12, 32, 128


def encoder() -> object:
    """A post-norm encoder whose attention returns its maps."""
    import torch  # pylint: disable=import-outside-toplevel
    from torch import nn  # pylint: disable=import-outside-toplevel

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, u: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
            q, k, v = (x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in self.project(u).chunk(3, -1))
            weights = (q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5).softmax(-1)
            return self.out((weights @ v).transpose(1, 2).flatten(-2)), weights

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.norm1, self.norm2 = Attention(), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, u: "torch.Tensor") -> "torch.Tensor":
            u = self.norm1(u + self.attention(u)[0])
            return self.norm2(u + self.mlp(u))

    torch.manual_seed(0)
    torch.set_num_threads(2)
    network = nn.Module()
    network.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
    return network.eval()


def cost(folder: str, pairs: int) -> None:
    """Alternating passes, plain and captured; then until the checkpoint is durable."""
    import torch  # pylint: disable=import-outside-toplevel

    network, x = encoder(), torch.randn(BATCH, POSITIONS, WIDTH)
    times: "dict[str, list[float]]" = {"plain": [], "captured": [], "durable": [], "cpu plain": [], "cpu durable": []}
    recorder = Recorder(os.path.join(folder, "cost"), title="cost", samples=BATCH)
    recorder.watch(network)
    with torch.no_grad():
        for pair in range(pairs + 1):
            with recorder.paused():
                began, cpu = time.perf_counter(), time.process_time()
                network.layers(x)
                plain = (time.perf_counter() - began, time.process_time() - cpu)
            began, cpu = time.perf_counter(), time.process_time()
            network.layers(x)
            captured = time.perf_counter() - began
            recorder.checkpoint(pair)
            durable = (time.perf_counter() - began, time.process_time() - cpu)
            # The first pass makes buffers.
            if pair:
                for name, value in zip(times, (plain[0], captured, durable[0], plain[1], durable[1])):
                    times[name].append(value)
    recorder.abandon()
    stored = sum(os.path.getsize(os.path.join(folder, "cost.run", name)) for name in os.listdir(os.path.join(folder, "cost.run")))
    median = {name: statistics.median(values) for name, values in times.items()}
    ratio = {name: statistics.median(b / a for a, b in zip(times["plain"], times[name])) for name in ("captured", "durable")}
    work = statistics.median(b / a for a, b in zip(times["cpu plain"], times["cpu durable"]))
    print(f"plain pass {median['plain']:.2f} s, captured {median['captured']:.2f} s (x {ratio['captured']:.2f}), until durable "
          f"{median['durable']:.2f} s (x {ratio['durable']:.2f}); processor time x {work:.2f}; {stored / (pairs + 1) / 1e6:.0f} MB a "
          f"checkpoint on disk, peak {recorder.peak_memory / 2**20:.0f} MiB on their way, waited {recorder.waited:.1f} s in all")


def gzip(folder: str, pairs: int) -> None:
    """The arrays of four layers: recorded, and by h5py with its own gzip at levels 1 and 4 (its default)."""
    draw = np.random.default_rng(0)
    arrays = {}
    for layer in range(4):
        arrays[f"residual.{layer}.post"] = draw.standard_normal((BATCH, POSITIONS, WIDTH)).astype(np.float32)
        maps = np.exp(draw.standard_normal((BATCH, HEADS, POSITIONS, POSITIONS)).astype(np.float32))
        arrays[f"attention.{layer}.map"] = maps / maps.sum(-1, keepdims=True)
    size = sum(array.nbytes for array in arrays.values()) / 1e6

    def recorded() -> None:
        recorder = Recorder(os.path.join(folder, "gzip"), title="gzip", samples=BATCH, replace=True)
        for tap, values in arrays.items():
            recorder.append(tap, values)
        recorder.checkpoint(0)
        recorder.abandon()

    def by_h5py(level: int) -> None:
        path = os.path.join(folder, "gzip.h5")
        with h5py.File(path, "w") as file:
            for tap, values in arrays.items():
                chunk = (1, 2, POSITIONS, WIDTH) if values.ndim == 3 else (1, 1, *values.shape[1:])
                file.create_dataset(tap, data=values[None], chunks=chunk, compression=level, shuffle=True, fletcher32=True)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        os.unlink(path)

    ways = {"recorder": recorded, "h5py gzip-1": lambda: by_h5py(1), "h5py gzip-4": lambda: by_h5py(4)}
    times: "dict[str, list[float]]" = {name: [] for name in ways}
    for _ in range(pairs):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    for name, values in times.items():
        times_faster = statistics.median(b / a for a, b in zip(times["recorder"], values))
        print(f"{name}: {size / statistics.median(values):.0f} MB/s, recorder x {times_faster:.1f}")


def main() -> None:
    """Runs one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("cost", "gzip"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where files are written, and removed")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(dir=options.folder)
    try:
        {"cost": cost, "gzip": gzip}[options.what](folder, options.pairs)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
