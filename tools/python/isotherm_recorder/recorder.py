"""The recorder: values in while a network runs, an archive out."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Type, Union

import numpy as np

from . import layout, resuming, sample_data
from .declared import Declared
from .errors import InputError, RecorderError
from .memory import Memory
from .place import Place
from .provenance import Provenance, configuration_text
from .scalars import Scalars
from .schema import Array, Filters, Schema
from .stream import Stream, Values, on_host
from .taps import Tap
from .writer import Commit, Writer

if TYPE_CHECKING:
    from torch import nn

    from .torch_taps import Watch


#: Checkpoints on their way to disk beyond which the next one waits.
_PENDING = 16


class Recorder:
    """Writes the archive ``NAME.h5`` while a network runs.

    Until :meth:`close` it is the folder ``NAME.run``, which every reader takes too. A checkpoint is safe from kills and power cuts once
    :meth:`checkpoint` has returned. One thread at a time may use a recorder.

    :param path: ``NAME``, with or without ``.h5``.
    :param title: one line for people.
    :param samples: number of samples captured at every checkpoint.
    :param type: what floating-point values are stored as: ``float32``, ``float64``, ``float16``, ``bfloat16``, or ``keep`` for what they
        come as. h5py reads bfloat16 as float32; netCDF4-python reads neither of the halves.
    :param fewer: taps, by glob, of which only the first so many samples are kept: ``{"attention.*.map": 16}``.
    :param configuration: what the run was made with: YAML text, or a dictionary.
    :param seed: the seed of the run.
    :param memory: bytes that values on their way to the disk may take, before and after compression; appending waits beyond it.
        At least two blocks for each tap are taken (a block is about 1 MiB, or one sample where that is more).
    :param threads: threads that compress; as many as processors, four at most, unless told.
    :param compression: ``gzip-1`` to ``gzip-9`` (with shuffle and checksums), or ``none``.
    :param allow_nan: store NaN and infinities instead of refusing them.
    :param replace: replace an archive of this name; it stays until the new one is sealed.
    :param resume: go on with a run of this name that was interrupted, from its last checkpoint (:attr:`step`); begin where there is none.
    :param keep_parts: leave the folder beside the sealed file.
    :param rank: number of this process among several; each writes ``NAME-rank-N``, and ``isotherm-archive merge`` joins them.
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        title: Optional[str] = None,
        samples: Optional[int] = None,
        type: str = "float32",  # pylint: disable=redefined-builtin
        fewer: Optional[Mapping[str, int]] = None,
        configuration: Union[str, Mapping[str, Any], None] = None,
        seed: Optional[int] = None,
        memory: int = 256 << 20,
        threads: Optional[int] = None,
        compression: str = "gzip-1",
        allow_nan: bool = False,
        replace: bool = False,
        resume: bool = False,
        keep_parts: bool = False,
        rank: Optional[int] = None,
    ) -> None:
        place = Place(os.fspath(path))
        if rank is not None:
            place = Place(f"{place.stem}-rank-{rank}")
        if type not in ("float32", "float64", "float16", "bfloat16", "keep"):
            raise InputError(f"type: expected float32, float64, float16, bfloat16 or keep, found {type!r}")
        try:
            filters = Filters.parse(compression)
        except ValueError as error:
            raise InputError(str(error)) from None
        self.place = place
        #: Name of the sealed file.
        self.path = place.file
        #: Bytes that values on their way to the disk may take.
        self.memory = memory
        self._memory = Memory(memory)
        # Values of a device arrive by a thread of their own.
        self._values = threading.RLock()
        self._threads = threads or max(1, min(4, os.cpu_count() or 1))
        self._allow_nan, self._keep_parts = allow_nan, keep_parts
        self._schema: Optional[Schema] = None
        self._streams: Dict[str, Stream] = {}
        self._fixed: Dict[str, np.ndarray] = {}
        self._texts: Dict[str, List[str]] = {}
        self._step: Optional[int] = None
        self._acknowledged: Optional[int] = None
        self._pending: List[Any] = []
        self._watches: List["Watch"] = []
        self._paused = 0
        self._is_open = False

        begun = resuming.open_run(place, replace) if resume else None
        if begun is None:
            if not resume:
                place.check(replacing=replace)
            if title is None or samples is None:
                raise InputError("a new run needs title=... and samples=...")
        else:
            title = begun.schema.title if title is None else title
            samples = begun.settings["samples"] if samples is None else samples
        try:
            if not isinstance(samples, int) or samples < 1:
                raise InputError(f"samples: expected a whole number from 1, found {samples!r}")
            settings = {"samples": samples, "type": type, "fewer": dict(fewer or {}), "compression": compression}
            provenance = Provenance.of_this_process(configuration_text(settings, configuration), seed)
            self._declared = Declared(samples, type, dict(fewer or {}), filters)
            #: Number of the first sample, where none is given.
            self._first = (rank or 0) * samples
            self._scalars = Scalars()
            if begun is None:
                self._title, self._run_id = title, str(uuid.uuid4())
                self._lock = place.make_folder(replace or resume)
            else:
                self._lock = begun.lock
                begun.go_on(provenance)
        except BaseException:
            if begun is not None:
                begun.lock.release()
            raise
        self._writer = Writer(place, provenance, self._memory, self._threads)
        self._is_open = True
        if begun is not None:
            self._take_over(begun)

    def _take_over(self, begun: "resuming.BegunRun") -> None:
        self._title, self._run_id, self._schema = begun.schema.title, begun.schema.run_id, begun.schema
        self._step = self._acknowledged = begun.step
        self._texts = begun.texts
        begun.hand_to(self._writer)
        self._declared.take_over(begun.schema)
        self._scalars.take_over(begun.schema, begun.last_progress)
        for array in self._declared.arrays.values():
            self._stream(array)

    # What it says of itself.

    @property
    def step(self) -> Optional[int]:
        """Step of the last checkpoint; None before the first. A resumed run goes on after it."""
        return self._step

    @property
    def acknowledged(self) -> Optional[int]:
        """Step of the last checkpoint that is safe on the disk."""
        self._note_acknowledged()
        return self._acknowledged

    def _note_acknowledged(self) -> None:
        while self._pending and self._pending[0][1].is_set() and self._writer.failure is None:
            self._acknowledged = self._pending.pop(0)[0]

    @property
    def peak_memory(self) -> int:
        """Most bytes that values on their way took at once."""
        return self._memory.peak

    @property
    def waited(self) -> float:
        """Seconds that appending waited for the disk because the bound on memory was full."""
        return self._memory.waited

    # Values.

    def describe_samples(
        self,
        *,
        tokens: Any = None,
        mask: Any = None,
        labels: Any = None,
        split: Any = None,
        index: Any = None,
        images: Any = None,
        texts: Optional[Sequence[str]] = None,
        classes: Optional[Sequence[str]] = None,
    ) -> None:
        """Says what the samples are, once, before the first checkpoint.

        :param tokens: ids ``[sample, position]``.
        :param mask: 1 at tokens, 0 at padding, ``[sample, position]``.
        :param labels: class of each sample, from 0.
        :param split: ``train`` or ``test`` (0 or 1) of each sample.
        :param index: number of each sample in the data set, all different; 0, 1, 2 … unless given.
        :param images: grey images ``[sample, y, x]``, uint8.
        :param texts: text of each sample.
        :param classes: names of the classes.
        """
        self._check()
        arrays = {"tokens": tokens, "mask": mask, "labels": labels, "split": split, "index": index, "images": images}
        hosted: Dict[str, Any] = {name: on_host(values) for name, values in arrays.items()}
        found = sample_data.describe(self._declared.samples, self._first, texts=texts, classes=classes, **hosted)
        if self._schema is not None:
            resuming.compare_samples(self._writer, self._schema, found)
            return
        self._declared.fixed = found.arrays
        self._fixed, self._texts = found.values, found.texts

    def append(self, tap: str, values: Any) -> None:
        """Appends samples ``[sample, ...]`` to a tap of the checkpoint under way; NumPy or PyTorch. They are copied."""
        self.take(Tap.parse(tap), Values.of(values, tap))

    def take(self, tap: Tap, values: Values) -> None:
        """Appends values of a parsed name, as :meth:`append` does."""
        with self._values:
            self._take(tap, values)

    def _take(self, tap: Tap, values: Values) -> None:
        self._check()
        name = str(tap)
        array = self._declared.tap(tap, values, self._schema is not None)
        stream = self._streams.get(array.path)
        filled, count = (stream.filled if stream else 0), len(values.bits)
        limit = self._declared.samples
        if self._declared.seen.get(name, 0) + count > limit:
            raise InputError(
                f"{name}: {self._declared.seen.get(name, 0) + count} samples since the last checkpoint, expected {limit}; call "
                "checkpoint(step) after each pass over the samples, and run what is not to be captured within paused()"
            )
        kept = Values(values.bits[: array.row_shape[0] - filled], values.type)
        if not self._allow_nan:
            kept.check_finite(name, array.type)
        self._declared.seen[name] = self._declared.seen.get(name, 0) + count
        self._stream(array).put(kept)

    def _stream(self, array: Array) -> Stream:
        """The stream of an array, which becomes one of the run's."""
        if array.path not in self._streams:
            self._streams[array.path] = Stream(array, self._memory, self._writer.submit)
            self._declared.accept(array)
        return self._streams[array.path]

    def parameters(self, source: Any) -> None:
        """Stores weights with the checkpoint under way: of a module (what of its state is no whole number), or by name. Every checkpoint
        must have the same."""
        self._check()
        named = source.state_dict() if hasattr(source, "state_dict") else dict(source)
        hosted = {name: on_host(values) for name, values in named.items()}
        found = {n: Values.of(v, n) for n, v in hosted.items() if isinstance(v, Values) or np.asarray(v).dtype.kind not in "iub"}
        with self._values:
            self._take_parameters(found)

    def _take_parameters(self, found: Dict[str, Values]) -> None:
        arrays = {name: self._declared.parameter(name, v, self._schema is not None) for name, v in found.items()}
        for name, values in found.items():
            stream = self._streams.get(arrays[name].path)
            if stream is not None and stream.filled:
                raise InputError(f"{name}: its values are there already for this checkpoint; call checkpoint(step) first")
            if not self._allow_nan:
                values.check_finite(name, arrays[name].type)
        for name, values in found.items():
            self._stream(arrays[name]).put(Values(np.atleast_1d(values.bits), values.type))

    def scalars(self, step: int, **values: float) -> None:
        """A row of numbers a step of training: ``loss``, ``accuracy``, ``learning_rate``, ``gradient_norm``, ``epoch``, or any name.

        Which there are is decided by the first checkpoint; one that is not given at a step is NaN there. They are made durable with the
        next checkpoint, or after 30 s.
        """
        self._check()
        self._scalars.add(step, values, self._schema is not None)
        if self._schema is not None and self._scalars.is_due:
            self._commit({})

    def watch(
        self,
        module: "nn.Module",
        taps: Union[str, Sequence[str], Mapping[str, str], None] = None,
        *,
        names: Optional[Mapping[str, str]] = None,
        preset: Optional[str] = None,
        gradients: Optional[str] = None,
        when: str = "always",
    ) -> "Watch":
        """Captures what a PyTorch module computes at every forward pass outside of :meth:`paused`, until the result's ``remove()``.

        :param taps: globs of taps (``residual.*.post``) or of modules (``*.attention``); the residual stream at every depth and the
            attention maps unless told. A dictionary is taken as ``names``.
        :param names: which module is which tap, where no preset knows: ``{"blocks.*": "residual.{}.post", "blocks.0:input":
            "residual.0.pre", "blocks.*.attn:1": "attention.{}.map"}``.
        :param preset: ``huggingface`` or ``transformerlens``; found out unless told.
        :param gradients: capture gradients of the same taps in backward passes too, as gradients of each sample's own loss: ``sum``
            where the loss is a sum over samples, ``mean`` where it is a mean over the batch.
        :param when: ``always``, or ``eval`` for passes of ``module.eval()`` alone.
        """
        self._check()
        from . import torch_taps  # pylint: disable=import-outside-toplevel

        if isinstance(taps, Mapping):
            names = {**taps, **(names or {})}
            taps = None
        elif isinstance(taps, str):
            taps = [taps]
        watch = torch_taps.watch(self, module, taps, names=names, preset=preset, gradients=gradients, when=when)
        self._watches.append(watch)
        return watch

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Forward passes within are not captured."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    @property
    def is_paused(self) -> bool:
        """Whether forward passes are not captured now."""
        return self._paused > 0

    # Commits.

    def checkpoint(self, step: int, *, wait: bool = True, **scores: float) -> None:
        """Ends a checkpoint: everything appended since the last one belongs to it.

        Returns when it is durable. With ``wait=False`` it returns at once, and :attr:`acknowledged` or :meth:`flush` tell.

        :param scores: numbers a checkpoint, such as ``test_loss`` and ``test_accuracy``; the same at each.
        """
        self._check()
        for watch in self._watches:
            watch.flush()
            watch.check_all_seen(self._declared.seen)
        least = 0 if self._step is None else self._step + 1
        if not isinstance(step, (int, np.integer)) or not least <= step < 2**31:
            raise InputError(f"checkpoint {step!r}: expected a whole number from {least}, beyond the last checkpoint's step")
        self._declared.check_whole(self._streams)
        rows = self._scalars.scores(scores, self._schema is not None)
        if self._schema is None:
            self._declare_schema()
            rows.update(self._fixed)
            self._fixed = {}
        while len(self._pending) >= _PENDING:
            # Bounded in number as well as in bytes.
            self._pending[0][1].wait()
            self._writer.check()
            self._note_acknowledged()
        self._step = int(step)
        rows[layout.STEP] = np.array([step], np.int32)
        done = self._commit(rows)
        self._pending.append((self._step, done))
        for stream in self._streams.values():
            stream.next_row()
        self._declared.seen.clear()
        if wait:
            self.flush()

    def _declare_schema(self) -> None:
        if not self._declared.fixed:
            found = sample_data.describe(self._declared.samples, self._first)
            self._declared.fixed, self._fixed = found.arrays, found.values
        self._declared.check_tokens()
        taps = list(self._declared.arrays.values())
        arrays: List[Array] = [*self._declared.fixed, *self._scalars.arrays, *taps]
        group = next((a.group for a in taps if a.path.startswith("/activations")), None)
        self._schema = Schema(self._title or "", self._run_id, arrays, group, self._writer.provenance.to_json())

    def _commit(self, rows: Dict[str, np.ndarray]) -> "threading.Event":
        assert self._schema is not None
        rows.update(self._scalars.take_rows())
        return self._writer.commit(Commit(self._schema, rows, self._texts))

    def flush(self) -> None:
        """Waits until every checkpoint so far is durable."""
        for _, done in self._pending:
            done.wait()
        self._writer.check()
        self._note_acknowledged()

    # The end.

    def close(self) -> None:
        """Ends the run: commits what is left, and seals the folder into ``NAME.h5``."""
        if not self._is_open:
            return
        try:
            for watch in self._watches:
                watch.flush()
            begun = sorted(path for path, stream in self._streams.items() if stream.filled)
            if begun:
                raise InputError(
                    f"{begun[0]}: values were appended after the last checkpoint; call checkpoint(step) before close(), or abandon() "
                    "to leave them out"
                )
            if self._schema is None:
                raise RecorderError(f"nothing was recorded for {self.path}: checkpoint(step) was never called")
            if self._scalars.has_rows:
                self._commit({}).wait()
            self.flush()
            self._writer.stop()
            self._writer.check()
            self._writer.seal()
            if not self._keep_parts:
                self.place.remove_parts()
        except BaseException:
            self.abandon()
            raise
        self._end()

    def abandon(self) -> None:
        """Stops without sealing. The folder stays, for ``resume=True`` or ``isotherm-archive seal``; where no checkpoint was
        acknowledged it goes."""
        if not self._is_open:
            return
        self._writer.stop()
        self.place.remove_uncommitted()
        self._end()

    def _end(self) -> None:
        self._is_open = False
        for watch in self._watches:
            watch.remove()
        self._lock.release()

    def _check(self) -> None:
        if not self._is_open:
            raise RecorderError(f"{self.path}: the recorder is closed")
        self._writer.check()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()
