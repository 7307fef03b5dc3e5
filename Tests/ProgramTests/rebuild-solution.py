"""Integrates the problem of an archive again, with NumPy, from what the file says of itself.

usage: rebuild-solution.py SOLUTION.h5 TOLERANCE
"""
import sys

import h5py
import numpy as np


def constants(file, part):
    return {name: v.decode() if isinstance(v, bytes) else v for name, v in file["explanation"][part].attrs.items()}


def numbers(text):
    return np.array([float(word) for word in text.split()])


def neighbour(n, shift, edges):
    """[cell, cell]: u of the cell `shift` further on; and whether it is the cell at the edge that is copied."""
    matrix = np.zeros((n, n))
    for i in range(n):
        j = i + shift
        if 0 <= j < n:
            matrix[i, j] = 1
        elif edges == "periodic":
            matrix[i, j % n] = 1
        elif edges == "neumann":
            matrix[i, i] = 1
    return matrix


class Problem:
    def __init__(self, file):
        self.f = constants(file, "equation")
        f, self.terms = self.f, []
        while f"term_{len(self.terms)}_kind" in f:
            prefix = f"term_{len(self.terms)}_"
            self.terms.append({name[len(prefix):]: v for name, v in f.items() if name.startswith(prefix)})
        self.h = f.get("spacing", 1)
        self.shape = file["fields/solution/u"].shape[1:]
        self.size = int(np.prod(self.shape))
        self.L = np.zeros((self.size, self.size))
        for term in self.terms:
            if term["kind"] == "diffusion":
                self.L += self.diffusion(term)

    def along(self, axis, shift):
        """The matrix of u at the neighbour along an axis, 0 down and 1 across."""
        lengths = (int(self.f["rows"]), int(self.f["columns"]))
        parts = [np.eye(n) for n in lengths]
        parts[axis] = neighbour(lengths[axis], shift, self.f["boundary"])
        return np.kron(np.kron(parts[0], parts[1]), np.eye(int(self.f["channels"])))

    def axes(self):
        return [axis for axis, name in enumerate(("rows", "columns")) if self.f[name] > 1]

    def diffusion(self, term):
        one, total = np.eye(self.size), 0
        for axis in self.axes():
            near = self.along(axis, -1) + self.along(axis, 1)
            if term["order"] == 2:
                total = total + (near - 2 * one) / self.h**2
            else:
                far = self.along(axis, -2) + self.along(axis, 2)
                total = total + (16 * near - far - 30 * one) / (12 * self.h**2)
        d = numbers(term["diffusivity"])
        return np.tile(d, self.size // len(d))[:, None] * total

    def others(self, u):
        return sum((getattr(self, term["kind"])(term, u) for term in self.terms if term["kind"] != "diffusion"),
                   np.zeros_like(u))

    def rate(self, u):
        return self.L @ u + self.others(u)

    def convection(self, term, u):
        out = 0
        for axis in self.axes():
            v = term["velocity_" + "yx"[axis]]
            before, after = self.along(axis, -1) @ u, self.along(axis, 1) @ u
            if not term["upwind"]:
                slope = (after - before) / (2 * self.h)
            else:
                slope = (u - before) / self.h if v > 0 else (after - u) / self.h
            out = out - v * slope
        return out

    def reaction(self, term, u):
        if "coefficients" in term:
            return sum(c * u**k for k, c in enumerate(numbers(term["coefficients"])))
        return term["rate"] * u * (1 - u / term["capacity"])

    def attention(self, term, u):
        v, b, kernel = term["strength"], term["sharpness"], term["kernel"]
        if "coordinates" in self.f:
            m, s = u.reshape(2, -1)
            e = 1 / b
            rates = {"softmax": (v * (1 + b * s) * m, 2 * v * b * s**2),
                     "l2": (0 * m, -2 * v * s / (1 + b * s)),
                     "sinkhorn": (0 * m, 2 * v * (np.sqrt(s**2 + e**2 / 4) - e / 2 - s))}
            return np.concatenate(rates[kernel])
        x = u.reshape(-1, int(self.f.get("dimension", self.f.get("channels", 1))))
        dots = x @ x.T
        apart = np.maximum(np.diag(dots)[:, None] + np.diag(dots)[None] - 2 * dots, 0)
        w = np.exp(b * dots if kernel in ("softmax", "unnormalised") else -b * apart / 2)
        if term["causal"]:
            w = np.tril(w)
        if kernel == "unnormalised":
            w = w / len(x)
        elif kernel == "sinkhorn":
            s = np.ones(len(x))
            while abs(s * (w @ s) - 1).max() > term["balance"] * 10:
                s = np.sqrt(s / (w @ s))
            w = s[:, None] * w * s[None]
        else:
            w = w / w.sum(1, keepdims=True)
        g = v * (w @ x - (w.sum(1, keepdims=True) * x if term["relative"] else 0))
        if term["sphere"]:
            g = g - (g * x).sum(1, keepdims=True) * x
        return g.reshape(-1)

    # One step of each method, by its formula.

    def function(self, f, u):
        values, vectors = np.linalg.eig(self.L)
        return (vectors @ (f(values) * np.linalg.solve(vectors, u))).real

    def runge_kutta(self, rate, u, dt):
        k1 = rate(u)
        k2 = rate(u + dt / 2 * k1)
        k3 = rate(u + dt / 2 * k2)
        return u + dt / 6 * (k1 + 2 * k2 + 2 * k3 + rate(u + dt * k3))

    def step(self, name, u, dt):
        n, one = self.others, np.eye(self.size)
        solve = lambda factor, right: np.linalg.solve(one - factor * dt * self.L, right)
        if name == "euler":
            return u + dt * self.rate(u)
        if name == "heun":
            k = self.rate(u)
            return u + dt / 2 * (k + self.rate(u + dt * k))
        if name == "rk4":
            return self.runge_kutta(self.rate, u, dt)
        if name == "crank-nicolson":
            half = u + dt / 2 * self.L @ u
            ahead = solve(0.5, half + dt * n(u))
            return solve(0.5, half + dt * (n(u) + n(ahead)) / 2)
        if name == "imex-euler":
            return solve(1, u + dt * n(u))
        if name == "imex-ars222":
            g, d = 1 - 0.5**0.5, -2 * 2**0.5 / 3
            u1 = solve(g, u + g * dt * n(u))
            u2 = solve(g, u + (1 - g) * dt * self.L @ u1 + d * dt * n(u) + (1 - d) * dt * n(u1))
            return u + dt * ((1 - g) * self.rate(u1) + g * self.rate(u2))
        grow = lambda share, x: self.function(lambda z: np.exp(share * dt * z), x)
        if name == "lie":
            return self.runge_kutta(n, grow(1, u), dt)
        if name == "strang":
            return grow(0.5, self.runge_kutta(n, grow(0.5, u), dt))
        if name == "etd2rk":
            phi1 = lambda z: np.where(abs(z) < 1e-12, 1, np.expm1(z) / np.where(z == 0, 1, z))
            phi2 = lambda z: np.where(abs(z) < 1e-4, 0.5 + z / 6 + z**2 / 24,
                                      (np.expm1(z) - z) / np.where(z == 0, 1, z)**2)
            a = grow(1, u) + dt * self.function(lambda z: phi1(dt * z), n(u))
            return a + dt * self.function(lambda z: phi2(dt * z), n(a) - n(u))
        raise SystemExit("no formula for " + name)


def main(path, tolerance):
    with h5py.File(path) as file:
        problem, method = Problem(file), constants(file, "method")
        stored = file["fields/solution/u"][()].reshape(len(file["fields/solution/u"]), -1)
        u, worst = stored[0], 0
        v = np.zeros_like(u)
        for row in range(1, len(stored)):
            if method["stepper"] == "dopri5":
                # A method of order 4 with many steps stands for one within its tolerance.
                dt = (file["fields/solution/time"][row] - file["fields/solution/time"][row - 1]) / 400
                for _ in range(400):
                    u = problem.runge_kutta(problem.rate, u, dt)
            else:
                for _ in range(int(method["steps_per_snapshot"])):
                    if method["stepper"] == "leapfrog":
                        half = v + method["step"] * problem.rate(u) / 2
                        u = u + method["step"] * half
                        v = half + method["step"] * problem.rate(u) / 2
                    else:
                        u = problem.step(method["stepper"], u, method["step"])
            error = abs(stored[row] - u).max() / max(abs(u).max(), 1e-300)
            worst = max(worst, error)
        print(f"{method['stepper']}: worst {worst:.1e}")
        if not worst <= tolerance:
            raise SystemExit(1)


main(sys.argv[1], float(sys.argv[2]))
