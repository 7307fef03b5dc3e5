"""Compares exports with the archive they were made from. usage: compare-exports.py ARCHIVE.h5 EXPORTS-WITHOUT-SUFFIX"""
import sys

import h5py
import netCDF4
import numpy as np
from safetensors.numpy import load_file

source, stem = sys.argv[1:]
problems = []
with h5py.File(source) as f:
    parameters = f["checkpoints/parameters"]
    tensors = load_file(stem + ".safetensors")
    names = [n for n in parameters if parameters[n].ndim > 1 and "logical_sha256" in parameters[n].attrs]
    if sorted(tensors) != sorted(names):
        problems.append(f"safetensors holds {sorted(tensors)[:3]} …, expected {sorted(names)[:3]} …")
    for name in names:
        if not np.array_equal(tensors[name], parameters[name][-1]):
            problems.append(f"safetensors {name} differs")
    arrays = np.load(stem + ".npz")
    for name in arrays.files:
        if not np.array_equal(arrays[name], f[name][()]):
            problems.append(f"npz {name} differs")
    if not any(n.startswith("attention/") for n in arrays.files):
        problems.append("npz lacks the attention maps")
    with netCDF4.Dataset(stem + ".netcdf") as d:
        d.set_auto_mask(False)
        for name in arrays.files:
            group, _, last = name.rpartition("/")
            found = d[group].variables[last]
            if found.dtype.itemsize == 2 and found.dtype.kind == "f":
                problems.append(f"netcdf {name} is not widened")
            if not np.array_equal(found[...], arrays[name]):
                problems.append(f"netcdf {name} differs")
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
