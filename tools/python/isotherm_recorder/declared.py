"""Which taps and parameters a run has, and whether values fit them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, List, Mapping, Tuple

from . import layout
from .errors import InputError
from .schema import Array, Axis, Filters, Schema
from .stream import Stream, Values
from .taps import Tap

#: Axes that have one length throughout a network, and what they are called in common.
_SHARED = {"position": "positions", "query": "positions", "key": "positions", "channel": "channels"}


class Declared:
    """Arrays of a run by their path, decided at its first checkpoint."""

    def __init__(self, samples: int, type: str, fewer: Mapping[str, int], filters: Filters) -> None:
        self.samples, self._type, self._fewer, self._filters = samples, type, fewer, filters
        #: Taps and parameters.
        self.arrays: Dict[str, Array] = {}
        #: Arrays that are written once.
        self.fixed: List[Array] = []
        #: Samples of the checkpoint under way, by tap.
        self.seen: Dict[str, int] = {}
        self._lengths: Dict[str, Tuple[int, str]] = {}

    def take_over(self, schema: Schema) -> None:
        """Goes on with what an interrupted run holds."""
        for array in schema.arrays:
            if "tap" in array.attributes or array.path.startswith(layout.parameter("")):
                self.accept(array)
            elif not array.is_stream:
                self.fixed.append(array)

    def accept(self, array: Array) -> None:
        """Makes an array one of the run's."""
        self.arrays[array.path] = array
        tap = array.attributes.get("tap")
        for axis in array.axes if tap else ():
            if _counts(str(tap), axis.name):
                self._lengths.setdefault(_SHARED[axis.name], (axis.length or 0, str(tap)))

    def tap(self, tap: Tap, values: Values, is_begun: bool) -> Array:
        """The array of a tap; refuses values that do not fit it, or the other taps."""
        name, shape = str(tap), values.bits.shape
        axes = tap.axes(len(shape))
        if 0 in shape:
            raise InputError(f"{name}: expected values, found the shape {list(shape)}")
        known = self.arrays.get(tap.path)
        if known is not None:
            expected = known.row_shape[1:]
            if expected != shape[1:]:
                raise InputError(
                    f"{name}: expected {_words(axes[1:], expected)} as in the samples before, found {_words(axes[1:], shape[1:])}; "
                    "pad samples to one length, and give the mask to describe_samples()"
                )
            self._check_type(name, values, known)
            return known
        if is_begun:
            raise InputError(f"{name}: it was not in the first checkpoint, and an archive has the same taps at all")
        for axis, length in zip(axes, shape):
            common = _SHARED.get(axis)
            if common in self._lengths and _counts(name, axis) and self._lengths[common][0] != length:
                other, owner = self._lengths[common]
                raise InputError(
                    f"{name}: expected {other} {common} as {owner} has, found {length} along {axis} of [{', '.join(axes)}]; put the "
                    "axes in this order, and pad samples to one length"
                )
        if axes[-2:] == ("query", "key") and shape[-1] != shape[-2]:
            raise InputError(f"{name}: expected as many keys as queries, found {_words(axes[1:], shape[1:])}; cross-attention has no tap")
        kept = min([count for pattern, count in self._fewer.items() if fnmatchcase(name, pattern)] + [self.samples])
        lengths = [Axis("checkpoint", None), Axis("sample", kept), *(Axis(a, n) for a, n in zip(axes[1:], shape[1:]))]
        return Array(tap.path, self._stored(values), lengths, tap.long_name, attributes={"tap": name}, filters=self._filters)

    def parameter(self, name: str, values: Values, is_begun: bool) -> Array:
        """The array of a parameter. Axes are named by their length, so that no name of the group has two."""
        if "/" in name or not name:
            raise InputError(f"parameter {name!r}: expected a name without /")
        shape = values.bits.shape or (1,)
        known = self.arrays.get(layout.parameter(name))
        if known is not None:
            if known.row_shape != shape:
                raise InputError(f"parameter {name}: expected the shape {list(known.row_shape)}, found {list(shape)}")
            self._check_type(name, values, known)
            return known
        if is_begun or 0 in shape:
            what = "it was not in the first checkpoint" if is_begun else f"it has the shape {list(shape)}"
            raise InputError(f"parameter {name}: {what}; an archive has the same parameters, none of them empty, at all checkpoints")
        names = ["of_{}", "input_of_{}"] + [f"axis_{place}_of_{{}}" for place in range(2, len(shape))]
        axes = [Axis("checkpoint", None), *(Axis(names[place].format(n), n) for place, n in enumerate(shape))]
        return Array(layout.parameter(name), self._stored(values), axes, name, filters=self._filters)

    def _stored(self, values: Values) -> str:
        return values.type if self._type == "keep" else self._type

    def _check_type(self, name: str, values: Values, known: Array) -> None:
        if self._type == "keep" and values.type != known.type:
            raise InputError(f"{name}: expected {known.type} as before, found {values.type}; type=\"float32\" takes both")

    def check_tokens(self) -> None:
        """Refuses token ids of another length than the states; a class token may come on top."""
        positions, owner = self._lengths.get("positions", (None, ""))
        tokens = next((a.row_shape[0] for a in self.fixed if a.path == layout.sample("token")), None)
        if positions is not None and tokens is not None and positions not in (tokens, tokens + 1):
            raise InputError(f"tokens: expected {positions} positions as {owner} has, found {tokens}; describe the samples as they were run")

    def check_whole(self, streams: Mapping[str, Stream]) -> None:
        """Refuses to end a checkpoint in which something is missing."""
        if not streams:
            raise InputError("checkpoint: nothing was appended; append(tap, values), or watch(module) and run it, first")
        for path, stream in streams.items():
            tap = stream.array.attributes.get("tap")
            if tap is None:
                found, expected = stream.filled, stream.length
            else:
                found, expected = self.seen.get(str(tap), 0), self.samples
            if found < expected:
                what = f"{found} of {expected} samples were appended" if tap else "it was not given"
                raise InputError(f"checkpoint: {tap or path}: {what} since the last checkpoint; append the rest first")


def _counts(tap: str, axis: str) -> bool:
    """Whether an axis of a tap has the network's common length: a pooled state may be of another width."""
    return axis in _SHARED and tap != "pooled"


def _words(axes: Tuple[str, ...], shape: Tuple[int, ...]) -> str:
    return "[" + ", ".join(f"{axis} {length}" for axis, length in zip(axes, shape)) + "]"
