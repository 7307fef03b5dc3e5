"""Computes the estimates of an information archive again, with NumPy, from its words and the run it was made from.

usage: rebuild-information.py INFORMATION.h5 RUN.h5 TOLERANCE
"""
import math
import os
import sys

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from rebuild_numbers import Random


class Facts:
    """Constants of one part of the explanation."""

    def __init__(self, file, part):
        self.values = {name: v.decode() if isinstance(v, bytes) else v
                       for name, v in file["explanation"][part].attrs.items()}

    def __getattr__(self, name):
        return self.values[name]


def digamma(x):
    x = np.asarray(x, float)
    result = np.zeros_like(x)
    while (x < 8).any():
        result -= np.where(x < 8, 1 / x, 0)
        x = np.where(x < 8, x + 1, x)
    y = 1 / x**2
    return result + np.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))


def squared(vectors):
    """d_ij² of the rows."""
    x = vectors.reshape(len(vectors), -1).astype(float)
    x = x - x.mean(0)
    return ((x[:, None] - x[None])**2).sum(-1), (x**2).sum(1).mean()


def entropy(symbols):
    counts = np.unique(symbols, return_counts=True)[1] / len(symbols)
    return -(counts * np.log(counts)).sum()


def patterns(vectors, bins):
    x = vectors.reshape(len(vectors), -1).astype(np.float32)
    low, span = x.min(0), x.max(0) - x.min(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cut = np.minimum(bins - 1, np.floor((x - low) / span * np.float32(bins)))
    return np.unique(np.where(span > 0, cut, 0), axis=0, return_inverse=True)[1].reshape(-1)


def pick(matrix, rows):
    return matrix[np.ix_(rows, rows)]


def kernel_entropy(k):
    return -np.log(k.mean(1)).mean()


def kernel_labels(k, labels):
    same = labels[:, None] == labels[None]
    return (np.log((k * same).sum(1) / same.sum(1)) - np.log(k.mean(1))).mean()


def kernel_between(a, b):
    off = 1 - np.eye(len(a))
    return (np.log((a * b * off).sum(1)) - np.log((a * off).sum(1)) - np.log((b * off).sum(1))
            + math.log(len(a) - 1)).mean()


def far(d):
    return np.where(np.eye(len(d)) > 0, np.inf, d)


def ksg(a, b, k):
    both = np.sort(np.maximum(far(a), far(b)), 1)[:, k - 1:k]
    counts = [(far(d) < both).sum(1) + 1 for d in (a, b)]
    return digamma(k) + digamma(len(a)) - sum(digamma(c) for c in counts).mean()


def ross(d, labels, k):
    kept = np.array([i for i in range(len(d)) if (labels == labels[i]).sum() > 1], int)
    d, labels = far(pick(d, kept)), labels[kept]
    total = 0
    for i in range(len(d)):
        own = (labels == labels[i]).sum()
        near = min(k, own - 1)
        reach = np.sort(np.where(labels == labels[i], d[i], np.inf))[near - 1]
        total += digamma(near) - digamma(own) - digamma((d[i] <= reach).sum())
    return digamma(len(d)) + total / len(d)


def renyi_entropy(matrix, order):
    values = np.linalg.eigvalsh(matrix)
    return math.log((values[values > 0]**order).sum()) / (1 - order)


def renyi(a, b, order):
    return renyi_entropy(a / len(a), order) + renyi_entropy(b / len(b), order) - renyi_entropy(a * b / len(a), order)


def main(path, run_path, tolerance):
    worst, count = 0, 0
    with h5py.File(path) as file, h5py.File(run_path) as run:
        layers, kinds = Facts(file, "layers"), Facts(file, "estimators")
        plan, random = Facts(file, "resampling"), Random(Facts(file, "random"))
        n = int(layers.samples)
        labels = run["samples/label"][:n]
        if "token" in run["samples"]:
            lengths, tokens = run["samples/length"][:n], run["samples/token"][:n]
            inputs = np.stack([np.bincount(t[:l], minlength=tokens.max() + 1) / l for t, l in zip(tokens, lengths)])
        else:
            lengths, inputs = None, run["samples/image"][:n] / 255
        input_squared, input_spread = squared(inputs)

        halves = [np.array(random.permutation("resampling", r, n))[:n // 2] for r in range(int(plan.resamples))]
        orders = [np.array(random.permutation("null", r, n)) for r in range(int(plan.shuffles))]

        def close(name, found, at, wanted):
            nonlocal worst, count
            stored = file[name][at]
            error = abs(stored - wanted) / max(1, abs(wanted))
            worst, count = max(worst, error), count + 1
            if not error <= tolerance:
                raise SystemExit(f"{path}:{name} {at}: {stored}, by the words {wanted} ({found})")

        def check(group, at, statistic, shuffled, shift=0):
            """statistic(rows) and shuffled(order), as the words of resampling have them."""
            value = statistic(np.arange(n))
            close(group + "/value", "value", at, value)
            spread = np.array([statistic(rows) + shift for rows in halves])
            for name, share in (("lower", 2.5), ("upper", 97.5)):
                close(f"{group}/{name}", name, at, value + np.percentile(spread - spread.mean(), share))
            if shuffled is None:
                close(group + "/null", "null", at, value)
                return
            null = [shuffled(order) for order in orders]
            close(group + "/null", "null", at, np.mean(null))
            close(group + "/null_upper", "null", at, np.percentile(null, 97.5))

        growth = math.log(n) - math.log(n // 2)
        names = [name.decode() for name in file["taps/name"][()]]
        root = file["estimates"]
        for checkpoint in (0, len(run["checkpoints/step"]) - 1):
            kernels = {}
            for place, name in enumerate(names):
                values = run[f"activations/{name}/values"][checkpoint, :n].astype(float)
                if lengths is not None:
                    values = np.where(np.arange(values.shape[1])[None, :, None] < lengths[:, None, None], values, 0)
                d2, spread = squared(values)
                d, at = np.sqrt(d2), (checkpoint, place)
                for kind, wide in (("kde", 2), ("kde-lower", 8)):
                    if kind not in root:
                        continue
                    k = np.exp(-d2 / (wide * kinds.noise**2 * spread))
                    if kind == "kde":
                        kernels[place] = k
                    check(f"estimates/{kind}/input", at, lambda r: kernel_entropy(pick(k, r)), None, growth)
                    check(f"estimates/{kind}/label", at, lambda r: kernel_labels(pick(k, r), labels[r]),
                          lambda o: kernel_labels(k, labels[o]))
                if "binning" in root:
                    t = patterns(values, int(kinds.bins))
                    joint = lambda a, b: entropy(a) + entropy(b) - entropy(a * (b.max() + 1) + b)
                    check("estimates/binning/input", at, lambda r: entropy(t[r]), None, growth)
                    check("estimates/binning/label", at, lambda r: joint(t[r], labels[r]), lambda o: joint(t, labels[o]))
                if "ksg" in root:
                    k, other = int(kinds.neighbours), np.sqrt(input_squared)
                    check("estimates/ksg/input", at, lambda r: ksg(pick(d, r), pick(other, r), k),
                          lambda o: ksg(d, pick(other, o), k))
                    check("estimates/ksg/label", at, lambda r: ross(pick(d, r), labels[r], k),
                          lambda o: ross(d, labels[o], k))
                if "renyi" in root:
                    wide = 2 * kinds.noise**2
                    a, b = np.exp(-d2 / (wide * spread)), np.exp(-input_squared / (wide * input_spread))
                    same = (labels[:, None] == labels[None]).astype(float)
                    check("estimates/renyi/input", at, lambda r: renyi(pick(a, r), pick(b, r), kinds.order),
                          lambda o: renyi(a, pick(b, o), kinds.order))
                    check("estimates/renyi/label", at, lambda r: renyi(pick(a, r), pick(same, r), kinds.order),
                          lambda o: renyi(a, pick(same, o), kinds.order))
            if "pairs" in file and "kde" in file["pairs"]:
                for i in kernels:
                    for j in kernels:
                        if i != j:
                            check("pairs/kde", (checkpoint, i, j),
                                  lambda r: kernel_between(pick(kernels[i], r), pick(kernels[j], r)),
                                  lambda o: kernel_between(kernels[i], pick(kernels[j], o)) if i < j
                                  else kernel_between(kernels[j], pick(kernels[i], o)))
    print(f"{count} numbers, worst {worst:.1e}")


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
