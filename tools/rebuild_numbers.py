"""Numbers for rebuild.py: arrays that know their gradients, and the archive's random numbers."""
import math

import numpy as np


# A number, or an array of them, that remembers what it was made from: gradients by the chain rule.

class V:
    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = np.asarray(value, np.float64), parents, None

    def __add__(self, o): return op(self, o, np.add, lambda g, a, b: (g, g))
    def __sub__(self, o): return op(self, o, np.subtract, lambda g, a, b: (g, -g))
    def __mul__(self, o): return op(self, o, np.multiply, lambda g, a, b: (g * b, g * a))
    def __truediv__(self, o): return op(self, o, np.divide, lambda g, a, b: (g / b, -g * a / b**2))
    __radd__, __rmul__ = __add__, __mul__

    def __matmul__(self, o):
        return op(self, o, np.matmul, lambda g, a, b: (g @ np.swapaxes(b, -1, -2), np.swapaxes(a, -1, -2) @ g))

    def __getitem__(self, key):
        def back(g):
            out = np.zeros_like(self.value)
            np.add.at(out, key, g)
            return out
        return V(self.value[key], [(self, back)])

    def map(self, f, slope):
        return V(f(self.value), [(self, lambda g: g * slope(self.value))])

    def sum(self, axis, keep=True):
        def back(g):
            return np.broadcast_to(g if keep else np.expand_dims(g, axis), self.value.shape)
        return V(self.value.sum(axis, keepdims=keep), [(self, back)])

    def mean(self, axis): return self.sum(axis) / self.value.shape[axis]
    def reshape(self, *shape): return V(self.value.reshape(shape), [(self, lambda g: g.reshape(self.value.shape))])
    def swap(self, a, b): return V(np.swapaxes(self.value, a, b), [(self, lambda g: np.swapaxes(g, a, b))])
    def exp(self): return self.map(np.exp, np.exp)
    def log(self): return self.map(np.log, lambda x: 1 / x)
    def sqrt(self): return self.map(np.sqrt, lambda x: 0.5 / np.sqrt(x))
    def tanh(self): return self.map(np.tanh, lambda x: 1 - np.tanh(x)**2)
    def positive(self): return self.map(lambda x: np.maximum(x, 0), lambda x: x > 0)
    def logistic(self): return V(1) / ((self * -1).exp() + 1)


def op(a, b, f, slopes):
    b = b if isinstance(b, V) else V(b)

    def fit(g, x):  # undo broadcasting
        g = g.sum(tuple(range(g.ndim - x.ndim))) if g.ndim > x.ndim else g
        return g.sum(tuple(i for i, n in enumerate(x.shape) if n == 1), keepdims=True).reshape(x.shape)
    return V(f(a.value, b.value), [
        (a, lambda g: fit(slopes(g, a.value, b.value)[0], a.value)),
        (b, lambda g: fit(slopes(g, a.value, b.value)[1], b.value))])


def put(x, key, shape):
    """Zeros of a shape, with x at key."""
    out = np.zeros(shape)
    out[key] = x.value
    return V(out, [(x, lambda g: g[key])])


def erf(x):
    return x.map(np.vectorize(math.erf), lambda y: 2 / math.sqrt(math.pi) * np.exp(-y**2))


def differentiate(root):
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack += [(node, True)] + [(p, False) for p, _ in node.parents]
    root.grad = np.ones_like(root.value)
    for node in reversed(order):
        for parent, back in node.parents:
            g = back(node.grad)
            parent.grad = g.copy() if parent.grad is None else parent.grad + g


# Random numbers: /explanation/random

class Random:
    def __init__(self, facts):
        self.f, self.seed = facts, int(facts.seed)

    def words(self, purpose, index, first, count):
        """Words of `count` blocks from block `first` on, [block, word]."""
        f, low = self.f, np.uint64(0xFFFFFFFF)
        stream = (int(f.values["purpose_" + purpose]) << int(f.purpose_shift)) + int(index)
        n = np.arange(first, first + count, dtype=np.uint64)
        c = [n & low, n >> np.uint64(32)] + [np.full(count, w, np.uint64) for w in (stream & 0xFFFFFFFF, stream >> 32)]
        k = [self.seed & 0xFFFFFFFF, self.seed >> 32]
        m = [np.uint64(int(x, 16)) for x in (f.multiplier_0, f.multiplier_1)]
        for _ in range(int(f.rounds)):
            a, b = m[0] * c[0], m[1] * c[2]
            c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & low,
                 (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & low]
            k = [(k[0] + int(f.increment_0, 16)) & 0xFFFFFFFF, (k[1] + int(f.increment_1, 16)) & 0xFFFFFFFF]
        return np.stack(c, 1)

    def uniform(self, purpose, index, count):
        w = self.words(purpose, index, 0, (count + 1) // 2).reshape(-1, 2)[:count]
        bits = (w[:, 0] << np.uint64(32)) | w[:, 1]
        return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53

    def normal(self, purpose, index, count):
        u = self.uniform(purpose, index, 2 * count).reshape(-1, 2)
        return np.sqrt(-2 * np.log(u[:, 0])) * np.cos(2 * np.pi * u[:, 1])

    def permutation(self, purpose, index, count):
        order = list(range(count))
        for i, u in zip(range(count - 1, 0, -1), self.uniform(purpose, index, count)):
            j = int(u * (i + 1))
            order[i], order[j] = order[j], order[i]
        return order

    def dropout(self, share, index, shape):
        f, count = self.f, int(np.prod(shape))
        group = int(f.dropout_elements)
        groups = -(-count // group)
        w = self.words("dropout", index, 0, groups * int(f.dropout_blocks)).reshape(groups, int(f.dropout_blocks), 4)
        r = np.arange(group)
        word = w[:, r % 8, r // 16]
        bits = np.where(r // 8 % 2 == 0, word & np.uint64(0xFFFF), word >> np.uint64(16))
        levels = 2 ** int(f.dropout_bits)
        threshold = math.floor(share * levels + 0.5)
        kept = np.where(bits < threshold, 0, levels / (levels - threshold))
        return kept.reshape(-1)[:count].reshape(shape)
