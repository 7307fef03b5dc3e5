"""Numbers a step of training, and numbers a checkpoint."""

from __future__ import annotations

import re
import time
from typing import Dict, List, Mapping, Optional

import numpy as np

from . import layout
from .errors import InputError
from .schema import Array, Axis, Schema

#: Seconds after which rows are made durable without a checkpoint.
_INTERVAL = 30.0

_WORDS = {
    "loss": ("mean loss of the step's batch", "nat"),
    "accuracy": ("share of the step's batch classified rightly", "1"),
    "learning_rate": ("learning rate", "1"),
    "gradient_norm": ("global gradient norm before clipping", "1"),
    "epoch": ("passes over the training split", "1"),
    "test_loss": ("mean loss on the test split", "nat"),
    "test_accuracy": ("share of the test split classified rightly", "1"),
    "validation_loss": ("mean loss on the validation samples", "nat"),
    "validation_accuracy": ("share of the validation samples classified rightly", "1"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("step", "seconds", "checkpoint", "parameters")


class Scalars:
    """Rows that wait for the next commit, and the arrays they belong to."""

    def __init__(self) -> None:
        self._progress: List[str] = []
        self._scores: Optional[List[str]] = None
        self._rows: List[Dict[str, float]] = []
        self._last: Optional[int] = None
        self._began = time.monotonic()
        self._committed = self._began

    def take_over(self, schema: Schema, last: Optional[int]) -> None:
        """Goes on with what an interrupted run holds."""
        names: Dict[str, List[str]] = {"/progress": [], "/checkpoints": []}
        for array in schema.arrays:
            if array.group in names and array.name not in _RESERVED:
                names[array.group].append(array.name)
        self._progress, self._scores, self._last = names["/progress"], names["/checkpoints"], last

    def add(self, step: int, values: Mapping[str, float], is_begun: bool) -> None:
        """Takes the row of a step."""
        if not isinstance(step, (int, np.integer)) or not 0 <= step < 2**31 or (self._last is not None and step <= self._last):
            raise InputError(f"scalars: step {step!r}: expected a whole number after the last one's {self._last}")
        unknown = [name for name in values if name not in self._progress]
        if unknown and is_begun:
            raise InputError(
                f"scalars: {unknown[0]} was not there at the first checkpoint, which had {', '.join(self._progress) or 'none'}; give "
                "every name once before it"
            )
        row = {name: _number(f"scalars: {name}", value) for name, value in values.items()}
        for name in unknown:
            _check_name(name)
        self._progress += unknown
        row.update(step=int(step), seconds=time.monotonic() - self._began)
        self._rows.append(row)
        self._last = int(step)

    def scores(self, values: Mapping[str, float], is_begun: bool) -> Dict[str, np.ndarray]:
        """The rows of a checkpoint's scores."""
        if is_begun and sorted(self._scores or []) != sorted(values):
            raise InputError(
                f"checkpoint: expected the scores of the first one, {', '.join(self._scores or []) or 'none'}, found "
                f"{', '.join(values) or 'none'}"
            )
        found = {layout.checkpoint(name): np.array([_number(name, value)]) for name, value in values.items()}
        if not is_begun:
            for name in values:
                _check_name(name)
            self._scores = list(values)
        return found

    @property
    def has_rows(self) -> bool:
        """Whether rows wait."""
        return bool(self._rows)

    @property
    def is_due(self) -> bool:
        """Whether rows have waited long enough."""
        return bool(self._rows) and time.monotonic() - self._committed > _INTERVAL

    def take_rows(self) -> Dict[str, np.ndarray]:
        """Gives up the rows that wait."""
        rows, self._rows = self._rows, []
        self._committed = time.monotonic()
        if not rows:
            return {}
        found = {
            layout.progress(name): np.array([row.get(name, np.nan) for row in rows], np.float64)
            for name in [*self._progress, "seconds"]
        }
        found[layout.PROGRESS_STEP] = np.array([row["step"] for row in rows], np.int32)
        return found

    @property
    def arrays(self) -> List[Array]:
        """All arrays, the steps last: a viewer shows the first."""
        found: List[Array] = []
        step, checkpoint = Axis("step", None), Axis("checkpoint", None)
        if self._progress:
            clocks = ["epoch", "seconds"] if "epoch" in self._progress else ["seconds"]
            for name in self._progress:
                words, units = _WORDS.get(name, (name.replace("_", " "), "1"))
                array = Array(layout.progress(name), "float64", [step], words, units)
                array.coordinates = clocks if name not in clocks else []
                array.attributes = {"nan_meaning": "not given at this step"}
                found.append(array)
            seconds = Array(layout.progress("seconds"), "float64", [step], "time since the start", "s")
            seconds.attributes = {"wall_clock": 1}
            found += [seconds, Array(layout.PROGRESS_STEP, "int32", [step], "optimiser step")]
        found.append(Array(layout.STEP, "int32", [checkpoint], "optimiser steps done"))
        for name in self._scores or []:
            words, units = _WORDS.get(name, (name.replace("_", " "), "1"))
            array = Array(layout.checkpoint(name), "float64", [checkpoint], words, units)
            array.attributes = {"nan_meaning": "not known at this checkpoint"}
            found.append(array)
        return found


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise InputError(f"{name!r} is no name of a scalar; take small letters, digits and _, other than {', '.join(_RESERVED)}")


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected a number, found {value!r}") from None
