"""Filters and writes what was appended, off the caller's path: blocks are filtered by a pool of threads, and one more thread hashes
them, writes them into the part of their checkpoint, and makes that durable."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Union

import h5py
import numpy as np

from . import durable, joining, layout
from .codec import Chunk, encode_block
from .errors import RecorderError
from .hashing import LogicalHash
from .memory import Memory
from .parts import Part, PartIndex, PartName, next_merge
from .place import Place
from .provenance import Provenance
from .schema import Array, Schema
from .store import make_dataset, make_group, new_file, write_rows
from .tree import Tree


@dataclass
class Block:
    """Samples of one array in the row of one checkpoint."""

    array: Array
    start: int
    values: np.ndarray
    cost: int
    chunks: "Future[List[Chunk]]"


@dataclass
class Commit:
    """Everything appended since the last one, to be made durable."""

    schema: Schema
    #: Short rows, and arrays that are written once.
    rows: Dict[str, np.ndarray]
    texts: Dict[str, List[str]]
    done: threading.Event = field(default_factory=threading.Event)


class Writer:
    """Makes commits durable, one after another. Everything below the queue belongs to its thread."""

    def __init__(self, place: Place, provenance: Provenance, memory: Memory, threads: int) -> None:
        self.place, self.provenance, self.memory = place, provenance, memory
        #: What went wrong first in the background.
        self.failure: Optional[BaseException] = None
        self.index = PartIndex()
        self.hashes: Dict[str, LogicalHash] = {}
        self.schema: Optional[Schema] = None
        self.texts: Dict[str, List[str]] = {}
        self._file: Optional[h5py.File] = None
        self._rows: Dict[str, int] = {}
        self._retired: List[str] = []
        self._queue: "queue.Queue[Union[Block, Commit, None]]" = queue.Queue()
        self._pool = ThreadPoolExecutor(threads, "isotherm-filter", _step_back)
        self._thread = threading.Thread(target=self._run, name="isotherm-writer", daemon=True)
        self._thread.start()

    # Called by the thread that appends.

    def submit(self, array: Array, start: int, values: np.ndarray, cost: int) -> None:
        """Takes a filled block."""
        self.memory.begin()
        chunks = self._pool.submit(encode_block, values[None], (1, *array.chunk(1)[1:]), array.filters)
        self._queue.put(Block(array, start, values, cost, chunks))

    def commit(self, commit: Commit) -> threading.Event:
        """Starts a commit and returns; the event says that it is through, and :attr:`failure` whether it went well."""
        self._queue.put(commit)
        return commit.done

    def check(self) -> None:
        """Raises what went wrong in the background."""
        if self.failure is not None:
            raise RecorderError(
                f"{self.place.folder}: recording stopped: {reason(self.failure)}; what was acknowledged before is safe: resume=True goes "
                "on from there once the cause is mended"
            ) from self.failure

    def stop(self) -> None:
        """Waits for everything under way, and ends the threads."""
        self._queue.put(None)
        self._thread.join()
        self._pool.shutdown()
        if self._file is not None:
            # Of a part that is given up: what HDF5 cannot write of it matters to nobody.
            with contextlib.suppress(OSError, RuntimeError):
                self._file.close()
            self._file = None

    def seal(self) -> None:
        """Joins all parts into the sealed file. Only after :meth:`stop`."""
        assert self.schema is not None
        rows = self.index.rows
        hashes = {
            array.path: self.hashes[array.path].value(array.type, array.shape(rows.get(array.path, 0)))
            for array in self.schema.arrays
            if array.type != "utf8"
        }
        for path, values in self.texts.items():
            found = LogicalHash()
            found.update_texts(values)
            hashes[path] = found.value("utf8", (len(values),))
        tree = Tree(self.schema, rows, self.texts, self.provenance.texts(finished=True), hashes)
        try:
            joining.seal(self.place, self.schema, tree, self.index, hashes)
        except OSError as error:
            raise RecorderError(
                f"{self.place.file} cannot be written: {reason(error)}; {self.place.folder} holds everything: resume=True and close() seal "
                "it once the cause is mended, isotherm-archive seal as well"
            ) from error

    # The thread that writes.

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            try:
                if self.failure is None:
                    if isinstance(item, Block):
                        self._write_block(item)
                    else:
                        self._write_commit(item)
            except BaseException as error:  # pylint: disable=broad-except
                self.failure = error
            finally:
                if isinstance(item, Block):
                    self.memory.end(item.cost)
                else:
                    item.done.set()
                del item

    def _hash(self, array: Array) -> LogicalHash:
        return self.hashes.setdefault(array.path, LogicalHash())

    @property
    def _part(self) -> PartName:
        number = self.index.parts[-1].name.last + 1 if self.index.parts else 0
        return PartName(number, number)

    @property
    def _temporary(self) -> str:
        return os.path.join(self.place.folder, f".{self._part.file}.tmp")

    def _dataset(self, array: Array, rows: int) -> h5py.Dataset:
        """The array's dataset in the part of this commit."""
        if self._file is None:
            self._file = new_file(self._temporary)
        if array.path not in self._file:
            group = make_group(self._file, array.group)
            make_dataset(group, array, rows, chunk=array.chunk(rows), growing=True)
            self._rows[array.path] = rows
        return self._file[array.path]

    def _write_block(self, block: Block) -> None:
        dataset = self._dataset(block.array, 1)
        self._hash(block.array).update(block.values)
        for offset, stored in block.chunks.result():
            dataset.id.write_direct_chunk((0, offset[1] + block.start, *offset[2:]), stored)

    def _write_commit(self, commit: Commit) -> None:
        if self.schema is None:
            self._store_schema(commit.schema)
        self.schema, self.texts = commit.schema, commit.texts
        for path, values in commit.rows.items():
            array = commit.schema.array(path)
            assert array is not None, path
            write_rows(self._dataset(array, len(values)), array, 0, values)
            self._hash(array).update(values)
        if self._file is None:
            return
        part, temporary = self._part, self._temporary
        self._file.close()
        self._file = None
        durable.replace(self.place.part(part), temporary)
        self.index.parts.append(Part(part, self._rows))
        self._rows = {}
        self.write_index()
        self._merge()

    def _store_schema(self, schema: Schema) -> None:
        for array in schema.arrays:
            if array.type != "utf8":
                self._hash(array)
        temporary = self.place.schema + ".tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(schema.to_json())
        durable.replace(self.place.schema, temporary)

    def write_index(self) -> None:
        """Writes ``index.h5`` anew, durably: what it names is acknowledged from then on."""
        schema = self.schema
        assert schema is not None
        temporary = os.path.join(self.place.folder, ".index.h5.tmp")
        tree = Tree(schema, self.index.rows, self.texts, self.provenance.texts(finished=False))
        with new_file(temporary) as file:
            tree.write(file, lambda g, array, rows: make_dataset(g, array, rows, sources=self.index.sources(array.path)))
        durable.replace(self.place.index, temporary)

    def _merge(self) -> None:
        """Joins old parts while there are many. Those it was made from stay until the next merge, for readers that opened the index
        before."""
        while True:
            window = next_merge([p.name for p in self.index.parts], self.index.last_commit(layout.STEP))
            if window is None:
                return
            assert self.schema is not None
            start, end = window
            merged = joining.merge_parts(self.place, self.schema, self.index.parts[start:end])
            old = self.index.merge(start, end, merged)
            self.write_index()
            for file in self._retired:
                os.unlink(os.path.join(self.place.folder, file))
            self._retired = [name.file for name in old]


def reason(error: BaseException) -> str:
    """What went wrong, in one line: HDF5 puts several into one."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__


def _step_back() -> None:
    """Lets the threads that compute go first."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
