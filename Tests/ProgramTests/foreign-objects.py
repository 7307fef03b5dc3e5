"""Objects of every kind beside ours, drawn by a seed, and the tools to judge what becomes of them.

usage: foreign-objects.py make BASE.h5 OUT.h5 SEED     BASE with a group /mine of everything HDF5 can hold
       foreign-objects.py change FILE.h5 SEED          one element or attribute of /mine changed; prints where
       foreign-objects.py recast IN.h5 OUT.h5 SEED     equal values in other chunks, filters and byte order
       foreign-objects.py same A.h5 B.h5               prints what B lacks of A, or has otherwise; exit 1 when anything
"""
import shutil
import sys

import h5py
import numpy as np

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i2", ">i4", ">u8", ">f4", ">f8"]
SHAPES = [(), (0,), (1,), (5,), (3, 0), (2, 3), (4, 3, 2), (40, 30)]
FOREIGN = ["bool", "c8", "c16", "enum", "compound", "array", "opaque", "vlen"]
TEXTS = ["utf8", "ascii", "fixed", "fixed-utf8"]
LABELS = {"DIMENSION_LIST", "REFERENCE_LIST"}
OURS = {"logical_sha256", "history"}


def numbers(r, kind, shape):
    kind = np.dtype(kind)
    if kind.kind == "f":
        values = r.standard_normal(shape) * 100
        values = np.asarray(values, kind)
        if values.size > 2:
            values.flat[0] = np.nan
            values.flat[1] = -0.0
        return values
    info = np.iinfo(kind)
    return np.asarray(r.integers(info.min, info.max, size=shape, endpoint=True, dtype=kind.newbyteorder("=")), kind)


def values(r, name, shape):
    """Data and the dtype to store it as."""
    if name in TYPES:
        return numbers(r, name, shape), np.dtype(name)
    if name == "bool":
        return r.integers(0, 2, shape).astype(bool), np.dtype(bool)
    if name in ("c8", "c16"):
        return (r.standard_normal(shape) + 1j * r.standard_normal(shape)).astype(name), np.dtype(name)
    if name == "enum":
        return r.integers(0, 3, shape).astype("u1"), h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 2}, "u1")
    if name == "compound":
        kind = np.dtype([("time", "f8"), ("count", ">i4"), ("name", "S4")])
        data = np.zeros(shape, kind)
        data["time"] = r.standard_normal(shape)
        data["count"] = r.integers(0, 99, shape)
        data["name"] = b"ab"
        return data, kind
    if name == "array":
        kind = np.dtype(("f4", (3,)))
        return r.standard_normal(shape + (3,)).astype("f4"), kind
    if name == "opaque":
        return r.integers(0, 256, shape + (3,), dtype="u1").view("V3").reshape(shape), np.dtype("V3")
    letters = np.array(["a", "é", "e\u0301", "Zeile\r\n2", 'q"\u0301,', "", "長い", "x" * 70])
    if name == "vlen":
        # h5py takes no scalar and no empty one.
        data = np.empty(shape if shape and 0 not in shape else (2,), object)
        for i in np.ndindex(*data.shape):
            data[i] = r.integers(0, 9, r.integers(0, 5)).astype("i4")
        return data, h5py.vlen_dtype("i4")
    chosen = letters[r.integers(0, len(letters), shape)]
    if name == "utf8":
        return np.asarray(chosen, object), h5py.string_dtype()
    if name == "ascii":
        return np.asarray(np.where(chosen == "a", "a", "plain"), object), h5py.string_dtype("ascii")
    encoded = np.char.encode(np.asarray(chosen, "U"), "utf8")
    if name == "fixed":
        return np.where(encoded == b"a", b"a", b"plain").astype("S9"), np.dtype("S9")
    return encoded.astype(h5py.string_dtype("utf-8", 80)), h5py.string_dtype("utf-8", 80)


def layout(r, shape, name):
    if not shape or 0 in shape or name in ("vlen", "utf8", "ascii") or r.random() < 0.4:
        return {}
    options = {"chunks": tuple(int(r.integers(1, n, endpoint=True)) for n in shape)}
    if r.random() < 0.7:
        options.update(shuffle=bool(r.integers(2)), compression="gzip", fletcher32=bool(r.integers(2)))
    if r.random() < 0.3:
        options["maxshape"] = (None,) + tuple(shape[1:])
    return options


def make(base, out, seed):
    r = np.random.default_rng(seed)
    shutil.copy(base, out)
    with h5py.File(out, "a") as f:
        mine = f.create_group("mine", track_order=True)
        for number, name in enumerate(TYPES + FOREIGN + TEXTS):
            for shape in [SHAPES[i] for i in r.choice(len(SHAPES), 2, replace=False)]:
                data, kind = values(r, name, shape)
                place = f"z{99 - number}-{name.strip('>')}-{'x'.join(map(str, shape)) or 'scalar'}-{number}"
                if name == "array":
                    d = mine.create_dataset(place, shape, kind)
                    if d.size:
                        d[...] = data
                else:
                    d = mine.create_dataset(place, data.shape, kind, data=data, **layout(r, shape, name))
                d.attrs["units"] = "m"
                attribute, kind = values(r, (TYPES + FOREIGN[:5] + TEXTS)[r.integers(24)], [(), (3,)][r.integers(2)])
                d.attrs.create("something", attribute, dtype=kind)
        d.attrs["_FillValue"] = 2.0
        d.attrs["nothing"] = h5py.Empty("f4")
        mine["null"] = h5py.Empty("f8")
        mine["type"] = np.dtype("f8")
        mine.attrs["note"] = "of a group"
        mine.attrs["list"] = [1.5, 2.5]
        f.attrs["mine too"] = True
        for group, years in (("a", [2001, 2002, 2003]), ("b", [1.5, 2.5, 4.5])):
            g = mine.create_group("axes/" + group)
            year = g.create_dataset("year", data=np.array(years))
            other = g.create_dataset("place", data=np.arange(3) * 10, dtype="i2")
            year.make_scale("year")
            other.make_scale("another length of three")
            v = g.create_dataset("v", data=r.standard_normal((3, 3)), chunks=(2, 3), fillvalue=7.0)
            v.dims[0].attach_scale(year)
            v.dims[1].attach_scale(other)
            v.dims[1].label = "somewhere"
            v.attrs["coordinates"] = "lat lon"
        sparse = mine.create_dataset("sparse", (6, 4), "f4", chunks=(2, 2), fillvalue=-1.0)
        sparse[0:2, 0:2] = 5
        target = mine["axes/a/v"]
        mine.create_dataset("references", data=np.array([target.ref, mine.ref], object), dtype=h5py.ref_dtype)
        mine.create_dataset("regions", data=np.array([target.regionref[0:2, 1]], object), dtype=h5py.regionref_dtype)
        mine.attrs.create("to", target.ref, dtype=h5py.ref_dtype)
        mine["again"] = mine
        mine["axes/up"] = mine
        mine["axes/a/same"] = target
        mine["soft"] = h5py.SoftLink("/mine/axes/a/v")
        mine["round"] = h5py.SoftLink("/mine/round")
        mine["nowhere"] = h5py.SoftLink("/not/there")
        mine["top"] = h5py.SoftLink("/")
        mine["outside"] = h5py.ExternalLink("other.h5", "/x")
        for name in (b"caf\xe9", "caf\u00e9".encode(), "cafe\u0301".encode(), "\u0301x".encode()):
            space = h5py.h5s.create_simple((3,))
            d = h5py.h5d.create(mine.id, name, h5py.h5t.IEEE_F64LE, space)
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, r.standard_normal(3))


def datasets(f):
    found = []

    def visit(name, item):
        if isinstance(name, str) and isinstance(item, h5py.Dataset) and item.shape is not None and item.size:
            found.append(name)

    f["mine"].visititems(visit)
    return sorted(found)


def change(path, seed):
    r = np.random.default_rng(seed)
    with h5py.File(path, "a") as f:
        mine = f["mine"]
        choices = [n for n in datasets(f) if n not in ("references", "regions")]
        name = choices[r.integers(len(choices))]
        d = mine[name]
        # An attribute of every fourth.
        if r.random() < 0.25:
            if r.random() < 0.5:
                d.attrs["units"] = "furlong"
                print(d.name + "@units")
            else:
                d.attrs["new"] = 1
                print(d.name + "@new")
            return
        place = tuple(int(r.integers(n)) for n in d.shape)
        old = d[place]
        kind = d.dtype
        if h5py.check_string_dtype(kind):
            new = (old if isinstance(old, bytes) else old.encode()) + b"!"
            if kind.kind == "S" and len(new) > kind.itemsize:
                new = b"!"
            d[place] = new
        elif h5py.check_vlen_dtype(kind):
            d[place] = np.append(old, 7).astype("i4")
        elif kind.kind == "b":
            d[place] = not old
        elif kind.kind in "iu":
            # The lowest bit: beyond 2^53 no double shows it.
            enum = h5py.check_enum_dtype(kind)
            d[place] = (int(old) + 1) % 3 if enum else old ^ kind.type(1)
        elif kind.kind == "f":
            value = np.array([0.0 if np.isnan(old) else old], kind.newbyteorder("="))
            bits = value.view(f"u{kind.itemsize}")
            if value[0] == 0:
                value[0] = 1
            else:
                bits ^= 1
            d[place] = value[0]
        elif kind.kind == "c":
            d[place] = old + 1j
        elif kind.names:
            new = np.array(old, kind)
            new["count"] += 1
            d[place] = new
        elif kind.kind == "V" and kind.subdtype is None:
            d[place] = np.void(bytes(b ^ 1 for b in bytes(old)))
        else:
            d[place] = old + 1
        print(d.name)


def recast(source, out, seed):
    r = np.random.default_rng(seed)
    shutil.copy(source, out)
    with h5py.File(out, "a") as f:
        mine = f["mine"]
        for name in datasets(f):
            d = mine[name]
            if d.dtype.kind not in "iuf" or h5py.check_enum_dtype(d.dtype) or not d.shape or "/" in name:
                continue
            if not name.startswith("z"):
                continue
            data, attributes = d[()], {k: (d.attrs[k], d.attrs.get_id(k).dtype) for k in d.attrs}
            order = "<" if d.dtype.byteorder == ">" else ">"
            del mine[name]
            new = mine.create_dataset(
                name, data=data.astype(data.dtype.newbyteorder(order)),
                **layout(r, data.shape, ""))
            for key, (value, kind) in attributes.items():
                new.attrs.create(key, value, dtype=kind)


def attributes(item, where, a, b, say, names):
    for name in a:
        if name in LABELS or name in OURS:
            continue
        if name not in b:
            say(f"{where}@{name} is missing")
            continue
        x, y = a.get_id(name), b.get_id(name)
        if x.dtype != y.dtype or x.shape != y.shape:
            say(f"{where}@{name}: {x.dtype} {x.shape} against {y.dtype} {y.shape}")
        elif not equal(a[name], b[name], names):
            say(f"{where}@{name}: {a[name]!r} against {b[name]!r}")
    for name in b:
        if name not in a and name not in LABELS and name not in OURS:
            say(f"{where}@{name} was not there before")


def equal(x, y, files):
    if isinstance(x, h5py.Empty) or isinstance(y, h5py.Empty):
        return type(x) is type(y) and x.dtype == y.dtype
    if isinstance(x, h5py.h5r.RegionReference):
        a, b = files[0][x], files[1][y]
        return a.name == b.name and h5py.h5r.get_region(x, files[0].id).get_select_bounds() == h5py.h5r.get_region(
            y, files[1].id).get_select_bounds()
    if isinstance(x, h5py.h5r.Reference):
        return files[0][x].name == files[1][y].name
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype.kind == "O" or y.dtype.kind == "O":
        return x.shape == y.shape and all(
            equal(p, q, files) if not isinstance(p, (str, bytes)) else p == q for p, q in zip(x.flat, y.flat))
    return x.dtype.newbyteorder("=") == y.dtype.newbyteorder("=") and x.shape == y.shape and (
        x.astype(x.dtype.newbyteorder("<")).tobytes() == y.astype(y.dtype.newbyteorder("<")).tobytes())


def same(first, second):
    problems = []
    with h5py.File(first) as a, h5py.File(second) as b:
        seen = set()

        def group(x, y, where):
            attributes(x, where, x.attrs, y.attrs, problems.append, (a, b))
            if list(x) != list(y):
                problems.append(f"{where}: {set(x) ^ set(y)} or another order")
            for name in set(x) & set(y):
                place = where.rstrip("/") + "/" + str(name)
                if isinstance(name, bytes):
                    # h5py's upper half takes no such name.
                    d, e = (h5py.Dataset(h5py.h5d.open(g.id, name)) for g in (x, y))
                    dataset(d, e, place)
                    continue
                p, q = x.get(name, getlink=True), y.get(name, getlink=True)
                if type(p) is not type(q) or vars(p) != vars(q):
                    problems.append(f"{place}: {type(p).__name__} {vars(p)} against {type(q).__name__} {vars(q)}")
                    continue
                if not isinstance(p, h5py.HardLink):
                    continue
                d, e = x[name], y[name]
                if type(d) is not type(e):
                    problems.append(f"{place} is something else")
                    continue
                info = h5py.h5o.get_info(d.id)
                if info.addr in seen:
                    # Another name of one object is another name of one object.
                    if h5py.h5o.get_info(e.id).rc != info.rc:
                        problems.append(f"{place} has other names")
                    continue
                seen.add(info.addr)
                if isinstance(d, h5py.Group):
                    group(d, e, place)
                elif isinstance(d, h5py.Datatype):
                    if d.dtype != e.dtype:
                        problems.append(f"{place}: {d.dtype} against {e.dtype}")
                else:
                    dataset(d, e, place)

        def dataset(d, e, place):
            attributes(d, place, d.attrs, e.attrs, problems.append, (a, b))
            if d.shape != e.shape or d.maxshape != e.maxshape:
                problems.append(f"{place}: {d.shape} {d.maxshape} against {e.shape} {e.maxshape}")
            elif d.dtype.newbyteorder("=") != e.dtype.newbyteorder("="):
                problems.append(f"{place}: {d.dtype} against {e.dtype}")
            elif d.shape is not None and not equal(d[()], e[()], (a, b)):
                problems.append(f"{place}: other values")
            if d.shape is not None:
                for axis in range(len(d.shape)):
                    p = [s.name for s in d.dims[axis].values()]
                    if p != [s.name for s in e.dims[axis].values()]:
                        problems.append(f"{place}: axis {axis} has other scales than {p}")

        group(a, b, "/")
    for problem in problems:
        print(problem.encode("utf8", "backslashreplace").decode())
    return not problems


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "same":
        sys.exit(0 if same(*rest) else 1)
    {"make": make, "change": change, "recast": recast}[command](*rest[:-1], int(rest[-1]))
