"""Writes a data set in the archive's layout: labelled axes, units, logical hashes, provenance."""
import hashlib
import os
import uuid

import h5py
import numpy as np


def logical_hash(values, kind):
    digest = hashlib.sha256()
    if kind == "utf8":
        for text in values:
            digest.update(text.encode() + b"\0")
        shape = [len(values)]
    else:
        digest.update(np.ascontiguousarray(values).tobytes())
        shape = values.shape
    digest.update(f"{kind}[{','.join(map(str, shape))}]".encode())
    return digest.hexdigest()


def write(path, title, arrays, provenance):
    """arrays: (path, values, axis names, long_name, units, attributes); provenance: name -> text."""
    temporary = path + ".tmp"
    text = h5py.string_dtype("utf-8")
    with h5py.File(temporary, "w", libver=("v108", "v110"), track_order=True) as f:
        f.attrs["Conventions"] = "CF-1.11"
        f.attrs["isotherm_layout"] = np.int64(1)
        f.attrs["title"] = title
        # The same content gives the same id, so that a data set made twice is the same file.
        f.attrs["run_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, "isotherm:" + title))
        f.attrs["kind"] = "dataset"
        f.attrs["dimension_order"] = "C"
        for name, value in provenance.items():
            item = f.create_dataset("provenance/" + name, data=value, dtype=text)
            item.attrs["long_name"] = name
        for place, values, axes, long_name, units, attributes in arrays:
            group = f.require_group(os.path.dirname(place))
            if isinstance(values, list):
                item = group.create_dataset(os.path.basename(place), data=values, dtype=text)
                item.attrs["logical_sha256"] = logical_hash(values, "utf8")
            else:
                rows = max(1, min(len(values), (1 << 20) // max(1, values[0].nbytes)))
                item = group.create_dataset(
                    os.path.basename(place), data=values, chunks=(rows,) + values.shape[1:],
                    shuffle=True, compression="gzip", compression_opts=9, fletcher32=True, track_times=False)
                item.attrs["logical_sha256"] = logical_hash(values, values.dtype.name)
            item.attrs["long_name"] = long_name
            item.attrs["units"] = units
            for name, value in attributes.items():
                item.attrs[name] = value
            for axis, (name, length) in enumerate(zip(axes, item.shape)):
                if name not in group:
                    scale = group.create_dataset(name, data=np.arange(length, dtype="i4"), track_times=False)
                    scale.attrs["long_name"] = f"{name} index"
                    scale.attrs["units"] = "1"
                    scale.make_scale(name)
                item.dims[axis].attach_scale(group[name])
    os.replace(temporary, path)
