"""The object tree of an archive in one file: groups, arrays, dimension scales, attributes, provenance.

Written into the index of a run (arrays are virtual) and into a sealed file (arrays hold data).
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional

import h5py
import numpy as np

from .provenance import Text
from .schema import Array, Axis, Schema
from .store import make_group, set_attribute, set_texts, write_texts

#: An axis that only counts has its numbers written out up to this length; beyond it is a name and a length.
_LONGEST_COUNTING = 65_536
#: What netCDF calls such a scale, by which its readers go.
_BARE = "This is a netCDF dimension but not a netCDF variable."

MakeArray = Callable[[h5py.Group, Array, int], h5py.Dataset]


class Tree:
    """Everything of an archive but the values of its arrays of numbers."""

    def __init__(
        self,
        schema: Schema,
        rows: Dict[str, int],
        texts: Dict[str, List[str]],
        provenance: List[Text],
        hashes: Optional[Dict[str, str]] = None,
    ) -> None:
        self._schema, self._rows, self._texts = schema, rows, texts
        self._provenance, self._hashes = provenance, hashes or {}

    def write(self, file: h5py.File, make_array: MakeArray) -> None:
        """Fills the empty ``file``; ``make_array`` makes the dataset of an array with a number of rows."""
        for name, value in (
            ("Conventions", "CF-1.11"), ("isotherm_layout", 1), ("title", self._schema.title),
            ("run_id", self._schema.run_id), ("kind", "run"), ("dimension_order", "C"), ("NX_class", "NXroot"),
        ):
            set_attribute(file, name, value)
        if self._schema.default_group:
            set_attribute(file, "default", self._schema.default_group)
        self._write_provenance(make_group(file, "provenance"))
        for path, arrays in self._schema.groups().items():
            self._write_group(make_group(file, path), arrays, make_array)

    def _write_provenance(self, group: h5py.Group) -> None:
        scales: Dict[str, h5py.Dataset] = {}
        for text in self._provenance:
            dataset = write_texts(group, text.name, text.values, text.text)
            set_attribute(dataset, "long_name", text.long_name)
            if text.axis is None or text.values is None:
                continue
            set_attribute(dataset, "units", "1")
            if text.axis not in scales:
                scales[text.axis] = _make_scale(group, text.axis, len(text.values), text.axis_name)
            dataset.dims[0].attach_scale(scales[text.axis])

    def _write_group(self, group: h5py.Group, arrays: List[Array], make_array: MakeArray) -> None:
        signal = next((a for a in arrays if a.type != "utf8" and [x.name for x in a.axes] != [a.name]), None)
        if signal:
            set_attribute(group, "NX_class", "NXdata")
            set_attribute(group, "signal", signal.name)
            set_texts(group, "axes", [axis.name for axis in signal.axes])
        made: Dict[str, h5py.Dataset] = {}
        lengths: Dict[str, int] = {}
        for array in arrays:
            rows = self._rows.get(array.path, 0)
            lengths.update((axis.name, n) for axis, n in zip(array.axes, array.shape(rows)))
            if array.type == "utf8":
                made[array.name] = write_texts(group, array.name, self._texts[array.path])
            else:
                made[array.name] = make_array(group, array, rows)
            self._label(made[array.name], array)
        scales: Dict[str, h5py.Dataset] = {}
        for axis in (axis for array in arrays for axis in array.axes):
            if axis.name in scales:
                continue
            if axis.name in made:
                # A scale that is itself an array, as the step.
                made[axis.name].make_scale(axis.name)
                scales[axis.name] = made[axis.name]
            else:
                scales[axis.name] = _make_scale(group, axis.name, lengths[axis.name], axis.long_name)
        for array in arrays:
            for place, axis in enumerate(array.axes):
                if axis.name != array.name:
                    made[array.name].dims[place].attach_scale(scales[axis.name])

    def _label(self, dataset: h5py.Dataset, array: Array) -> None:
        set_attribute(dataset, "long_name", array.long_name)
        set_attribute(dataset, "units", array.units)
        if array.coordinates:
            set_attribute(dataset, "coordinates", " ".join(array.coordinates))
        # Empty while rows are still to come: it also tells an array that labels an axis from a mere axis.
        set_attribute(dataset, "logical_sha256", self._hashes.get(array.path, ""))
        for name, value in sorted(array.attributes.items()):
            set_attribute(dataset, name, value)


def _make_scale(group: h5py.Group, name: str, length: int, long_name: str) -> h5py.Dataset:
    """The scale of an axis that counts 0, 1, 2 …"""
    array = Array(name, "int32", [Axis(name, length)], long_name)
    if length > _LONGEST_COUNTING:
        scale = group.create_dataset(name, (length,), "<i4", chunks=(min(length, 1 << 18),), fillvalue=np.int32(-(2**31)))
        scale_name = f"{_BARE}{length:10d}"
    else:
        scale = group.create_dataset(name, data=np.arange(length, dtype="<i4"))
        scale_name = name
    set_attribute(scale, "long_name", array.long_name)
    set_attribute(scale, "units", "1")
    scale.make_scale(scale_name)
    return scale
