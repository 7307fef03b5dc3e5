"""Parts of a run: their names, which of them to merge, where in them the rows of each array lie."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Tuple

import h5py

from .errors import RecorderError
from .schema import Schema
from .store import Source

_PART = re.compile(r"part-(\d+)(?:-(\d+))?\.h5")


class PartName(NamedTuple):
    """A part file by the first and the last commit whose rows it holds: ``part-000007.h5`` is one commit,
    ``part-000000-000015.h5`` holds sixteen that were merged."""

    first: int
    last: int

    @staticmethod
    def parse(file: str) -> Optional["PartName"]:
        """Reads a file name; None when it is not a part's."""
        match = _PART.fullmatch(file)
        if not match:
            return None
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        return PartName(first, last) if last >= first else None

    @property
    def file(self) -> str:
        """File name in the run's folder."""
        return f"part-{self.first:06d}" + (f"-{self.last:06d}" if self.last > self.first else "") + ".h5"

    @property
    def tier(self) -> int:
        """How often rows of it were merged, by the number of its commits."""
        tier, size = 0, 1
        while size < self.last - self.first + 1:
            tier, size = tier + 1, size * FAN
        return tier


#: Parts beyond which neighbours are merged, and how many of them at a time.
LIMIT = 64
FAN = 16


def next_merge(parts: List[PartName], anchor: Optional[int]) -> Optional[Tuple[int, int]]:
    """Range of neighbours to join now, the oldest of the lowest tier; None when there are few enough parts.

    A row is copied once a tier, log₁₆ of the commits in all. A merged part never reaches over ``anchor``, the last commit with a
    checkpoint: resuming gives up what lies after it, and a part is kept or given up whole.
    """
    if len(parts) <= LIMIT:
        return None
    border = next((i for i, p in enumerate(parts) if anchor is not None and p.first > anchor), len(parts))
    starts = [*range(border - FAN + 1), *range(border, len(parts) - FAN + 1)]
    if not starts:
        return None
    start = min(starts, key=lambda start: max(part.tier for part in parts[start : start + FAN]))
    return start, start + FAN


@dataclass
class Part:
    """One part and how many rows of each array it holds."""

    name: PartName
    rows: Dict[str, int]


class PartIndex:
    """The parts of a run in order, without a gap."""

    def __init__(self) -> None:
        self.parts: List[Part] = []

    @property
    def rows(self) -> Dict[str, int]:
        """Rows of each array in all parts."""
        total: Dict[str, int] = {}
        for part in self.parts:
            for path, count in part.rows.items():
                total[path] = total.get(path, 0) + count
        return total

    def sources(self, path: str) -> List[Source]:
        """Where the rows of an array lie."""
        found: List[Source] = []
        start = 0
        for part in self.parts:
            count = part.rows.get(path, 0)
            if count:
                found.append(Source(part.name.file, path, start, count))
                start += count
        return found

    def last_commit(self, path: str) -> Optional[int]:
        """Last commit whose part holds rows of ``path``."""
        return next((part.name.last for part in reversed(self.parts) if part.rows.get(path)), None)

    def merge(self, start: int, end: int, merged: PartName) -> List[PartName]:
        """Names the merged part in place of those it was made from; returns these."""
        old = self.parts[start:end]
        rows: Dict[str, int] = {}
        for part in old:
            for path, count in part.rows.items():
                rows[path] = rows.get(path, 0) + count
        self.parts[start:end] = [Part(merged, rows)]
        return [part.name for part in old]

    @staticmethod
    def read(folder: str, schema: Schema) -> Tuple["PartIndex", List[str]]:
        """The parts as a kill or a power cut left them, and the files that are left over.

        A part under its final name is whole: it was renamed after its fsync. Where a merged part and the parts it was made from are
        both there, the merged one counts.
        """
        names = os.listdir(folder)
        found = [part for part in map(PartName.parse, names) if part]
        index = PartIndex()
        number = 0
        while True:
            name = max((part for part in found if part.first == number), default=None, key=lambda part: part.last)
            if name is None:
                break
            index.parts.append(Part(name, _rows(os.path.join(folder, name.file), schema)))
            number = name.last + 1
        kept = {part.name.file for part in index.parts}
        return index, [file for file in names if PartName.parse(file) and file not in kept]


def _rows(path: str, schema: Schema) -> Dict[str, int]:
    rows: Dict[str, int] = {}
    try:
        with h5py.File(path, "r") as file:
            for array in schema.arrays:
                if array.path in file:
                    shape = file[array.path].shape
                    if tuple(shape[1:]) != array.row_shape:
                        raise RecorderError(
                            f"{path}:{array.path}: expected rows of {list(array.row_shape)}, found {list(shape[1:])}; the "
                            "folder's schema.json belongs to another run"
                        )
                    rows[array.path] = int(shape[0])
    except OSError as error:
        raise RecorderError(
            f"{path} cannot be read: {error}; put a whole copy of it back, or move it and later parts away to keep what lies "
            "before it"
        ) from error
    return rows
