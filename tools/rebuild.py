#!/usr/bin/env python3
"""Computes again what an archive holds, from the archive alone.

usage: rebuild.py FILE.h5 ... [--tolerance 1e-5]

Reads the constants beside the texts of /explanation and the arrays of the file, and nothing else: no source, no data set.
Of a run: first weights, order of samples, every captured value and gradient at the first and last checkpoint, and the first
two steps of training (loss, gradient norms, moments, weights). Of fitted equations: states, attention maps and terms from
the first state. Prints the largest difference of each, relative to the largest archived value, and exits with 1 when one
exceeds the tolerance. Needs NumPy and h5py. Written to be read: the functions follow the texts line by line.
"""
import argparse
import math
import sys

import h5py
import numpy as np

from rebuild_model import Equation, Facts, Network, cross_entropy
from rebuild_numbers import Random, V, differentiate
from rebuild_text import BytePairs, WordPiece


# Comparison

class Table:
    def __init__(self, path): self.path, self.rows = path, {}

    def compare(self, what, own, archived):
        own, archived = np.asarray(own, np.float64), np.asarray(archived, np.float64)
        if own.shape != archived.shape:
            raise SystemExit(f"{self.path}: {what}: {own.shape} was computed, the file has {archived.shape}")
        if archived.size:
            scale = np.abs(archived).max() or 1
            self.rows[what] = max(self.rows.get(what, 0), np.abs(own - archived).max() / scale)

    def show(self, tolerance):
        bad = {k: v for k, v in self.rows.items() if not v <= tolerance}
        print(f"{self.path}: {len(self.rows)} comparisons, {len(bad)} above {tolerance:g}")
        for name, value in sorted(self.rows.items(), key=lambda item: -item[1]):
            print(f"  {value:8.1e}  {name}{'   <' if name in bad else ''}")
        return not bad and bool(self.rows)


# A run

class Run:
    def __init__(self, file, table):
        self.file, self.table = file, table
        self.f = {name: Facts(file, name) for name in ("input", "network", "loss", "optimizer", "random")}
        self.network, self.random = Network(self.f["network"]), Random(self.f["random"])
        self.arrays = dict(sorted(file["checkpoints/parameters"].items(), key=lambda i: i[1].attrs.get("place", -1)))
        self.arrays = {k: v for k, v in self.arrays.items() if "place" in v.attrs}

    def parameters(self, checkpoint):
        return {name: V(array[checkpoint]) for name, array in self.arrays.items()}

    def inputs(self, group):
        """What the network reads, the positions that are no padding, and the targets: /explanation/input."""
        f, g, net = self.f["input"], self.file[group], self.f["network"]
        if f.modality == "image":
            s = int(f.patch)
            x = (g["image"][:] / float(f.largest_grey) - f.pixel_mean) / f.pixel_deviation
            x = x.reshape(len(x), x.shape[1] // s, s, x.shape[2] // s, s).swapaxes(2, 3).reshape(len(x), -1, s * s)
            return x, np.full(len(x), int(net.positions)), g["label"][:]
        lengths = g["length"][:] + int(net.class_token)
        return g["token"][:], lengths, g["target"][:] if f.task == "next" else g["label"][:]

    def check(self):
        self.first_values()
        steps = self.file["checkpoints/step"][:]
        for checkpoint in sorted({0, len(steps) - 1}):
            self.taps(checkpoint)
        self.tokens()
        if "first_steps" in self.file and steps[0] == 0:
            self.steps(steps)

    def first_values(self):
        if self.file["checkpoints/step"][0] != 0:
            return
        for name, array in self.arrays.items():
            a, shape = array.attrs, array.shape[1:]
            count, purpose = int(np.prod(shape)), self.f["random"].initial_purpose
            if a["initial"] == "constant":
                own = np.full(count, a["initial_value"])
            elif a["initial"] == "normal":
                own = a["initial_value"] * self.random.normal(purpose, a["place"], count)
            else:
                own = math.sqrt(6 / sum(shape)) * (2 * self.random.uniform(purpose, a["place"], count) - 1)
            self.table.compare("first weights", own.reshape(shape), array[0])

    def taps(self, checkpoint):
        x, lengths, targets = self.inputs("samples")
        logits, taps, _ = self.network.forward(x, self.parameters(checkpoint), lengths)
        differentiate(cross_entropy(logits, targets).reshape(-1).sum(0))
        for group in ("activations", "attention", "gradients"):
            for name, item in self.file.get(group, {}).items():
                if isinstance(item, h5py.Group):
                    tap = taps[name.removeprefix("gradient.")]
                    values = item["values"][checkpoint].astype(np.float64)
                    own = tap.grad if name.startswith("gradient.") else tap.value
                    self.table.compare(name, own[:len(values)], values)

    def tokens(self):
        """Whether the archived texts give the archived tokens, where a text is a whole passage that was not cut."""
        f, g = self.f["input"], self.file["samples"]
        if f.modality != "text" or f.task == "next":
            return
        if f.tokenizer == "bpe":
            has_merges = "merges" in self.file.get("tokenizer", {})
            tokenizer = BytePairs(f, self.file["tokenizer/merges"][:] if has_merges else np.zeros((0, 2), int))
        else:
            tokenizer = WordPiece(f, self.file["tokenizer/vocabulary"][:])
        # An unknown word is archived as [UNK], which is no word that gives itself.
        whole = [(row[:n].tolist(), text.decode()) for row, n, text in zip(g["token"][:], g["length"][:], g["text"][:])
                 if n < f.tokens and f.get("unknown", -1) not in row[:n]]
        wrong = [text for row, text in whole if (tokenizer.encode(text) or [f.blank]) != row]
        self.table.compare("texts whose tokens differ", [len(wrong)], [0])

    def steps(self, checkpoints):
        """The first steps: order, loss, gradient, and what the optimiser does with it."""
        file, f = self.file, self.f["optimizer"]
        g, rows = file["first_steps"], file["progress/loss"].shape[0]
        x, lengths, targets = self.inputs("first_steps")
        order = self.random.permutation("shuffling", 0, int(self.f["random"].train_samples))
        self.table.compare("order of samples", order[:len(x)], g["place"][:])
        p = self.parameters(0)
        m, v = ({k: np.zeros_like(w.value) for k, w in p.items()} for _ in range(2))
        for step in range(1, min(rows, g["step"][-1]) + 1):
            own = g["step"][:] == step
            norm = self.gradient(step, x[own], lengths[own], targets[own], p)
            scale, rate = min(1, f.clip / norm), self.rate(step - 1)
            self.table.compare("learning rate", [rate], file["progress/learning_rate"][step - 1:step])
            before = {name: w.value for name, w in p.items()}
            decays = {name: f.decay if array.attrs["weight_decay"] else 0 for name, array in self.arrays.items()}
            for name, w in p.items():
                if f.algorithm == "sgd":
                    m[name] = f.momentum * m[name] + scale * w.grad + decays[name] * w.value
                else:
                    m[name] = f.beta1_rounded * m[name] + (1 - f.beta1_rounded) * scale * w.grad
                    v[name] = f.beta2_rounded * v[name] + (1 - f.beta2_rounded) * (scale * w.grad)**2
                p[name] = V(self.moved(w.value, m[name], v[name], step, rate, decays[name]))
            if step in checkpoints:
                self.moments(step, list(checkpoints).index(step), before, m, v, rate, decays)

    def moments(self, step, row, before, m, v, rate, decays):
        stored = {}
        for kind, own in (("first_moment", m), ("second_moment", v)):
            if kind in self.file["checkpoints/optimizer"]:
                vector = self.file["checkpoints/optimizer"][kind][row].astype(np.float64)
                self.table.compare(f"{kind} after step {step}", np.concatenate([own[name].ravel() for name in self.arrays]), vector)
                offset = {name: int(a.attrs["offset"]) for name, a in self.arrays.items()}
                stored[kind] = {name: vector[offset[name]:offset[name] + w.size].reshape(w.shape) for name, w in before.items()}
        # Where a gradient is nothing but rounding, Adam makes a step of it: weights are compared by the archived moments.
        for name, w in before.items() if step == 1 else ():
            first, second = (stored.get(k, {}).get(name) for k in ("first_moment", "second_moment"))
            self.table.compare("weights after step 1", self.moved(w, first, second, step, rate, decays[name]), self.arrays[name][row])

    def moved(self, w, m, v, step, rate, decay):
        f = self.f["optimizer"]
        if f.algorithm == "sgd":
            return w - rate * m
        return w - rate * (m / (1 - f.beta1**step) / (np.sqrt(v / (1 - f.beta2**step)) + f.epsilon) + decay * w)

    def rate(self, k):
        f = self.f["optimizer"]
        rise = max(1, math.floor(f.warmup * f.steps + 0.5))
        if k < rise:
            return f.rate * (k + 1) / rise
        q = min(1, (k - rise) / max(1, f.steps - rise))
        if f.schedule == "constant":
            return f.rate
        return f.rate * (f.floor + (1 - f.floor) * ((1 + math.cos(math.pi * q)) / 2 if f.schedule == "cosine" else 1 - q))

    def gradient(self, step, x, lengths, targets, p):
        """Leaves the gradient of step `step` at the parameters and compares what the file says of it; returns its norm."""
        f, r, net = self.f["loss"], self.f["random"], self.f["network"]
        batch, shards, total, bounds = int(r.batch), int(r.shards), [], []
        parts = -(-len(x) // batch)
        correct = 0
        for part in range(parts):
            low = part * batch
            n = min(batch, len(x) - low)
            for shard in range(shards):
                own = slice(low + n * shard // shards, low + n * (shard + 1) // shards)
                if own.start == own.stop:
                    continue
                # Archives made before step_parts counted the parts of the step itself.
                index = ((step - 1) * int(r.get("step_parts", parts)) + part) * shards + shard

                def drop(u, place):
                    if net.dropout == 0:
                        return u
                    return u * self.random.dropout(net.dropout, index * int(r.dropout_places) + place, u.value.shape)

                def noise(shape): return self.random.normal("noise", index, int(np.prod(shape))).reshape(shape)
                z, _, bound = self.network.forward(x[own], p, lengths[own], drop, noise)
                total.append(cross_entropy(z, targets[own], f.label_smoothing).reshape(-1).sum(0, False))
                bounds.append(bound.reshape(-1).sum(0, False))
                correct += (z.value.argmax(-1) == targets[own]).sum()
        loss = sum(total[1:], total[0]) / targets.size
        bound = sum(bounds[1:], bounds[0])
        differentiate(loss + bound * (f.get("bottleneck_weight", 0.0) / targets.size))
        for w in p.values():
            w.grad = np.zeros_like(w.value) if w.grad is None else w.grad
        file, row, compare = self.file, slice(step - 1, step), self.table.compare
        compare(f"loss of step {step}", [loss.value], file["progress/loss"][row])
        compare(f"accuracy of step {step}", [correct / targets.size], file["progress/accuracy"][row])
        if "information_bound" in file["progress"]:
            compare(f"bound of step {step}", [bound.value / len(x)], file["progress/information_bound"][row])
        norm = math.sqrt(sum((w.grad**2).sum() for w in p.values()))
        compare(f"gradient norm of step {step}", [norm], file["progress/gradient_norm"][row])
        groups = [name.decode() for name in file["gradients/group_name"][:]]
        own = [[math.sqrt(sum((w.grad**2).sum() for k, w in p.items() if k.startswith(f"blocks.{l}.{group}")))
                for group in groups] for l in range(int(net.layers))]
        compare(f"gradient norms by layer of step {step}", own, file["gradients/norm"][step - 1])
        return norm


# Fitted equations

class Fields:
    def __init__(self, file, table):
        self.file, self.table, self.equation = file, table, Equation(file)

    def check(self):
        layers, substeps = int(self.equation.f.layers), int(self.equation.f.substeps)
        for name in self.equation.f.equations.split():
            group = self.file["fields/" + name]
            u = group["u"][:].astype(np.float64)
            u = u.reshape(u.shape[0], u.shape[1], -1, u.shape[-1])
            samples, n = u.shape[1:3]
            lengths = self.file["samples/length"][:] if "length" in self.file["samples"] else np.full(samples, n)
            own = np.arange(n) < lengths[:, None]
            state, states, maps, sizes = u[0], [u[0]], [], []
            for layer in range(layers):
                p = self.equation.parameters(name, layer)
                parts = self.equation.terms(state, p, lengths, (0, 1, 2))
                sizes.append([np.sqrt((y**2 * own[:, :, None]).sum((1, 2)) / (lengths * u.shape[-1])) for y in parts])
                for step in range(substeps):
                    def see(kind, v):
                        if kind == "map" and step == 0:
                            maps.append(v.value * own[:, None, :, None])
                    state = self.equation.step(state, 1 / (layers * substeps), p, lengths, see)
                states.append(state * own[:, :, None])
            self.table.compare(f"{name}: u", states, u)
            if "attention" in group:
                self.table.compare(f"{name}: attention", maps, group["attention"][:] * own[None, :, None, :, None])
                self.table.compare(f"{name}: term_size", np.swapaxes(sizes, 0, 1), group["term_size"][:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options, good = parser.parse_args(), True
    for path in options.files:
        with h5py.File(path) as file:
            if "explanation" not in file:
                sys.exit(f"{path} explains nothing: it was made before archives did, or is of a kind that does not")
            table = Table(path)
            kind = {"run": Run, "fields": Fields}.get(file.attrs["kind"])
            if kind is None or kind is Fields and "equation" not in file["explanation"]:
                sys.exit(f"{path}: rebuild.py takes training runs and fitted equations")
            kind(file, table).check()
        good = table.show(options.tolerance) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
