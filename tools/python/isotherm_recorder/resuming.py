"""Goes on with a run that was interrupted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import h5py

from . import joining, layout
from .durable import FolderLock
from .errors import InputError, RecorderError
from .hashing import LogicalHash
from .parts import PartIndex, PartName
from .place import Place
from .provenance import Provenance
from .sample_data import SampleData
from .schema import Schema
from .store import read_texts
from .writer import Writer


@dataclass
class BegunRun:
    """What an interrupted run left, up to its last checkpoint."""

    place: Place
    lock: FolderLock
    schema: Schema
    index: PartIndex
    #: Files of rows after the last checkpoint, and of parts that were merged.
    dropped: List[str]
    texts: Dict[str, List[str]]
    #: What the recorder had been told.
    settings: Dict[str, Any]
    #: Last step at which there is a checkpoint, and a row of scalars.
    step: int
    last_progress: Optional[int]

    def go_on(self, provenance: Provenance) -> None:
        """Adds this process to those that wrote the run; refuses another configuration."""
        with h5py.File(self.place.index, "r") as index:
            provenance.go_on(index, self.place.folder, self._rows_by_axis())

    def _rows_by_axis(self) -> Dict[str, int]:
        rows = self.index.rows
        return {a.axes[0].name: rows.get(a.path, 0) for a in self.schema.arrays if a.is_stream}

    def hand_to(self, writer: Writer) -> None:
        """Lets a writer that is idle go on: hashes the rows that are there, and lets the index end with the last checkpoint."""
        for array in self.schema.arrays:
            if array.type != "utf8":
                writer.hashes[array.path] = LogicalHash()
        for part in self.index.parts:
            with h5py.File(self.place.part(part.name), "r") as file:
                for array in self.schema.arrays:
                    if part.rows.get(array.path):
                        joining.hash_rows(file[array.path], array, writer.hashes[array.path])
        writer.schema, writer.index, writer.texts = self.schema, self.index, self.texts
        writer.write_index()
        # Only now that no index names them; from the end, so that a kill in between leaves no gap.
        for name in sorted(self.dropped, key=lambda file: PartName.parse(file) or PartName(0, 0), reverse=True):
            os.unlink(os.path.join(self.place.folder, name))
        self.place.remove_uncommitted()


def open_run(place: Place, replacing: bool) -> Optional[BegunRun]:
    """The interrupted run at ``place``; None where there is none that has a checkpoint."""
    if not os.path.isdir(place.folder):
        place.check(replacing)
        return None
    lock = FolderLock(place.folder)
    try:
        has_index = os.path.exists(place.index)
        # Sealing ends with the removal of the folder, index first; a kill may have cut it short.
        schema = _read_schema(place) if has_index or os.path.exists(place.schema) else None
        if os.path.exists(place.file) and (schema is None or place.run_id(place.file) == schema.run_id) and not replacing:
            place.remove_parts()
            raise RecorderError(f"{place.file} is sealed already: there is nothing to go on with; choose another name for a new run")
        if schema is None or not has_index:
            # Nothing was acknowledged.
            lock.release()
            return None
        return _read(place, schema, lock)
    except BaseException:
        lock.release()
        raise


def _read_schema(place: Place) -> Schema:
    try:
        with open(place.schema, encoding="utf-8") as file:
            return Schema.from_json(file.read())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecorderError(
            f"{place.schema} is missing or damaged ({error}): the parts cannot be joined; each opens on its own as HDF5"
        ) from error


def _read(place: Place, schema: Schema, lock: FolderLock) -> Optional[BegunRun]:
    index, dropped = PartIndex.read(place.folder, schema)
    number = index.parts[-1].name.last + 1 if index.parts else 0
    if any((PartName.parse(file) or PartName(0, 0)).first > number for file in dropped):
        raise RecorderError(
            f"{place.folder}: {PartName(number, number).file} is missing though later parts are there; put it back, or move the later "
            "parts away to go on from what lies before it"
        )
    while index.parts and not index.parts[-1].rows.get(layout.STEP):
        dropped.append(index.parts.pop().name.file)
    if not index.parts:
        lock.release()
        return None
    try:
        with h5py.File(place.index, "r") as file:
            configuration = read_texts(file, layout.CONFIGURATION)[0]
            texts = {a.path: read_texts(file, a.path) for a in schema.arrays if a.type == "utf8"}
    except (OSError, KeyError) as error:
        raise RecorderError(f"{place.index} cannot be read: {error}; isotherm-archive recover writes it anew") from error
    if not configuration.startswith("recorder: "):
        raise RecorderError(f"{place.folder} was not written by this recorder; isotherm train --resume goes on with it")
    settings = json.loads(configuration.splitlines()[0][len("recorder: ") :])
    step, last = _last_rows(place, index)
    assert step is not None
    return BegunRun(place, lock, schema, index, dropped, texts, settings, step, last)


def _last_rows(place: Place, index: PartIndex) -> Tuple[Optional[int], Optional[int]]:
    found: List[Optional[int]] = []
    for path in (layout.STEP, layout.PROGRESS_STEP):
        part = next((p for p in reversed(index.parts) if p.rows.get(path)), None)
        if part is None:
            found.append(None)
            continue
        with h5py.File(place.part(part.name), "r") as file:
            found.append(int(file[path][-1]))
    return found[0], found[1]


def compare_samples(writer: Writer, schema: Schema, data: SampleData) -> None:
    """Refuses to go on with other samples than a run was begun with."""
    begun = [a.path for a in schema.arrays if not a.is_stream]
    if sorted(begun) != sorted([*data.values, *data.texts]):
        raise InputError("describe_samples: the run was begun with other arrays; give those that it was begun with")
    for path, values in data.values.items():
        found = LogicalHash()
        found.update(values)
        array = schema.array(path)
        assert array is not None
        if found.value(array.type, values.shape) != writer.hashes[path].value(array.type, array.shape(0)):
            raise InputError(f"describe_samples: {path}: the run was begun with other values; go on with the same samples")
    for path, texts in data.texts.items():
        if writer.texts.get(path) != texts:
            raise InputError(f"describe_samples: {path}: the run was begun with other texts; go on with the same samples")
