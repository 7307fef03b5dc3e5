"""HDF5 files as layout 1 wants them, made through h5py's low-level interface where the other cannot."""

from __future__ import annotations

from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import h5py
import numpy as np

from .schema import Array, Attribute, Filters

#: Any HDF5 library since 1.8 opens what holds no virtual datasets.
_VERSIONS = ("v108", "v110")


class Source(NamedTuple):
    """Rows of a virtual dataset that come from another file, from its first row on."""

    file: str
    dataset: str
    start: int
    rows: int


def new_file(path: str) -> h5py.File:
    """An empty file, replacing what is there."""
    return h5py.File(path, "w", libver=_VERSIONS, track_order=True)


def make_group(root: h5py.Group, path: str) -> h5py.Group:
    """The group at ``path``, with all those above it."""
    place = root
    for name in filter(None, path.split("/")):
        place = place[name] if name in place else place.create_group(name, track_order=True)
    return place


def hdf5_type(array: Array) -> h5py.h5t.TypeID:
    """The stored type, little endian."""
    if array.type != "bfloat16":
        return h5py.h5t.py_create(array.dtype.newbyteorder("<"))
    kind = h5py.h5t.IEEE_F32LE.copy()
    # Fields first: a smaller size would cut into those of float32.
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def make_dataset(
    group: h5py.Group,
    array: Array,
    rows: int,
    *,
    chunk: Optional[Tuple[int, ...]] = None,
    growing: bool = False,
    sources: Sequence[Source] = (),
) -> h5py.Dataset:
    """The empty dataset of ``rows`` rows: in chunks, or virtual where there are ``sources``; else one block."""
    shape = array.shape(rows)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_obj_track_times(False)
    creation.set_attr_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
    limits = (h5py.h5s.UNLIMITED, *shape[1:]) if growing and chunk else shape
    if chunk and 0 not in shape[1:]:
        creation.set_chunk(chunk)
        creation.set_fill_time(h5py.h5d.FILL_TIME_IFSET)
        _set_filters(creation, array.filters)
    for source in sources:
        target = h5py.h5s.create_simple(shape)
        target.select_hyperslab((source.start, *(0 for _ in shape[1:])), (source.rows, *shape[1:]))
        origin = h5py.h5s.create_simple((source.rows, *shape[1:]))
        creation.set_virtual(target, source.file.encode(), source.dataset.encode(), origin)
    space = h5py.h5s.create_simple(shape, limits)
    return h5py.Dataset(h5py.h5d.create(group.id, array.name.encode(), hdf5_type(array), space, creation))


def _set_filters(creation: h5py.h5p.PropDCID, filters: Filters) -> None:
    if filters.shuffle:
        creation.set_shuffle()
    if filters.deflate is not None:
        creation.set_deflate(filters.deflate)
    if filters.fletcher32:
        creation.set_fletcher32()


def write_rows(dataset: h5py.Dataset, array: Array, start: int, values: np.ndarray) -> None:
    """Writes whole rows from ``start`` on, by the library."""
    if values.size == 0:
        return
    values = np.ascontiguousarray(values)
    target = dataset.id.get_space()
    target.select_hyperslab((start, *(0 for _ in values.shape[1:])), values.shape)
    dataset.id.write(h5py.h5s.create_simple(values.shape), target, values, hdf5_type(array))


def read_blocks(dataset: h5py.Dataset, array: Array, budget: int = 8 << 20) -> Iterator[np.ndarray]:
    """All values in C order, as they are stored, in blocks of about ``budget`` bytes: some rows, or some of the second axis of one."""
    rows = int(dataset.shape[0])
    if array.row_bytes <= budget or not array.row_shape:
        step = max(1, budget // max(array.row_bytes, 1))
        for row in range(0, rows, step):
            shape = (min(step, rows - row), *array.row_shape)
            yield _read(dataset, array, (row, *(0 for _ in array.row_shape)), shape)
        return
    width, rest = array.row_shape[0], array.row_shape[1:]
    chunk = dataset.chunks[1] if dataset.chunks else 1
    step = max(1, budget * width // array.row_bytes // chunk) * chunk
    for row in range(rows):
        for column in range(0, width, step):
            shape = (1, min(step, width - column), *rest)
            yield _read(dataset, array, (row, column, *(0 for _ in rest)), shape)


def _read(dataset: h5py.Dataset, array: Array, start: Tuple[int, ...], count: Tuple[int, ...]) -> np.ndarray:
    values = np.empty(count, array.dtype)
    if values.size:
        origin = dataset.id.get_space()
        origin.select_hyperslab(start, count)
        dataset.id.read(h5py.h5s.create_simple(count), origin, values, hdf5_type(array))
    return values


def set_attribute(item: h5py.HLObject, name: str, value: Attribute) -> None:
    """Writes a text, a 64-bit integer or a double."""
    if isinstance(value, str):
        item.attrs.create(name, value, dtype=h5py.string_dtype())
    else:
        item.attrs.create(name, value, dtype=np.dtype("<i8" if isinstance(value, int) else "<f8"))


def set_texts(item: h5py.HLObject, name: str, values: Iterable[str]) -> None:
    """Writes several texts."""
    item.attrs.create(name, np.array(list(values), dtype=object), dtype=h5py.string_dtype())


def write_texts(group: h5py.Group, name: str, values: Optional[List[str]] = None, text: str = "") -> h5py.Dataset:
    """A dataset of texts along one axis, or of one text."""
    dtype = h5py.string_dtype()
    if values is None:
        return group.create_dataset(name, data=text, dtype=dtype)
    return group.create_dataset(name, data=np.array(values, dtype=object), shape=(len(values),), dtype=dtype)


def read_texts(file: h5py.File, path: str) -> List[str]:
    """The texts at ``path``; one of a single text."""
    values = file[path].asstr()[()]
    return [values] if isinstance(values, str) else [str(value) for value in values]
