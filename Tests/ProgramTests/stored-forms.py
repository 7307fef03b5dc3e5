"""Datasets of every stored form against h5py: types x byte orders x layouts x filters x fill values x unwritten chunks.

usage: stored-forms.py make FOLDER            writes FOLDER/forms.h5 and FOLDER/plain.h5 (the same values as plain float64)
       stored-forms.py beside ARCHIVE FOLDER  adds the datasets to an archive, as group /mine
       stored-forms.py compare FOLDER FILE    compares FILE (npz, or HDF5 with the group /mine) with what h5py reads
"""

import itertools
import sys

import h5py
import numpy as np

COUNT = 300
WRITTEN = 154  # samples in the chunks of 77 that are written where some are not


def with_bits(base, precision, offset):
    made = base.copy()
    made.set_precision(precision)
    made.set_offset(offset)
    return made


def types():
    made = {}
    for name, order in itertools.product(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"], "<>"):
        made[("little-" if order == "<" else "big-") + name] = h5py.h5t.py_create(np.dtype(order + name))
    made["20-bits-i4"] = with_bits(h5py.h5t.STD_I32LE, 20, 0)
    made["12-bits-at-8-big-i4"] = with_bits(h5py.h5t.STD_I32BE, 12, 8)
    made["9-bits-at-3-u2"] = with_bits(h5py.h5t.STD_U16LE, 9, 3)
    half = h5py.h5t.IEEE_F32LE.copy()
    half.set_fields(15, 7, 8, 0, 7)
    half.set_size(2)
    half.set_ebias(127)
    made["bfloat16"] = half
    three = h5py.h5t.IEEE_F32LE.copy()
    three.set_fields(23, 15, 8, 0, 15)
    three.set_size(3)
    made["24-bits-float"] = three
    made["boolean"] = h5py.h5t.py_create(np.dtype(bool))
    made["enumeration"] = h5py.h5t.py_create(h5py.enum_dtype({"a": 0, "b": 1, "c": 2}, ">i2"), logical=True)
    return made


LAYOUTS = {
    "block": None,
    "chunks": [],
    "gzip": ["gzip"],
    "shuffle-gzip": ["shuffle", "gzip"],
    "ours": ["shuffle", "gzip", "fletcher"],
    "fletcher-first": ["fletcher", "shuffle", "gzip"],
    "gzip-shuffle": ["gzip", "shuffle"],
    "gzip-gzip": ["gzip", "gzip"],
    "fletcher": ["fletcher"],
    "lzf": ["lzf"],
}


def creation(layout, fill, stored, kind):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if LAYOUTS[layout] is not None:
        made.set_chunk((77,))
        for item in LAYOUTS[layout]:
            if item == "gzip":
                made.set_deflate(4)
            elif item == "shuffle":
                made.set_shuffle()
            elif item == "fletcher":
                made.set_fletcher32()
            else:
                made.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
    if fill:
        made.set_fill_value(np.array(1 if kind in ("boolean", "enumeration") else 7).astype(stored))
    return made


def memory_type(kind, made):
    if kind == "boolean":
        return np.dtype(bool)
    if kind == "enumeration":
        return np.dtype(">i2")
    if kind in ("bfloat16", "24-bits-float"):
        return np.dtype("f4")
    return np.dtype("i4") if "bits" in kind else made.dtype


def make(folder):
    random = np.random.default_rng(1)
    y = random.standard_normal(COUNT)
    base = np.round(20 * (0.8 * y + 0.6 * random.standard_normal(COUNT)))
    with h5py.File(folder + "/forms.h5", "w") as file, h5py.File(folder + "/plain.h5", "w") as plain:
        file["y"] = plain["y"] = y
        for (kind, made), layout in itertools.product(types().items(), LAYOUTS):
            stored = memory_type(kind, made)
            values = {"boolean": base > 0, "enumeration": np.abs(base) % 3}.get(
                kind, np.abs(base) if "u" in kind.split("-")[-1] else base).astype(stored)
            memory = made if kind in ("boolean", "enumeration") else h5py.h5t.py_create(values.dtype)
            cases = [("whole", False, COUNT)]
            if LAYOUTS[layout] is not None and layout in ("chunks", "ours"):
                cases += [("filled", True, COUNT), ("holes", False, WRITTEN)]
                # HDF5 gives the fill value of a type of fewer bits otherwise when the type is kept than when it is widened.
                if "bits" not in kind:
                    cases += [("filled-holes", True, WRITTEN)]
            for case, fill, count in cases:
                name = f"{kind} {layout} {case}"
                space = h5py.h5s.create_simple((COUNT,))
                dataset = h5py.h5d.create(
                    file.id, name.encode(), made, space, dcpl=creation(layout, fill, stored, kind))
                space.select_hyperslab((0,), (count,))
                dataset.write(h5py.h5s.create_simple((count,)), space, np.ascontiguousarray(values[:count]), mtype=memory)
                kept = read(file[name])
                plain[name] = kept[:count]
                plain[name].attrs["count"] = count


def read(dataset):
    if dataset.dtype == bool or dataset.id.get_type().get_class() == h5py.h5t.ENUM:
        return dataset[()].astype("f8")
    values = np.empty(dataset.shape, "f8")
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def main():
    verb, first = sys.argv[1:3]
    if verb == "make":
        return make(first)
    if verb == "beside":
        with h5py.File(first, "a") as file, h5py.File(sys.argv[3] + "/forms.h5") as forms:
            for name in forms:
                forms.copy(name, file.require_group("mine"), name=name)
        return None
    wrong = 0
    with h5py.File(first + "/forms.h5") as forms:
        found = np.load(sys.argv[3]) if sys.argv[3].endswith(".npz") else h5py.File(sys.argv[3])
        for name in forms:
            values = found["mine/" + name]
            values = values.astype("f8") if isinstance(values, np.ndarray) else read(values)
            if not np.array_equal(values, read(forms[name]), equal_nan=True):
                wrong += 1
                print(f"{name}: {values[:4]} for {read(forms[name])[:4]}")
    print(f"{len(list(h5py.File(first + '/forms.h5')))} datasets, {wrong} wrong")
    return 1 if wrong else 0


sys.exit(main())
