#!/usr/bin/env python3
"""usage: convert-fashion-mnist.py FOLDER OUT.h5 [--full]: the first 1,000 training and 200 test images of each class, or all 60,000 + 10,000."""
import gzip
import sys

import numpy as np

from dataset_file import write

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def load(folder, part):
    with gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz") as f:
        return images, np.frombuffer(f.read(), np.uint8, offset=8)


def balanced(labels, each):
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:each] for c in range(10)]))


folder, out = sys.argv[1:3]
full = sys.argv[3:] == ["--full"]
train, train_labels = load(folder, "train")
test, test_labels = load(folder, "t10k")
first, second = ((np.arange(len(train)), np.arange(len(test))) if full else (balanced(train_labels, 1000), balanced(test_labels, 200)))
images = np.concatenate([train[first], test[second]])
labels = np.concatenate([train_labels[first], test_labels[second]]).astype("i4")
split = np.repeat([0, 1], [len(first), len(second)]).astype("u1")
index = np.concatenate([first, second]).astype("i4")
flags = {"flag_values": np.array([0, 1], "u1"), "flag_meanings": "train test"}
write(out, "Fashion-MNIST, 60,000 + 10,000 images" if full else "Fashion-MNIST, 10,000 + 2,000 class-balanced images", [
    ("/samples/image", images, ["sample", "y", "x"], "grey image, 0 black to 255 white", "1", {}),
    ("/samples/label", labels, ["sample"], "class of the garment", "1", {}),
    ("/samples/split", split, ["sample"], "0 train, 1 test: never trained on or fitted to", "1", flags),
    ("/samples/index", index, ["sample"], "position in the original train or test set", "1", {}),
    ("/classes/name", CLASSES, ["class"], "name of each class", "1", {}),
], {
    "configuration": "all images" if full else "first 1000 training and first 200 test images of each class",
    "command": "tools/fetch-data",
    "origin": "Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747), Debian package dataset-fashion-mnist",
    "licence": "MIT, Zalando SE",
})
