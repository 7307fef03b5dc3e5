"""What an archive holds, decided at its first checkpoint, and its form in ``schema.json``, which the Swift programs read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import prod
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

Attribute = Union[str, int, float]

#: Element types by the name they have in archives, with the type of their bits in memory.
TYPES: Dict[str, Optional[np.dtype]] = {
    name: np.dtype(name)
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64")
}
TYPES["bfloat16"] = np.dtype("uint16")
TYPES["utf8"] = None


@dataclass(frozen=True)
class Filters:
    """Filters of chunks."""

    shuffle: bool = True
    deflate: Optional[int] = 1
    fletcher32: bool = True

    @staticmethod
    def parse(text: str) -> "Filters":
        """Reads ``gzip-1`` to ``gzip-9``, or ``none``."""
        if text == "none":
            return Filters(False, None, False)
        if len(text) == 6 and text.startswith("gzip-") and text[5] in "123456789":
            return Filters(deflate=int(text[5]))
        raise ValueError(f"compression: expected none or gzip-1 to gzip-9, found {text!r}")

    def to_json(self) -> Dict[str, Any]:
        """As Swift's encoder writes it: without what is not there."""
        found: Dict[str, Any] = {"shuffle": self.shuffle, "fletcher32": self.fletcher32}
        return found if self.deflate is None else {**found, "deflate": self.deflate}


@dataclass(frozen=True)
class Axis:
    """One axis; the one that grows while a run is written has no length."""

    name: str
    length: Optional[int]

    @property
    def long_name(self) -> str:
        """What it counts."""
        return f"{self.name} index"


@dataclass
class Array:
    """One array: path, element type, axes (slowest first; only the first may grow), and what is said of it."""

    path: str
    type: str
    axes: List[Axis]
    long_name: str
    units: str = "1"
    coordinates: List[str] = field(default_factory=list)
    attributes: Dict[str, Attribute] = field(default_factory=dict)
    filters: Filters = Filters()

    @property
    def group(self) -> str:
        """Group that holds it."""
        return self.path.rsplit("/", 1)[0] or "/"

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rsplit("/", 1)[1]

    @property
    def dtype(self) -> np.dtype:
        """Type of the bits in memory; of bfloat16 whole numbers."""
        found = TYPES[self.type]
        assert found is not None, self.path
        return found

    @property
    def is_stream(self) -> bool:
        """Whether rows are appended."""
        return self.axes[0].length is None

    @property
    def row_shape(self) -> Tuple[int, ...]:
        """Lengths of one row."""
        return tuple(axis.length or 1 for axis in self.axes[1:])

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return prod(self.row_shape) * self.dtype.itemsize

    def shape(self, rows: int) -> Tuple[int, ...]:
        """Lengths with ``rows`` for the growing axis."""
        return (self.axes[0].length or rows if not self.is_stream else rows, *self.row_shape)

    def chunk(self, rows: int) -> Tuple[int, ...]:
        """Lengths of a chunk of about 1 MiB in an array of ``rows`` rows, cut as the Swift programs cut it: one row (up to 4,096
        short ones), as many of the second axis as fit."""
        budget = (1 << 20) // self.dtype.itemsize
        chunk = [axis.length or 1 for axis in self.axes]
        if self.is_stream and prod(self.row_shape) * 64 <= budget:
            chunk[0] = min(4096, max(1, budget // prod(self.row_shape)))
        for axis in range(1 if self.is_stream else 0, len(chunk)):
            if prod(chunk) <= budget:
                break
            chunk[axis] = max(1, min(chunk[axis], budget // (prod(chunk) // chunk[axis])))
        if self.is_stream:
            chunk[0] = min(chunk[0], max(rows, 1))
        return tuple(chunk)

    def to_json(self) -> Dict[str, Any]:
        """As Swift's encoder writes it."""
        axes = [
            {"name": a.name, "longName": a.long_name, "units": "1", **({} if a.length is None else {"length": a.length})}
            for a in self.axes
        ]
        kinds = {str: "text", int: "integer", float: "number"}
        return {
            "path": self.path, "type": self.type, "axes": axes, "longName": self.long_name, "units": self.units,
            "coordinates": self.coordinates, "filters": self.filters.to_json(), "pattern": "write",
            "attributes": {name: {kinds[type(value)]: {"_0": value}} for name, value in self.attributes.items()},
        }

    @staticmethod
    def from_json(item: Dict[str, Any]) -> "Array":
        """Reads what :meth:`to_json` wrote."""
        return Array(
            item["path"], item["type"], [Axis(a["name"], a.get("length")) for a in item["axes"]], item["longName"],
            item["units"], item["coordinates"],
            {name: next(iter(value.values()))["_0"] for name, value in item["attributes"].items()},
            Filters(item["filters"]["shuffle"], item["filters"].get("deflate"), item["filters"]["fletcher32"]),
        )


@dataclass
class Schema:
    """The whole archive."""

    title: str
    run_id: str
    arrays: List[Array]
    #: Group of the array that a viewer shows first.
    default_group: Optional[str]
    #: The provenance as ``schema.json`` holds it.
    provenance: Dict[str, Any]

    def groups(self) -> Dict[str, List[Array]]:
        """Arrays by their groups, in the order of the first of each."""
        found: Dict[str, List[Array]] = {}
        for array in self.arrays:
            found.setdefault(array.group, []).append(array)
        return found

    def array(self, path: str) -> Optional[Array]:
        """The array at ``path``."""
        return next((array for array in self.arrays if array.path == path), None)

    def to_json(self) -> str:
        """The text of ``schema.json``."""
        content: Dict[str, Any] = {
            "kind": "run", "title": self.title, "runID": self.run_id, "arrays": [a.to_json() for a in self.arrays],
            "provenance": self.provenance,
        }
        if self.default_group is not None:
            content["defaultGroup"] = self.default_group
        return json.dumps(content, sort_keys=True, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "Schema":
        """Reads ``schema.json``."""
        content = json.loads(text)
        return Schema(
            content["title"], content["runID"], [Array.from_json(item) for item in content["arrays"]],
            content.get("defaultGroup"), content["provenance"],
        )
