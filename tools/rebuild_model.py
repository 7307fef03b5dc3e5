"""The network and the fitted equations for rebuild.py, as the texts of /explanation state them."""
import json
import math

import numpy as np

from rebuild_numbers import V, erf, put


class Facts:
    """The attributes of one text of /explanation."""

    def __init__(self, file, part):
        self.part, self.file = part, file.filename
        self.values = dict(file["explanation/" + part].attrs) if part in file["explanation"] else {}

    def __getattr__(self, name):
        if name not in self.values:
            raise SystemExit(f"{self.file}:/explanation/{self.part}: the attribute {name} is missing")
        return self.values[name]

    def get(self, name, other): return self.values.get(name, other)


# The network: /explanation/network

class Network:
    def __init__(self, facts): self.f = facts

    def norm(self, x, p, name):
        f = self.f
        if f.norm_kind == "rms":
            return x / ((x * x).mean(-1) + f.norm_epsilon).sqrt() * p[name + ".weight"]
        x = x - x.mean(-1)
        return x / ((x * x).mean(-1) + f.norm_epsilon).sqrt() * p[name + ".weight"] + p[name + ".bias"]

    def linear(self, x, p, name): return x @ p[name + ".weight"].swap(0, 1) + p[name + ".bias"]

    def attention(self, x, p, prefix, lengths, see=lambda name, v: None):
        f = self.f
        samples, n, _ = x.value.shape
        heads, key_heads, size = int(f.heads), int(f.key_heads), int(f.head_width)

        def split(name, count):
            y = self.linear(x, p, prefix + name).reshape(samples, n, count, size).swap(1, 2)
            return self.rotate(y) if f.position_encoding == "rotary" and name != "value" else y
        q, k, v = split("query", heads), split("key", key_heads), split("value", key_heads)
        for name, y in (("queries", q), ("keys", k), ("values", v)):
            see(name, y)
        own = np.arange(heads) // (heads // key_heads)
        scores = q @ k[:, own].swap(2, 3) / math.sqrt(size)
        see("scores", scores)
        seen = np.arange(n)[None, :] < lengths[:, None]
        seen = np.broadcast_to(seen[:, None, None, :], scores.value.shape)
        if f.causal:
            seen = seen & (np.arange(n)[None, :] <= np.arange(n)[:, None])
        top = np.where(seen, scores.value, -np.inf).max(-1, keepdims=True)
        e = V(np.where(seen, 1, 0)) * (scores - top).map(lambda y: np.exp(np.where(seen, y, 0)), lambda y: np.exp(np.where(seen, y, 0)))
        weights = e / e.sum(-1)
        see("map", weights)
        mixed = weights @ v[:, own]
        see("output", mixed)
        return self.linear(mixed.swap(1, 2).reshape(samples, n, heads * size), p, prefix + "output")

    def rotate(self, y):
        half = y.value.shape[-1] // 2
        angle = np.arange(y.value.shape[2])[:, None] * self.f.position_base ** (-np.arange(half) / half)
        a, b, c, s = y[..., :half], y[..., half:], np.cos(angle), np.sin(angle)
        low, high = (Ellipsis, slice(half)), (Ellipsis, slice(half, None))
        return put(a * c - b * s, low, y.value.shape) + put(b * c + a * s, high, y.value.shape)

    def mlp(self, x, p, prefix, see=lambda name, v: None):
        y, kind = self.linear(x, p, prefix + "up"), self.f.activation
        if kind == "gelu":
            y = y * (erf(y / math.sqrt(2)) + 1) / 2
        elif kind == "relu":
            y = y.positive()
        else:
            gate = self.linear(x, p, prefix + "gate")
            y = gate * gate.logistic() * y
        see("hidden", y)
        return self.linear(y, p, prefix + "down")

    def neighbours(self, n):
        """(axis, side, source of each position, whether there is one) on the grid; a class token lies before it."""
        f, skip = self.f, int(self.f.class_token)
        row, column = np.divmod(np.arange(n - skip), int(f.grid_columns))
        for axis, side, dr, dc in ((0, 1, 0, -1), (0, -1, 0, 1), (1, 1, -1, 0), (1, -1, 1, 0)):
            if axis == 1 and f.grid_rows == 1 or f.causal and side < 0:
                continue
            r, c = row + dr, column + dc
            there = (r >= 0) & (r < f.grid_rows) & (c >= 0) & (c < f.grid_columns)
            source = np.arange(n)
            source[skip:] = np.where(there, skip + r * int(f.grid_columns) + c, source[skip:])
            yield axis, side, source, source != np.arange(n)

    def refine(self, u, p, layer, lengths):
        f, n = self.f, u.value.shape[1]
        for index in range(int(f.get("refinements", 0))):
            if f.values[f"refinement_{index}_layer"] != layer:
                continue
            kind, name = f.values[f"refinement_{index}_kind"], f"refinements.{index}."
            alpha = p[name + "strength"].logistic() * f.refinement_strength_bound
            momentum = V(0)
            for _ in range(int(f.values[f"refinement_{index}_steps"])):
                flow = V(0)
                for axis, side, source, there in self.neighbours(n):
                    rate = alpha
                    if kind == "advection-diffusion":
                        rate = alpha + (p[name + "velocity"][axis].tanh() * (side * f.refinement_velocity_bound)).positive()
                    open_ = there & (np.arange(n) < lengths[:, None]) & (source < lengths[:, None])
                    flow = flow + rate * (u[:, source] - u) * V(open_[:, :, None])
                if kind == "wave":
                    momentum = momentum + flow
                    flow = momentum
                if kind == "reaction-diffusion":
                    flow = flow + p[name + "reaction"] * u.tanh() * V((np.arange(n) >= f.class_token)[:, None])
                u = u + flow
        return u

    def embed(self, x, p, lengths):
        f, skip, n, d = self.f, int(self.f.class_token), int(self.f.positions), int(self.f.width)
        shape, places = (len(x), n, d), (slice(None), slice(skip, None))
        if f.input == "patches":
            u = put(self.linear(V(x), p, "embed"), places, shape)
        else:
            own = np.arange(n - skip) < (lengths - skip)[:, None]
            u = put(p["token_embedding.weight"][x] * V(own[:, :, None]), places, shape)
        if skip:
            u = u + put(p["class_token"] * np.ones((len(x), 1)), (slice(None), 0), shape)
        if f.position_encoding == "learned":
            u = u + p["position_embedding.weight"]
        if f.position_encoding == "sinusoidal":
            c = np.arange(d)
            angle = np.arange(n)[:, None] * f.position_base ** (-(c // 2 * 2) / d)
            u = u + np.where(c % 2 == 0, np.sin(angle), np.cos(angle))
        return u

    def forward(self, x, p, lengths, drop=lambda u, place: u, noise=None):
        """Logits, everything seen on the way by the names of taps, and the bound of the bottleneck."""
        f, taps, bound = self.f, {}, V(0)
        u = self.refine(drop(self.embed(x, p, lengths), 0), p, -1, lengths)
        for l in range(int(f.layers)):
            block, pre, post = f"blocks.{l}.", f.norm == "pre", f.norm == "post"

            def see(group): return lambda name, v: taps.__setitem__(f"{group}.{l}.{name}", v)
            taps[f"residual.{l}.pre"] = u
            for branch, norm, place in (("attention", "norm1", 2 * l + 1), ("mlp", "norm2", 2 * l + 2)):
                read = self.norm(u, p, block + norm) if pre else u
                if branch == "attention":
                    out = self.attention(read, p, block + "attention.", lengths, see("attention"))
                else:
                    out = self.mlp(read, p, block + "mlp.", see("mlp"))
                out = drop(out, place)
                out = u + out if f.residual else out
                u = self.norm(out, p, block + norm) if post else out
                if branch == "attention":
                    taps[f"residual.{l}.mid"] = u
            if noise is not None and f.get("bottleneck_layer", -1) == l:
                s = p["bottleneck.log_sigma"]
                bound = ((u * u + (s * 2).exp() - s * 2 - 1) * 0.5).sum(2, False).sum(1, False)
                u = u + s.exp() * noise(u.value.shape)
            u = self.refine(u, p, l, lengths)
            taps[f"residual.{l}.post"] = u
        read = self.norm(u, p, "final_norm") if f.norm == "pre" else u
        if f.pool == "mean":
            own = (np.arange(u.value.shape[1]) < lengths[:, None]) / lengths[:, None]
            read = (read * own[:, :, None]).sum(1, False)
        if f.pool == "class":
            read = read[:, 0]
        weight = p["token_embedding.weight" if f.tied else "classifier.weight"]
        taps["logits"] = read @ weight.swap(0, 1) + p["classifier.bias"]
        return taps["logits"], taps, bound


def cross_entropy(z, targets, smoothing=0.0):
    """Loss of each target: /explanation/loss."""
    top = z.value.max(-1, keepdims=True)
    partition = (z - top).exp().sum(-1, False).log() + top[..., 0]
    own = z[tuple(np.indices(targets.shape)) + (targets,)]
    return partition - own * (1 - smoothing) - z.mean(-1).sum(-1, False) * smoothing


# Fitted equations: /explanation/equation

class Equation:
    def __init__(self, file):
        self.file, self.f = file, Facts(file, "equation")
        self.network = Network(Facts(file, "network"))

    def parameters(self, name, layer):
        """The parameters in interval `layer`."""
        arrays = {k: a[...].astype(np.float64) for k, a in self.file.get(f"fields/{name}/parameters", {}).items() if "place" in a.attrs}
        if name == "layerwise":
            prefix = f"layers.{layer}."
            return {k.removeprefix(prefix): V(a) for k, a in arrays.items() if k.startswith(prefix)}
        own = {k: a for k, a in arrays.items() if not k.endswith((".modulation", ".left", ".right"))}
        if name == "modulated":
            x = 2 * (layer + 0.5) / self.f.layers - 1
            t = np.cos(np.arange(1, int(self.f.degree) + 1) * math.acos(x))
            for k in own:
                if k + ".modulation" in arrays:
                    own[k] = own[k] + np.tensordot(t, arrays[k + ".modulation"], 1)
                elif k + ".left" in arrays:
                    own[k] = own[k] + (t[:, None, None] * (arrays[k + ".left"] @ arrays[k + ".right"])).sum(0)
        return {k: V(a) for k, a in own.items()}

    def terms(self, u, p, lengths, wanted, see=lambda name, v: None):
        """Diffusion, attention and reaction, as far as wanted and there."""
        read = (lambda norm: self.network.norm(V(u), p, norm)) if self.f.norms else lambda norm: V(u)
        out = [np.zeros_like(u)] * 3
        if 0 in wanted and "diffusivity.raw" in p:
            out[0] = np.logaddexp(0, p["diffusivity.raw"].value) * self.laplacian(u, lengths) / self.f.spacing**2
        if 1 in wanted and "attention_strength" in p:
            out[1] = p["attention_strength"].value * self.network.attention(read("norm1"), p, "attention.", lengths, see).value
        if 2 in wanted and "attention_strength" in p:
            out[2] = self.f.layers * self.network.mlp(read("norm2"), p, "reaction.").value
        return out

    def laplacian(self, u, lengths):
        net, boundary = self.network.f, self.f.boundary
        skip, rows, columns = int(net.class_token), int(self.f.grid_rows), int(self.f.grid_columns)
        field = u[:, skip:].reshape(len(u), rows, columns, -1)
        inside = (np.arange(u.shape[1]) < lengths[:, None])[:, skip:].reshape(len(u), rows, columns, 1)
        out = np.zeros_like(field)
        for axis, count, side in ((1, rows, 1), (1, rows, -1), (2, columns, 1), (2, columns, -1)):
            if count == 1 or net.causal and side < 0:
                continue
            near, there = np.roll(field, side, axis), np.roll(inside, side, axis)
            edge = np.zeros(count, bool)
            edge[0 if side > 0 else -1] = boundary != "periodic" or net.causal
            edge = edge.reshape([-1 if i == axis else 1 for i in range(4)])
            beyond = 0 if boundary == "dirichlet" else field
            out += np.where(inside & (there | edge), np.where(edge, beyond, near) - field, 0)
        return np.concatenate([np.zeros_like(u[:, :skip]), out.reshape(len(u), -1, u.shape[2])], 1)

    def step(self, u, h, p, lengths, see):
        """One step; the attention map of its beginning goes to `see`."""
        if self.f.stepper == "lie":
            u = u + h * sum(self.terms(u, p, lengths, (0, 1), see))
            return u + h * sum(self.terms(u, p, lengths, (2,)))
        a, b, slopes = json.loads(self.f.tableau_a), json.loads(self.f.tableau_b), []
        for row in a:
            at = u + h * sum((c * k for c, k in zip(row, slopes)), 0)
            slopes.append(sum(self.terms(at, p, lengths, (0, 1, 2), see if not slopes else lambda name, v: None)))
        return u + h * sum(c * k for c, k in zip(b, slopes))
