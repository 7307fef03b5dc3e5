"""Opens archives with h5py, xarray (both engines) and netCDF4; every number array must be labelled, have a unit, and be equal."""
import sys

import h5py
import netCDF4
import numpy as np
import xarray

problems = []
for path in sys.argv[1:]:
    with h5py.File(path) as f:
        if f.attrs.get("isotherm_layout") != 1:
            problems.append(f"{path}: isotherm_layout is {f.attrs.get('isotherm_layout')}")
        arrays = {}

        def visit(name, item):
            if isinstance(item, h5py.Dataset) and item.ndim and item.dtype.kind in "iuf" and not h5py.h5ds.is_scale(item.id):
                arrays[name] = item

        f.visititems(visit)
        for name, item in arrays.items():
            values = item[...]
            group, _, last = name.rpartition("/")
            for attribute in ("long_name", "units", "logical_sha256"):
                if attribute not in item.attrs:
                    problems.append(f"{path}:{name}@{attribute} is missing")
            for engine in ("netcdf4", "h5netcdf"):
                with xarray.open_dataset(path, group=group or "/", engine=engine, decode_times=False) as data:
                    found = data[last]
                    if any(str(d).startswith("phony") for d in found.dims):
                        problems.append(f"{path}:{name}: axes {found.dims} in {engine}")
                    if not np.array_equal(found.values, values, equal_nan=True):
                        problems.append(f"{path}:{name}: values differ in {engine}")
            with netCDF4.Dataset(path) as data:
                data.set_auto_mask(False)
                place = data[group] if group else data
                if not np.array_equal(place.variables[last][...], values, equal_nan=values.dtype.kind == "f"):
                    problems.append(f"{path}:{name}: values differ in netCDF4")
        if not arrays:
            problems.append(f"{path}: no arrays")
for problem in problems:
    print(problem)
sys.exit(1 if problems or len(sys.argv) < 2 else 0)
