#!/usr/bin/env python3
"""Writes Tests/TransformerTests/torch-vectors.json: a tiny encoder's weights, logits, loss and gradients in float64.

usage: torch-vectors.py OUT.json      needs torch; CI never runs this, it reads the committed file.
The encoder is written out from torch.nn.functional, so that it shares no code with the one under test.
"""
import json
import math
import sys

import torch
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
width, heads, layers, mlp, positions, pixels, classes, samples = 16, 2, 2, 32, 9, 4, 3, 5
p = {}


def add(name, *shape, scale=0.3, shift=0.0):
    p[name] = (shift + scale * torch.randn(*shape)).requires_grad_()


add("embed.weight", width, pixels)
add("embed.bias", width)
add("position_embedding.weight", positions, width)
for l in range(layers):
    b = f"blocks.{l}."
    for n in ("norm1", "norm2"):
        add(b + n + ".weight", width, scale=0.2, shift=1.0)
        add(b + n + ".bias", width, scale=0.2)
    for part in ("query", "key", "value", "output"):
        add(b + f"attention.{part}.weight", width, width)
        add(b + f"attention.{part}.bias", width, scale=0.1)
    add(b + "mlp.up.weight", mlp, width)
    add(b + "mlp.up.bias", mlp, scale=0.1)
    add(b + "mlp.down.weight", width, mlp)
    add(b + "mlp.down.bias", width, scale=0.1)
add("final_norm.weight", width, scale=0.2, shift=1.0)
add("final_norm.bias", width, scale=0.2)
add("classifier.weight", classes, width)
add("classifier.bias", classes, scale=0.1)

x = torch.randn(samples, positions, pixels)
labels = torch.randint(0, classes, (samples,))


def norm(u, name):
    return F.layer_norm(u, (width,), p[name + ".weight"], p[name + ".bias"], 1e-5)


def linear(u, name):
    return F.linear(u, p[name + ".weight"], p[name + ".bias"])


u = linear(x, "embed") + p["position_embedding.weight"]
maps = []
for l in range(layers):
    b = f"blocks.{l}."
    n = norm(u, b + "norm1")
    split = lambda t: t.reshape(samples, positions, heads, width // heads).transpose(1, 2)
    q, k, v = (split(linear(n, b + "attention." + part)) for part in ("query", "key", "value"))
    a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width // heads), -1)
    maps.append(a)
    u = u + linear((a @ v).transpose(1, 2).reshape(samples, positions, width), b + "attention.output")
    u = u + linear(F.gelu(linear(norm(u, b + "norm2"), b + "mlp.up")), b + "mlp.down")
logits = linear(norm(u, "final_norm").mean(1), "classifier")
loss = F.cross_entropy(logits, labels)
loss.backward()


def flat(t):
    return [float(f"{v:.12g}") for v in t.detach().reshape(-1).tolist()]


json.dump({
    "torch": torch.__version__,
    "sizes": {"width": width, "heads": heads, "layers": layers, "mlp": mlp, "positions": positions, "pixels": pixels,
              "classes": classes, "samples": samples},
    "input": flat(x), "labels": labels.tolist(), "logits": flat(logits), "loss": float(loss),
    "lastMap": flat(maps[-1]), "lastResidual": flat(u),
    "parameters": {n: flat(t) for n, t in p.items()}, "gradients": {n: flat(t.grad) for n, t in p.items()},
}, open(sys.argv[1], "w"), separators=(",", ":"))
