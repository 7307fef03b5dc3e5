"""Joins parts: a few into one while a run goes on, all of them into the sealed file at its end."""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack
from typing import Dict, List, Sequence

import h5py
import numpy as np

from . import durable
from .errors import RecorderError
from .hashing import LogicalHash
from .parts import Part, PartIndex, PartName
from .place import Place
from .schema import Array, Schema
from .store import make_dataset, make_group, new_file, read_blocks, write_rows
from .tree import Tree


def hash_rows(dataset: h5py.Dataset, array: Array, into: LogicalHash) -> None:
    """Adds all rows of a dataset to a hash, block by block."""
    for values in read_blocks(dataset, array):
        into.update(values)


def copy_rows(array: Array, pieces: Sequence[h5py.Dataset], target: h5py.Dataset) -> None:
    """Fills ``target`` with the rows of ``pieces``, one after the other: chunk by chunk as they are stored where the cut is the
    same, else read and written anew."""
    chunk = target.chunks
    start = 0
    waiting: List[np.ndarray] = []
    for piece in pieces:
        if chunk[0] == 1 and piece.chunks == chunk:
            _copy_chunks(piece, target, start)
            start += piece.shape[0]
            continue
        # Here rows are short, or few: whole chunks are gathered, so that each is filtered once.
        for values in read_blocks(piece, array):
            if values.shape[1:] != array.row_shape:
                raise RecorderError(f"{piece.file.filename}:{array.path}: its chunks are not those of this run")
            waiting.append(values)
            if sum(map(len, waiting)) >= chunk[0]:
                gathered = np.concatenate(waiting)
                whole = len(gathered) // chunk[0] * chunk[0]
                write_rows(target, array, start, gathered[:whole])
                start += whole
                waiting = [gathered[whole:]]
    if waiting:
        write_rows(target, array, start, np.concatenate(waiting))


def _copy_chunks(piece: h5py.Dataset, target: h5py.Dataset, start: int) -> None:
    for offset in itertools.product(*(range(0, n, c) for n, c in zip(piece.shape, piece.chunks))):
        mask, stored = piece.id.read_direct_chunk(offset)
        target.id.write_direct_chunk((offset[0] + start, *offset[1:]), stored, mask)


def merge_parts(place: Place, schema: Schema, parts: Sequence[Part]) -> PartName:
    """Writes neighbouring parts as one, durably, beside those it was made from."""
    merged = PartName(parts[0].name.first, parts[-1].name.last)
    temporary = os.path.join(place.folder, f".{merged.file}.tmp")
    with ExitStack() as stack:
        files = [stack.enter_context(h5py.File(place.part(part.name), "r")) for part in parts]
        with new_file(temporary) as file:
            for array in schema.arrays:
                pieces = [f[array.path] for f, part in zip(files, parts) if part.rows.get(array.path)]
                if pieces:
                    rows = sum(piece.shape[0] for piece in pieces)
                    group = make_group(file, array.group)
                    copy_rows(array, pieces, make_dataset(group, array, rows, chunk=array.chunk(rows), growing=True))
    durable.replace(place.part(merged), temporary)
    return merged


def seal(place: Place, schema: Schema, tree: Tree, index: PartIndex, hashes: Dict[str, str]) -> None:
    """Joins all parts into one self-contained file, and reads it back. Killed at any moment, the folder is still whole."""
    try:
        with ExitStack() as stack:
            files = {p.name: stack.enter_context(h5py.File(place.part(p.name), "r")) for p in index.parts}

            def make_array(group: h5py.Group, array: Array, rows: int) -> h5py.Dataset:
                dataset = make_dataset(group, array, rows, chunk=array.chunk(rows), growing=array.is_stream)
                pieces = [files[p.name][array.path] for p in index.parts if p.rows.get(array.path)]
                copy_rows(array, pieces, dataset)
                return dataset

            with new_file(place.half) as file:
                tree.write(file, make_array)
        _read_back(place, schema, hashes)
        durable.replace(place.file, place.half)
    except BaseException:
        if os.path.exists(place.half):
            os.unlink(place.half)
        raise


def _read_back(place: Place, schema: Schema, hashes: Dict[str, str]) -> None:
    with h5py.File(place.half, "r") as file:
        for array in schema.arrays:
            if array.type == "utf8":
                continue
            dataset, found = file[array.path], LogicalHash()
            hash_rows(dataset, array, found)
            if found.value(array.type, dataset.shape) != hashes[array.path]:
                raise RecorderError(
                    f"{array.path}: the sealed file does not hold the values that were recorded; the parts in {place.folder} are "
                    "kept: seal them again, on another disk if it happens again"
                )
