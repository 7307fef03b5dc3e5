"""Token ids and masks in every stored form, for captures. usage: stored-ids.py make FOLDER

Writes FOLDER/forms.h5, cf.nc and ids.npz; prints for each: tokens or mask, its name, and `equal` or what the refusal must say."""
import itertools
import os
import sys

import h5py
import netCDF4
import numpy as np

os.chdir(sys.argv[2])
random = np.random.default_rng(0)
ids = random.integers(0, 8, (20, 6))
mask = np.ones((20, 6), "i4")


def tell(option, name, reason="equal"):
    print(option, name, reason, sep="\t")


with h5py.File("forms.h5", "w") as file:
    file["ids"] = ids
    layouts = {"block": {}, "chunks": dict(chunks=(3, 6)), "gzip": dict(chunks=(7, 4), compression="gzip", shuffle=True),
               "fletcher": dict(chunks=(20, 2), fletcher32=True)}
    for kind, order, layout in itertools.product(["i1", "u1", "i2", "u2", "i4", "i8", "u8"], "<>", layouts):
        name = f"{order}{kind} {layout}"
        file.create_dataset(name, data=ids.astype(order + kind), **layouts[layout])
        tell("tokens", f"forms.h5:/{name}")
    for name, kind in [("bool", "?"), ("float", "f4"), ("big", ">i2")]:
        file[f"mask {name}"] = mask.astype(kind)
        tell("mask", f"forms.h5:/mask {name}")

    holes = file.create_dataset("holes", (20, 6), "i8", chunks=(4, 6))
    holes[:8] = ids[:8]
    file.create_dataset("unwritten", (20, 6), "i8")
    for kind in ("<i2", ">i4", "<i8", ">u8"):
        marked = ids.astype(kind)
        marked[3, 2] = 8
        for key in ("_FillValue", "missing_value", "valid_max"):
            name = f"{key} {kind}"
            file[name] = marked
            file[name].attrs[key] = np.array(7 if key == "valid_max" else 8).astype(kind)
            tell("tokens", f"forms.h5:/{name}", "are missing")
        file[f"scaled {kind}"] = (ids * 2).astype(kind)
        file[f"scaled {kind}"].attrs["scale_factor"] = 0.5
        tell("tokens", f"forms.h5:/scaled {kind}")
        file[f"halves {kind}"] = (ids * 2 + 1).astype(kind)
        file[f"halves {kind}"].attrs["scale_factor"] = 0.5
        tell("tokens", f"forms.h5:/halves {kind}", "store whole numbers")
    layout = h5py.VirtualLayout((20, 6), "i8")
    layout[:] = h5py.VirtualSource("gone.h5", "x", (20, 6))
    file.create_virtual_dataset("virtual", layout)
    far = ids.copy()
    far[0, 0] = 2**40 + 1
    file["far"] = far
    file["negative"] = np.where(ids == ids[0, 0], -1, ids)
    file["twos"] = mask * 2
    empty = mask.copy()
    empty[4] = 0
    file["empty"] = empty
    part = file.create_dataset("mask holes", (20, 6), "i4", chunks=(4, 6))
    part[:8] = 1
for name, reason in [("holes", "never written"), ("unwritten", "never written"), ("virtual", "gone.h5"),
                     ("far", "1099511627777"), ("negative", "found -1")]:
    tell("tokens", f"forms.h5:/{name}", reason)
for name, reason in [("twos", "found 2"), ("empty", "sample 4 is all padding"), ("mask holes", "never written")]:
    tell("mask", f"forms.h5:/{name}", reason)

with netCDF4.Dataset("cf.nc", "w") as file:
    file.createDimension("sample", 20)
    file.createDimension("position", 6)
    file.createVariable("ids", "i4", ("sample", "position"))[:] = ids
    file.createVariable("half", "i4", ("sample", "position"))[:8] = ids[:8]
tell("tokens", "cf.nc:/ids")
tell("tokens", "cf.nc:/half", "missing")

np.savez("ids.npz", fortran=np.asfortranarray(ids), big=ids.astype(">i4"), short=ids.astype("u1"))
for name in ("fortran", "big", "short"):
    tell("tokens", f"ids.npz:{name}")
