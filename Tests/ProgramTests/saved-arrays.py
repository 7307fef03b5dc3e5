"""Arrays as people save them from a network of theirs, for tests of isotherm import --preset and --map.

saved-arrays.py KIND OUT.npz: good or bad arrays of one kind, see `kinds`.
saved-arrays.py export RUN.h5 OUT.npz: the captures of an archive of isotherm train, last checkpoint, under the names of transformers.
saved-arrays.py judge RUN.h5 FIELDS.h5 BOUND: state errors and the mean map of fields, computed again from both.
saved-arrays.py known REF.npz RUN.h5: whether a run holds the arrays of a reference, bit for bit.
saved-arrays.py equal A.h5 B.h5 BOUND: every array below /metrics, /estimates and /fields that both hold; exits with 1 beyond BOUND.
"""
import json
import struct
import sys

import numpy

LAYERS, HEADS, WIDTH, SAMPLES, POSITIONS = 3, 2, 8, 24, 6


def softmax(scores):
    shifted = numpy.exp(scores - scores.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def arrays(causal=False, mask=None, samples=SAMPLES, positions=POSITIONS, seed=5):
    """States that drift from layer to layer, maps, token ids, labels."""
    random = numpy.random.default_rng(seed)
    state = random.normal(size=(samples, positions, WIDTH)).astype("f4")
    found = {"hidden_0": state}
    for layer in range(LAYERS):
        scores = random.normal(size=(samples, HEADS, positions, positions))
        if causal:
            scores = numpy.where(numpy.tri(positions, dtype=bool), scores, -1e30)
        if mask is not None:
            scores = numpy.where(mask[:, None, None, :] != 0, scores, -1e30)
        found[f"attn_{layer}"] = softmax(scores).astype("f4")
        mixed = found[f"attn_{layer}"].mean(1) @ state
        state = (state + 0.3 * mixed + 0.05 * random.normal(size=state.shape)).astype("f4")
        found[f"hidden_{layer + 1}"] = state
    found["input_ids"] = random.integers(0, 50, (samples, positions))
    found["labels"] = numpy.arange(samples) % 3
    return found


def masked(left):
    """The same texts of 3 to 6 tokens, padded on the left or on the right."""
    lengths = 3 + numpy.arange(SAMPLES) % 4
    right = (numpy.arange(POSITIONS)[None] < lengths[:, None]).astype("i8")
    found = arrays(mask=right)
    found["attention_mask"] = right
    if not left:
        return found
    for name, values in found.items():
        moved = values.copy()
        for sample, length in enumerate(lengths):
            shift = POSITIONS - length
            if name.startswith("attn"):
                moved[sample] = numpy.roll(values[sample], (shift, shift), (1, 2))
            elif values.ndim > 1:
                moved[sample] = numpy.roll(values[sample], shift, 0)
        found[name] = moved
    return found


def renamed(found, names):
    return {names(name): values for name, values in found.items() if names(name)}


def hooks(name):
    kind, _, number = name.partition("_")
    if kind == "hidden":
        last = int(number) == LAYERS
        return f"blocks.{LAYERS - 1 if last else number}.hook_resid_{'post' if last else 'pre'}"
    return f"blocks.{number}.attn.hook_pattern" if kind == "attn" else name


def modules(name):
    kind, _, number = name.partition("_")
    if kind == "hidden":
        return "transformer.h.0.input" if number == "0" else f"transformer.h.{int(number) - 1}.output.0"
    return f"transformer.h.{number}.attn.output.1" if kind == "attn" else name


def lens(applied, positions=POSITIONS):
    """Logits that are linear in the last state, or in the normalised last state."""
    found = arrays()
    last = found[f"hidden_{LAYERS}"].astype("f8")
    normed = (last - last.mean(-1, keepdims=True)) / last.std(-1, keepdims=True)
    weights = numpy.random.default_rng(8).normal(size=(WIDTH, 20))
    found["logits"] = ((last if applied else normed) @ weights).astype("f4")
    return found


def changed(name, change, **options):
    found = arrays(**options)
    found[name] = change(found[name].copy())
    return found


def without(*names, **options):
    return {name: values for name, values in arrays(**options).items() if name not in names}


def put(index, value):
    def change(values):
        values[index] = value
        return values

    return change


def stacked():
    found = arrays()
    return {
        "acts": numpy.stack([found[f"hidden_{l}"].transpose(1, 0, 2) for l in range(LAYERS + 1)]),
        "probs": numpy.stack([found[f"attn_{l}"] for l in range(LAYERS)]),
        "ids": found["input_ids"], "extra": numpy.ones(3),
    }


kinds = {
    "good": arrays,
    "causal": lambda: arrays(causal=True),
    "dotted": lambda: renamed(
        arrays(), lambda n: n.replace("hidden_", "hidden_states.").replace("attn_", "attentions.")),
    "transformerlens": lambda: renamed(arrays(), hooks),
    "nnsight": lambda: renamed(arrays(), modules),
    "stacked": stacked,
    "left": lambda: masked(True),
    "right": lambda: masked(False),
    "half": lambda: {n: v.astype("f2") if v.dtype == "f4" else v for n, v in arrays().items()},
    "noisy": lambda: {
        n: v + 0.01 * numpy.random.default_rng(3).normal(size=v.shape).astype("f4")
        if n.startswith("hidden") else v for n, v in arrays().items()},
    "split": lambda: {**arrays(), "split": numpy.isin(numpy.arange(SAMPLES), (1, 7, 22)).astype("u1")},
    # The change doubles from each depth to the next.
    "doubling": lambda: {
        n: v + (2.0 ** int(n[7:]) * 1e-2 * numpy.random.default_rng(4).normal(size=v.shape)).astype("f4")
        if n.startswith("hidden") else v for n, v in arrays().items()},
    "logits-applied": lambda: lens(True),
    "logits-before": lambda: lens(False),
    "unlabelled": lambda: without("labels"),
    "stateless": lambda: without("hidden_2"),
    "mapless": lambda: without(*[f"attn_{l}" for l in range(LAYERS)]),
    "empty": lambda: {**arrays(), "attn_1": numpy.zeros((0,))},
    "none": lambda: {**without("attn_0"), "attentions": numpy.array(None)},
    "ragged": lambda: changed("hidden_2", lambda v: v[:, :-1]),
    "objects": lambda: changed(
        "input_ids", lambda v: numpy.array([list(v[0]), list(v[1][:2])], dtype=object)),
    "nan": lambda: changed("hidden_1", put((3, 2, 1), numpy.nan)),
    "infinite": lambda: changed("attn_2", put((0, 0, 0, 0), numpy.inf)),
    "order": lambda: changed("hidden_1", lambda v: v.transpose(1, 0, 2)) | {
        f"hidden_{l}": arrays()[f"hidden_{l}"].transpose(1, 0, 2) for l in range(LAYERS + 1)},
    "map-order": lambda: {
        n: v.transpose(0, 2, 3, 1) if n.startswith("attn") else v for n, v in arrays().items()},
    "transposed": lambda: {
        n: v.swapaxes(2, 3) if n.startswith("attn") else v for n, v in arrays().items()},
    "scores": lambda: changed("attn_0", lambda v: numpy.log(v)),
    "dropout": lambda: changed("attn_0", lambda v: v * (numpy.arange(POSITIONS) > 1)),
    "leak": lambda: changed("attn_1", lambda v: 0.5 * v + 0.5 / POSITIONS, causal=True),
    "samples": lambda: changed("labels", lambda v: v[:-1]),
    "twice": lambda: {**arrays(), "sample_id": numpy.r_[numpy.arange(SAMPLES - 1), 4]},
    "mask-values": lambda: {**masked(False), "attention_mask": 2 * masked(False)["attention_mask"]},
    "mask-unused": lambda: {**arrays(), "attention_mask": masked(False)["attention_mask"]},
    "all-padding": lambda: {**arrays(), "attention_mask": numpy.eye(SAMPLES, POSITIONS, dtype=int)},
    "foreign": lambda: {"weight": numpy.ones((3, 4))},
    "huge-ids": lambda: changed("input_ids", lambda v: v + 2**30),
    "complex": lambda: changed("hidden_3", lambda v: v.astype("c8")),
    "complex-beside": lambda: {**arrays(), "spectrum": numpy.ones((2, 3), "c8")},
    "split-values": lambda: {**arrays(), "split": numpy.arange(SAMPLES) % 3 - 1},
    "split-two": lambda: {**arrays(), "split": numpy.arange(SAMPLES) % 3},
    "negative-ids": lambda: changed("input_ids", put((2, 3), -1)),
    "other-labels": lambda: changed("labels", lambda v: v[::-1]),
    "other-ids": lambda: changed("input_ids", lambda v: v + 1),
    "other-mask": lambda: {**arrays(), "attention_mask": masked(False)["attention_mask"]},
    "whole-mask": lambda: {**arrays(), "attention_mask": numpy.ones((SAMPLES, POSITIONS), int)},
    "ids-and-mask": lambda: {"input_ids": numpy.ones((8, 6), int), "attention_mask": numpy.ones((8, 9), int)},
    "ids-and-targets": lambda: {"input_ids": numpy.ones((8, 6), int), "labels": numpy.ones((8, 4), int)},
    "mask-alone": lambda: {"attention_mask": numpy.ones((8, 6), int)},
    "targets-alone": lambda: {"labels": numpy.ones((8, 4), int)},
    "mask-and-logits": lambda: {
        "labels": numpy.zeros(8, int), "attention_mask": numpy.ones((8, 9), int), "logits": numpy.ones((8, 3), "f4")},
    "logits-short": lambda: {**arrays(), "logits": numpy.ones((SAMPLES, POSITIONS - 1, 5), "f4")},
    "stacked-number": lambda: {"hidden_7": numpy.stack([arrays()[f"hidden_{l}"] for l in range(LAYERS + 1)])},
    "gap": lambda: {n: v for n, v in arrays().items() if n in ("hidden_0", "hidden_2", "labels")},
    "wide": lambda: changed("hidden_1", lambda v: numpy.round(v).astype("i8")),
    "queries": lambda: {**arrays(), "q_1": numpy.ones((SAMPLES, POSITIONS, 2, 4), "f4")},
    "queries-order": lambda: {**arrays(), "q_1": numpy.ones((SAMPLES, 2, POSITIONS, 4), "f4")},
    "queries-layer": lambda: {**arrays(), "q_9": numpy.ones((SAMPLES, POSITIONS, 2, 4), "f4")},
    "shared-keys": lambda: {**arrays(), "k_1": numpy.ones((SAMPLES, POSITIONS, 1, 4), "f4")},
    "weighted": lambda: {**arrays(), "W": numpy.ones((4, 4), "f4")},
    "weighted-noisy": lambda: {
        **{n: v + 0.01 * numpy.random.default_rng(3).normal(size=v.shape).astype("f4")
           if n.startswith("hidden") else v for n, v in arrays().items()}, "W": numpy.ones((4, 4), "f4")},
    "weighted-other": lambda: {
        **{n: v + 0.01 * numpy.random.default_rng(4).normal(size=v.shape).astype("f4")
           if n.startswith("hidden") else v for n, v in arrays().items()}, "W": numpy.zeros((4, 4), "f4")},
    "one-sample": lambda: arrays(samples=1),
    "no-samples": lambda: {n: v[0] for n, v in arrays().items()},
}


def export(run, out):
    import h5py

    found = {}
    with h5py.File(run) as file:
        states = file["activations"]
        layers = len([name for name in states if name.endswith(".post")])
        found["hidden_0"] = states["residual.0.pre/values"][-1]
        for layer in range(layers):
            found[f"hidden_{layer + 1}"] = states[f"residual.{layer}.post/values"][-1]
            found[f"attn_{layer}"] = file[f"attention/attention.{layer}.map/values"][-1]
        found["labels"] = file["samples/label"][:]
        found["sample_id"] = file["samples/index"][:]
        if "token" in file["samples"]:
            found["input_ids"] = file["samples/token"][:]
            found["attention_mask"] = (
                numpy.arange(found["input_ids"].shape[1])[None] < file["samples/length"][:][:, None])
    numpy.savez(out, **found)


def judge(run, fields, bound):
    import h5py

    worst, count = 0.0, 0
    with h5py.File(run) as a, h5py.File(fields) as b:
        own = list(a["samples/index"][:])
        rows = [own.index(index) for index in b["samples/index"][:]]
        split = a["samples/split"][:]
        assert all(split[row] == 1 for row in rows)
        layers = len([name for name in a["attention"]])
        states = [a["activations/residual.0.pre/values"][-1]]
        states += [a[f"activations/residual.{l}.post/values"][-1] for l in range(layers)]
        for layer in range(layers):
            mean = a[f"attention/attention.{layer}.map/values"][-1][split == 0].mean(0)
            worst = max(worst, numpy.abs(mean - b["reference/position_mean"][layer]).max())
        for model in b["fields"]:
            for depth, state in enumerate(states):
                u, v = b[f"fields/{model}/u"][depth], state[rows].astype("f8")
                u = u.reshape(v.shape).astype("f8")
                error = ((u - v) ** 2).sum((1, 2)) / (v**2).sum((1, 2))
                found = b[f"fields/{model}/state_error"][depth]
                worst = max(worst, (numpy.abs(error - found) / numpy.maximum(1, found)).max())
                count += 1
    print(count, worst)
    sys.exit(0 if count > 0 and worst <= bound else 1)


def known(reference, run):
    import h5py

    values, count = numpy.load(reference), 0
    with h5py.File(run) as file:
        for name in values.files:
            kind, _, number = name.partition("_")
            if kind == "hidden":
                path = "residual.0.pre" if number == "0" else f"residual.{int(number) - 1}.post"
                found = file[f"activations/{path}/values"]
            elif kind == "attn":
                found = file[f"attention/attention.{number}.map/values"]
            else:
                continue
            assert found.shape[0] == 1 and (found[0] == values[name]).all(), name
            count += 1
    print(count)
    sys.exit(0 if count >= 7 else 1)


def equal(left, right, bound):
    import h5py

    worst, count = 0.0, 0
    with h5py.File(left) as a, h5py.File(right) as b:
        def visit(name, item):
            nonlocal worst, count
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu" or name not in b:
                return
            if not name.startswith(("metrics", "estimates", "pairs", "fields")) or h5py.h5ds.is_scale(item.id):
                return
            # Of a series over training, captures hold the last checkpoint.
            x, y = item[()], b[name][()]
            if x.shape != y.shape and x.ndim == y.ndim and y.shape[0] == 1:
                x = x[-1:]
            if x.shape != y.shape:
                return
            count += 1
            difference = numpy.abs(x.astype("f8") - y.astype("f8"))
            same = (x == y) | (numpy.isnan(x.astype("f8")) & numpy.isnan(y.astype("f8")))
            error = numpy.where(same, 0, difference / numpy.maximum(1, numpy.abs(x)))
            worst = max(worst, float(numpy.nan_to_num(error, nan=numpy.inf).max(initial=0)))
        a.visititems(visit)
    print(count, worst)
    sys.exit(0 if count > 0 and worst <= bound else 1)


def safetensors(found, out):
    header, parts, place = {}, [], 0
    for name, values in found.items():
        kind = {"f": "F32", "i": "I64"}[values.dtype.kind]
        data = numpy.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [place, place + len(data)]}
        parts.append(data)
        place += len(data)
    text = json.dumps(header).encode()
    with open(out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main():
    if sys.argv[1] == "export":
        return export(*sys.argv[2:])
    if sys.argv[1] == "judge":
        return judge(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    if sys.argv[1] == "known":
        return known(*sys.argv[2:])
    if sys.argv[1] == "equal":
        return equal(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    found, out = kinds[sys.argv[1]](), sys.argv[2]
    if out.endswith(".safetensors"):
        return safetensors(found, out)
    if out.endswith(".h5"):
        import h5py

        with h5py.File(out, "w") as file:
            for name, values in found.items():
                file[name] = values
        return None
    if out.endswith("/"):
        for name, values in found.items():
            numpy.save(out + name, values)
        return None
    (numpy.savez_compressed if out.startswith("packed") else numpy.savez)(out, **found)
    return None


main()
