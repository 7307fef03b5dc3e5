"""Compares an archive of `isotherm capture` with what another program computed: compare-capture.py ARCHIVE REF.npz LAST BOUND.

Prints one line for each array: name, largest difference in units of max(1, |reference|). Padding is left out. LAST is the name of the
array that holds the last hidden state. Exits with 1 when a difference is beyond BOUND, or when an array is missing.
"""
import sys

import h5py
import numpy


def main():
    archive, reference, last, bound = sys.argv[1:4] + [float(sys.argv[4])]
    file, values = h5py.File(archive), numpy.load(reference)
    layers = len([name for name in values if name.startswith("attn_")])
    mask = next((values[name] != 0 for name in ("mask", "attention_mask") if name in values), None)
    pairs = [(f"attn_{l}", f"/attention/attention.{l}.map/values") for l in range(layers)]
    for l in range(layers + 1):
        ours = "residual.0.pre" if l == 0 else f"residual.{l - 1}.post"
        pairs.append((f"hidden_{l}", f"/activations/{last if l == layers else ours}/values"))
    for theirs, ours in (("pooler", "pooled"), ("pooled", "pooled")):
        if theirs in values:
            pairs.append((theirs, f"/activations/{ours}/values"))
    if "out" in values:
        # A network without a head of its own gives its last state; ours may score tokens with the embedding all the same.
        logits = "/activations/logits/values"
        is_scores = logits in file and file[logits].shape[1:] == values["out"].shape
        pairs.append(("out", logits if is_scores else "/activations/final_norm.output/values"))
    worst = 0.0
    for theirs, ours in pairs:
        expected, found = values[theirs], file[ours]
        assert found.shape[0] == 1 and [d.label for d in found.dims][:2] in (
            ["checkpoint", "sample"], ["", ""]), ours
        found = found[0]
        # Behind a projection, transformers gives the projected state.
        if theirs.startswith("hidden") and found.shape != expected.shape:
            continue
        error = numpy.abs(expected - found) / numpy.maximum(1, numpy.abs(expected))
        if mask is not None and error.ndim == 4:
            error = error.transpose(0, 2, 1, 3)[mask]
        elif mask is not None and error.ndim == 3:
            error = error[mask]
        error = error.max()
        print(ours, error)
        worst = max(worst, error if error == error else numpy.inf)
    sys.exit(0 if worst <= bound else 1)


main()
