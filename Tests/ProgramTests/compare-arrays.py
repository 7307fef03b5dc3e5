"""Are the arrays of an .npz or .safetensors those of the archive? usage: compare-arrays.py ARCHIVE.h5 FILE"""
import sys

import h5py
import numpy as np
from safetensors.numpy import load_file

source, path = sys.argv[1:]
arrays = dict(np.load(path)) if path.endswith(".npz") else load_file(path)
problems = []
with h5py.File(source) as f:
    for name, found in arrays.items():
        expected = f[name][()]
        expected = np.asarray(expected, expected.dtype.newbyteorder("<"))
        if expected.dtype.kind == "b":
            expected = expected.astype(found.dtype)
        if found.shape != expected.shape or found.dtype != expected.dtype or found.tobytes() != expected.tobytes():
            problems.append(f"{name}: {found.dtype} {found.shape} against {expected.dtype} {expected.shape}, or other values")
    if len(arrays) < 30:
        problems.append(f"only {len(arrays)} arrays")
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
