"""Captures from PyTorch by hooks. Left out, saying so, where torch is not installed."""

import os
import time
import unittest
from unittest import mock

import h5py
import numpy as np

from support import FolderTest, needs_programs, path_of, program

from isotherm_recorder import InputError

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
    nn = None

SAMPLES, POSITIONS, CHANNELS, HEADS, LAYERS = 6, 5, 8, 2, 2


if torch is not None:

    class Attention(nn.Module):
        """Self-attention that returns its map, as those of transformers do with eager attention."""

        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(CHANNELS, 3 * CHANNELS)

        def forward(self, x: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
            q, k, v = (y.unflatten(-1, (HEADS, -1)).transpose(1, 2) for y in self.project(x).chunk(3, -1))
            weights = (q @ k.transpose(-1, -2) / 2).softmax(-1)
            return (weights @ v).transpose(1, 2).flatten(-2), weights

    class Layer(nn.Module):
        """A layer that changes its input where it lies, so that captures must have copied it."""

        def __init__(self) -> None:
            super().__init__()
            self.attn = Attention()

        def forward(self, hidden_states: "torch.Tensor") -> "tuple[torch.Tensor]":
            out = hidden_states + self.attn(hidden_states)[0]
            if not hidden_states.requires_grad:
                hidden_states.zero_()
            return (out,)

    class Network(nn.Module):
        """Named as GPT-2's, with layers called by keyword."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.h = nn.ModuleList(Layer() for _ in range(LAYERS))
            self.ln_f = nn.LayerNorm(CHANNELS)
            self.lm_head = nn.Linear(CHANNELS, 3)

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            for layer in self.h:
                x = layer(hidden_states=x)[0]
            return self.lm_head(self.ln_f(x))


@unittest.skipIf(torch is None, "torch is not installed")
class Torch(FolderTest):
    def expected(self, network: "Network", x: "torch.Tensor") -> "dict[str, np.ndarray]":
        """Every usual tap, by a loop of its own."""
        found = {}
        with torch.no_grad():
            for layer, block in enumerate(network.h):
                found["residual.0.pre" if layer == 0 else f"residual.{layer - 1}.post"] = x.numpy().copy()
                mixed, weights = block.attn(x)
                found[f"attention.{layer}.map"] = weights.numpy()
                x = x + mixed
            found[f"residual.{LAYERS - 1}.post"] = x.numpy()
        return found

    def recorder(self, **options: object) -> "object":
        return super().recorder(samples=SAMPLES, **options)

    def test_usual_taps(self) -> None:
        network = Network()
        x = torch.randn(SAMPLES, POSITIONS, CHANNELS)
        expected = [self.expected(network, x + step) for step in (0, 1)]
        with self.recorder() as recorder:
            watch = recorder.watch(network)
            self.assertEqual(sorted(watch.taps), sorted(expected[0]))
            for step in (0, 1):
                with torch.no_grad():
                    for part in x.split(4):
                        network(part.clone() + step)
                with recorder.paused():
                    network(x + 100)
                recorder.parameters(network)
                recorder.checkpoint(step)
        with h5py.File(self.out + ".h5") as file:
            for step in (0, 1):
                for tap, values in expected[step].items():
                    self.assertTrue(np.allclose(file[path_of(tap)][step], values, atol=1e-6), tap)
            self.assertTrue(np.array_equal(file["checkpoints/parameters/lm_head.weight"][1], network.lm_head.weight.detach()))

    def test_globs_of_taps_and_modules(self) -> None:
        network = Network()
        for taps, expected in (
            (["residual.*.post"], ["residual.0.post", "residual.1.post"]), (["*.attn"], ["attention.0.map", "attention.1.map"]),
            (["logits", "final_norm.output"], ["final_norm.output", "logits"]), (["h.1"], ["residual.1.post"]),
        ):
            with self.subTest(taps=taps):
                recorder = self.recorder(replace=True)
                self.assertEqual(sorted(recorder.watch(network, taps).taps), expected)
                recorder.abandon()
        names = {"h.*": "residual.{}.post", "h.0:input": "residual.0.pre", "h.*.attn:1": "attention.{}.map"}
        for options in ({"names": names}, {"taps": names}):
            recorder = self.recorder()
            self.assertEqual(len(recorder.watch(network, **options).taps), 2 * LAYERS + 1)
            recorder.abandon()

    def test_mistakes(self) -> None:
        network = Network()
        recorder = self.recorder()
        for words, options in (
            ("neither a tap nor a module; the nearest are", {"taps": ["residual.*.pos"]}),
            ("no module is called 'layers.*'", {"names": {"layers.*": "residual.{}.post"}}),
            ("unknown tap 'resid.0'", {"names": {"h.*": "resid.{}"}}),
            ("expected always or eval", {"when": "train"}),
            ("expected huggingface or transformerlens", {"preset": "keras"}),
        ):
            with self.assertRaises(InputError) as caught:
                recorder.watch(network, **options)
            self.assertIn(words, str(caught.exception))
        with self.assertRaisesRegex(InputError, "no tap is known for the modules"):
            recorder.watch(network, ["h.0.attn.project"])
        with self.assertRaisesRegex(InputError, "no module has a name that the presets know"):
            recorder.watch(nn.Linear(2, 2))
        class Silent(Attention):
            def forward(self, x: "torch.Tensor") -> "tuple[torch.Tensor, None]":
                return super().forward(x)[0], None

        for layer in network.h:
            layer.attn = Silent()
        recorder.watch(network)
        with self.assertRaisesRegex(InputError, "attn_implementation=\"eager\""):
            network(torch.randn(2, POSITIONS, CHANNELS))
        recorder.abandon()
        self.assertEqual(os.listdir(self.folder), [])

    def test_passes_in_training_can_be_left_out(self) -> None:
        network = Network()
        with self.recorder() as recorder:
            recorder.watch(network, when="eval")
            network.train()(torch.randn(3, POSITIONS, CHANNELS))
            network.eval()(torch.randn(SAMPLES, POSITIONS, CHANNELS))
            recorder.checkpoint(0)

    def test_tensors_that_arrive_later(self) -> None:
        """As those of a device do, whose copies go on behind the computation."""
        network = Network()
        x = torch.randn(SAMPLES, POSITIONS, CHANNELS)
        expected = self.expected(network, x)

        def later(values: "torch.Tensor") -> "tuple[torch.Tensor, object]":
            return values.clone(), lambda: time.sleep(0.005)

        with mock.patch("isotherm_recorder.torch_taps.begin_copy", later):
            with self.recorder(memory=4096) as recorder:
                recorder.watch(network)
                with torch.no_grad():
                    network(x.clone())
                recorder.checkpoint(0)
            with h5py.File(self.out + ".h5") as file:
                for tap, values in expected.items():
                    self.assertTrue(np.allclose(file[path_of(tap)][0], values, atol=1e-6), tap)
            with self.assertRaisesRegex(InputError, "are NaN"), self.recorder(replace=True) as recorder:
                recorder.watch(network)
                with torch.no_grad():
                    network(x * np.nan)
                recorder.checkpoint(0)

    def test_a_watched_module_that_does_not_run(self) -> None:
        network = Network()
        recorder = self.recorder()
        recorder.watch(network)
        with torch.no_grad():
            network.h[0](torch.randn(SAMPLES, POSITIONS, CHANNELS))
        with self.assertRaisesRegex(InputError, "h.1 is watched, and no captured pass reached it"):
            recorder.checkpoint(0)
        recorder.abandon()

    def test_maps_of_pytorchs_own_encoder(self) -> None:
        x = torch.randn(SAMPLES, POSITIONS, CHANNELS)
        for batch_first in (True, False):
            torch.manual_seed(1)
            layer = nn.TransformerEncoderLayer(CHANNELS, HEADS, 16, batch_first=batch_first)
            network = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False).eval()
            given = x if batch_first else x.transpose(0, 1)
            with torch.no_grad(), self.recorder(replace=True) as recorder:
                plain = network(given)
                recorder.watch(network)
                self.assertTrue(torch.allclose(network(given), plain, atol=1e-5))
                recorder.checkpoint(0)
                with recorder.paused():
                    state = given
                    for block in network.layers:
                        state, weights = block(state), block.self_attn(state, state, state, average_attn_weights=False)[1]
            with h5py.File(self.out + ".h5") as file:
                self.assertTrue(np.allclose(file[path_of("residual.0.pre")][0], x, atol=1e-6))
                last = state if batch_first else state.transpose(0, 1)
                self.assertTrue(np.allclose(file[path_of(f"residual.{LAYERS - 1}.post")][0], last, atol=1e-5))
                self.assertTrue(np.allclose(file[path_of(f"attention.{LAYERS - 1}.map")][0], weights, atol=1e-5))

    def test_gradients_are_of_each_samples_own_loss(self) -> None:
        network = Network()
        x = torch.randn(SAMPLES, POSITIONS, CHANNELS)
        with self.recorder() as recorder:
            recorder.watch(network, ["residual.*"], gradients="mean")
            for part in x.split(3):
                network(part.requires_grad_()).square().sum((1, 2)).mean().backward()
            recorder.checkpoint(0)
        state = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            loss = network(state).square().sum()
            loss.backward()
        with h5py.File(self.out + ".h5") as file:
            found = file["gradients/gradient.residual.0.pre/values"][0]
            self.assertTrue(np.allclose(found, state.grad, atol=1e-5))
            self.assertEqual(len(file["gradients"]), LAYERS + 1)

    def test_bfloat16_is_kept_or_widened(self) -> None:
        network = Network().to(torch.bfloat16)
        x = torch.randn(SAMPLES, POSITIONS, CHANNELS).to(torch.bfloat16)
        for kind in ("float32", "keep"):
            with self.recorder(type=kind, replace=True) as recorder:
                recorder.watch(network, ["residual.0.pre"])
                with torch.no_grad():
                    network(x.clone())
                recorder.append("residual.1.post", x)
                recorder.checkpoint(0)
            with h5py.File(self.out + ".h5") as file:
                array = file[path_of("residual.0.pre")]
                self.assertTrue(np.array_equal(array[0], x.float().numpy()), kind)
                self.assertEqual(array.id.get_type().get_size(), 2 if kind == "keep" else 4)

    @needs_programs
    def test_the_programs_read_bfloat16(self) -> None:
        with self.recorder(type="bfloat16") as recorder:
            recorder.append("residual.0.pre", torch.randn(SAMPLES, POSITIONS, CHANNELS))
            recorder.append("residual.0.post", torch.randn(SAMPLES, POSITIONS, CHANNELS))
            recorder.checkpoint(0)
        for words in (("isotherm-archive", "check"), ("isotherm-analyze", "flow")):
            done = program(*words, self.out + ".h5")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_transformer_lens_names(self) -> None:
        class Hook(nn.Identity):
            pass

        class LensLayer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.hook_resid_pre, self.hook_resid_post = Hook(), Hook()
                self.attn = nn.Module()
                self.attn.hook_pattern, self.attn.hook_q = Hook(), Hook()

        network = nn.Module()
        network.blocks = nn.ModuleList([LensLayer()])
        x, q = torch.randn(SAMPLES, POSITIONS, CHANNELS), torch.randn(SAMPLES, POSITIONS, HEADS, 4)
        with self.recorder() as recorder:
            recorder.watch(network, ["residual.*", "attention.*"])
            block = network.blocks[0]
            block.hook_resid_pre(x), block.attn.hook_q(q), block.hook_resid_post(2 * x)
            block.attn.hook_pattern(torch.full((SAMPLES, HEADS, POSITIONS, POSITIONS), 0.2))
            recorder.checkpoint(0)
        with h5py.File(self.out + ".h5") as file:
            self.assertTrue(np.array_equal(file["activations/attention.0.queries/values"][0], q.transpose(1, 2)))
            self.assertTrue(np.array_equal(file[path_of("residual.0.post")][0], 2 * x))


if __name__ == "__main__":
    unittest.main()
