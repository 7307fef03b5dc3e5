#!/usr/bin/env python3
"""Writes data/transformer-vectors.json: every variant of a tiny Transformer computed by PyTorch in float64.

usage: torch-vectors.py OUT.json      needs torch; CI never runs this, it reads the committed file.
Weights and inputs are a formula, so the file holds results only: the loss, the logits, the last residual stream, and of
each parameter's gradient g the two sums Σ g·w and Σ g², w being another value of the formula. The network is written out
from torch.nn.functional, so that it shares no code with the one under test.
"""
import json
import math
import sys

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
WIDTH, LAYERS, MLP, PIXELS, CLASSES, SAMPLES, VOCABULARY, EPSILON = 8, 2, 12, 3, 3, 3, 7, 1e-5


def digits(name, count):
    """count whole numbers from 0 to 1008 that depend on the name: i² · 31 + i · 17 + Σ bytes, modulo 1009."""
    phase = sum(name.encode())
    i = torch.arange(count, dtype=torch.int64)
    return (i * i * 31 + i * 17 + phase) % 1009


def values(name, count):
    return digits(name, count).double() / 504 - 1


def parameter(name, *shape):
    v = values(name, math.prod(shape)).reshape(shape)
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.2 * v
    return 0.1 * v if name.endswith("bias") else 0.3 * v


DEFAULT = dict(norm="pre", norm_kind="layer", residual=True, positions="learned", activation="gelu", pool="mean", causal=False,
               tied=False, heads=2, kv_heads=2, refine=[], tokens=False, smoothing=0.0)


class Network:
    def __init__(self, case):
        self.c = case
        self.p = {}
        text = case["tokens"]
        self.n = 6 + (case["pool"] == "class")
        self.skip = int(case["pool"] == "class")
        self.head = WIDTH // case["heads"]
        self.outcomes = VOCABULARY if case["pool"] == "each" else CLASSES
        if text:
            self.add("token_embedding.weight", VOCABULARY, WIDTH)
        else:
            self.add("embed.weight", WIDTH, PIXELS)
            self.add("embed.bias", WIDTH)
        if self.skip:
            self.add("class_token", WIDTH)
        if case["positions"] == "learned":
            self.add("position_embedding.weight", self.n, WIDTH)
        for l in range(LAYERS):
            b, key = f"blocks.{l}.", case["kv_heads"] * self.head
            self.add_norm(b + "norm1")
            for part, width in (("query", WIDTH), ("key", key), ("value", key), ("output", WIDTH)):
                self.add(b + f"attention.{part}.weight", width, WIDTH)
                self.add(b + f"attention.{part}.bias", width)
            self.add_norm(b + "norm2")
            for part, shape in (("gate", (MLP, WIDTH)), ("up", (MLP, WIDTH)), ("down", (WIDTH, MLP))):
                if part != "gate" or case["activation"] == "swiglu":
                    self.add(b + f"mlp.{part}.weight", *shape)
                    self.add(b + f"mlp.{part}.bias", shape[0])
        if case["norm"] == "pre":
            self.add_norm("final_norm")
        if not case["tied"]:
            self.add("classifier.weight", self.outcomes, WIDTH)
        self.add("classifier.bias", self.outcomes)
        for i, (kind, _, _) in enumerate(case["refine"]):
            self.add(f"refinements.{i}.strength", WIDTH)
            if kind == "reaction-diffusion":
                self.add(f"refinements.{i}.reaction", WIDTH)
            if kind == "advection-diffusion":
                self.add(f"refinements.{i}.velocity", 1 if text else 2, WIDTH)

    def add(self, name, *shape):
        self.p[name] = parameter(name, *shape).requires_grad_()

    def add_norm(self, name):
        if self.c["norm"] != "none":
            self.add(name + ".weight", WIDTH)
            if self.c["norm_kind"] == "layer":
                self.add(name + ".bias", WIDTH)

    def normal(self, u, name):
        if self.c["norm_kind"] == "rms":
            return F.rms_norm(u, (WIDTH,), self.p[name + ".weight"], EPSILON)
        return F.layer_norm(u, (WIDTH,), self.p[name + ".weight"], self.p[name + ".bias"], EPSILON)

    def linear(self, u, name):
        return F.linear(u, self.p[name + ".weight"], self.p[name + ".bias"])

    def turn(self, x):
        half = self.head // 2
        angle = torch.arange(self.n)[:, None] * 10000.0 ** (-2 * torch.arange(half) / self.head)
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)

    def attention(self, u, b, lengths):
        c, s = self.c, u.shape[0]
        split = lambda t, heads: t.reshape(s, self.n, heads, self.head).transpose(1, 2)
        q = split(self.linear(u, b + "query"), c["heads"])
        k, v = (split(self.linear(u, b + part), c["kv_heads"]) for part in ("key", "value"))
        if c["positions"] == "rotary":
            q, k = self.turn(q), self.turn(k)
        k, v = (t.repeat_interleave(c["heads"] // c["kv_heads"], 1) for t in (k, v))
        scores = q @ k.transpose(2, 3) / math.sqrt(self.head)
        seen = torch.arange(self.n)[None, None, None, :] < lengths[:, None, None, None]
        if c["causal"]:
            seen = seen & torch.ones(self.n, self.n).tril().bool()
        a = torch.softmax(scores.masked_fill(~seen, -torch.inf), -1)
        return self.linear((a @ v).transpose(1, 2).reshape(s, self.n, WIDTH), b + "output")

    def mlp(self, u, b):
        up = self.linear(u, b + "up")
        kind = self.c["activation"]
        active = (F.silu(self.linear(u, b + "gate")) * up if kind == "swiglu" else F.relu(up) if kind == "relu" else F.gelu(up))
        return self.linear(active, b + "down")

    def sublayer(self, u, branch, name):
        kind = self.c["norm"]
        out = branch(self.normal(u, name) if kind == "pre" else u)
        total = u + out if self.c["residual"] else out
        return self.normal(total, name) if kind == "post" else total

    def refine(self, u, after, lengths):
        for i, (kind, layer, steps) in enumerate(self.c["refine"]):
            if layer != after:
                continue
            text = self.c["tokens"]
            rows, columns = (1, self.n - self.skip) if text else (2, 3)
            dim = 1 if rows == 1 else 2
            alpha = torch.sigmoid(self.p[f"refinements.{i}.strength"]) / (4 * dim)
            on = torch.arange(columns)[None, :] < (lengths - self.skip)[:, None] if text else torch.ones(len(u), columns).bool()
            on = on[:, None, :, None].expand(-1, rows, -1, 1)
            x = u[:, self.skip:].reshape(-1, rows, columns, WIDTH)

            def hear(x, axis, step):
                """u_neighbour - u where there is a neighbour that is no padding, else 0."""
                moved, there = torch.roll(x, step, axis), torch.roll(on, step, axis)
                edge = torch.ones(x.shape[axis]).bool()
                edge[0 if step > 0 else -1] = False
                there = there & on & edge.reshape([-1 if a == axis else 1 for a in range(4)])
                return torch.where(there, moved - x, 0.0)

            steps_of = [(2, 1)] + ([] if self.c["causal"] else [(2, -1)]) + ([(1, 1), (1, -1)] if dim == 2 else [])
            flow = lambda x: alpha * sum(hear(x, a, s) for a, s in steps_of)
            speed = torch.zeros_like(x)
            for _ in range(steps):
                if kind == "wave":
                    speed = speed + flow(x)
                    x = x + speed
                    continue
                change = flow(x)
                if kind == "reaction-diffusion":
                    change = change + self.p[f"refinements.{i}.reaction"] * torch.tanh(x)
                if kind == "advection-diffusion":
                    v = torch.tanh(self.p[f"refinements.{i}.velocity"]) / (2 * dim)
                    for a, s in steps_of:
                        change = change + (s * v[2 - a]).clamp(min=0) * hear(x, a, s)
                x = x + change
            u = torch.cat([u[:, :self.skip], x.reshape(len(u), -1, WIDTH)], 1)
        return u

    def run(self):
        c = self.c
        lengths = torch.full((SAMPLES,), self.n)
        if c["tokens"]:
            lengths = torch.tensor([self.n, self.n - 2, self.n - 1])
            tokens = (digits("tokens", SAMPLES * 6) % VOCABULARY).reshape(SAMPLES, 6)
            own = torch.arange(6)[None, :] < (lengths - self.skip)[:, None]
            u = torch.where(own[..., None], self.p["token_embedding.weight"][tokens], 0.0)
        else:
            u = self.linear(values("input", SAMPLES * 6 * PIXELS).reshape(SAMPLES, 6, PIXELS), "embed")
        if self.skip:
            u = torch.cat([self.p["class_token"].expand(SAMPLES, 1, WIDTH), u], 1)
        if c["positions"] == "learned":
            u = u + self.p["position_embedding.weight"]
        if c["positions"] == "sinusoidal":
            i = torch.arange(WIDTH)
            angle = torch.arange(self.n)[:, None] * 10000.0 ** (-(i // 2 * 2) / WIDTH)
            u = u + torch.where(i % 2 == 0, angle.sin(), angle.cos())
        u = self.refine(u, None, lengths)
        for l in range(LAYERS):
            b = f"blocks.{l}."
            u = self.sublayer(u, lambda x: self.attention(x, b + "attention.", lengths), b + "norm1")
            u = self.sublayer(u, lambda x: self.mlp(x, b + "mlp."), b + "norm2")
            u = self.refine(u, l, lengths)
        last = u
        if c["norm"] == "pre":
            u = self.normal(u, "final_norm")
        weight = self.p["token_embedding.weight" if c["tied"] else "classifier.weight"]
        own = (torch.arange(self.n)[None, :] < lengths[:, None]).double()
        if c["pool"] == "class":
            u = u[:, 0]
        elif c["pool"] == "mean":
            u = (u * own[..., None]).sum(1) / lengths[:, None]
        logits = F.linear(u, weight, self.p["classifier.bias"])
        count = SAMPLES * self.n if c["pool"] == "each" else SAMPLES
        targets = digits("targets", count) % self.outcomes
        if c["pool"] == "each":
            targets = torch.where(own.flatten() > 0, targets, -100)
        loss = F.cross_entropy(logits.reshape(-1, self.outcomes), targets, label_smoothing=c["smoothing"])
        loss.backward()
        short = lambda t: [float(f"{v:.11g}") for v in t.detach().reshape(-1).tolist()]
        sums = {n: short(torch.stack([(t.grad.flatten() * values("w" + n, t.numel())).sum(), (t.grad ** 2).sum()]))
                for n, t in self.p.items()}
        rows = own[..., None].expand(-1, -1, WIDTH) > 0
        return dict(loss=float(loss.detach()), logits=short(logits if c["pool"] != "each" else logits * own[..., None]),
                    residual=short(torch.where(rows, last, 0.0)), gradients=sums)


CASES = {
    "pre-norm": {}, "post-norm": dict(norm="post"), "no norm": dict(norm="none"), "RMS norm": dict(norm_kind="rms"),
    "post-norm, RMS": dict(norm="post", norm_kind="rms"), "no residual": dict(residual=False),
    "sinusoidal positions": dict(positions="sinusoidal"), "rotary positions": dict(positions="rotary"),
    "no positions": dict(positions="none"), "ReLU": dict(activation="relu"), "SwiGLU": dict(activation="swiglu"),
    "class token": dict(pool="class"), "shared key heads": dict(heads=4, kv_heads=2), "label smoothing": dict(smoothing=0.2),
    "text": dict(tokens=True), "text, class token": dict(tokens=True, pool="class"),
    "decoder": dict(tokens=True, pool="each", causal=True),
    "decoder, tied": dict(tokens=True, pool="each", causal=True, tied=True),
    "decoder, RMS, rotary, SwiGLU, shared keys": dict(
        tokens=True, pool="each", causal=True, norm_kind="rms", positions="rotary", activation="swiglu", kv_heads=1),
    "refined by diffusion": dict(refine=[("diffusion", None, 2), ("diffusion", 1, 3)]),
    "refined by the wave equation": dict(refine=[("wave", 0, 3)]),
    "refined by reaction-diffusion": dict(refine=[("reaction-diffusion", 0, 2)]),
    "refined by advection-diffusion": dict(refine=[("advection-diffusion", 1, 2)]),
    "decoder, refined by causal advection-diffusion": dict(
        tokens=True, pool="each", causal=True, refine=[("advection-diffusion", 0, 2)]),
}
cases = []
for name, changes in CASES.items():
    case = DEFAULT | changes
    model = dict(case, refine=[dict(kind=k, after=a, steps=s) for k, a, s in case["refine"]])
    cases.append(dict(name=name, model=model, **Network(case).run()))
json.dump(dict(torch=torch.__version__, cases=cases), open(sys.argv[1], "w"), separators=(",", ":"))
