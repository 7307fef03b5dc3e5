"""What is said of the captured samples: ids, labels, split, and the input itself."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import layout
from .errors import InputError
from .schema import Array, Axis


class SampleData(NamedTuple):
    """Arrays that are written once."""

    arrays: List[Array]
    values: Dict[str, np.ndarray]
    texts: Dict[str, List[str]]


def describe(
    count: int,
    first: int,
    *,
    tokens: Any = None,
    mask: Any = None,
    labels: Any = None,
    split: Any = None,
    index: Any = None,
    images: Any = None,
    texts: Optional[Sequence[str]] = None,
    classes: Optional[Sequence[str]] = None,
) -> SampleData:
    """Checks everything before anything is kept; ``first`` is the index of the first sample where none is given."""
    data = SampleData([], {}, {})
    sample = Axis("sample", count)

    def add(name: str, values: np.ndarray, kind: str, axes: List[Axis], words: str, **attributes: str) -> None:
        data.arrays.append(Array(layout.sample(name), kind, axes, words, attributes=dict(attributes)))
        data.values[layout.sample(name)] = values.astype(kind)

    ids = np.arange(first, first + count) if index is None else _whole("index", index, (count,), 0)
    if len(np.unique(ids)) < count:
        values, counts = np.unique(ids, return_counts=True)
        raise InputError(f"index: sample {values[counts > 1][0]} is there {counts.max()} times; give every sample a number of its own")
    add("index", ids, "int32", [sample], "position in the data set")
    if labels is not None:
        found = _whole("labels", labels, (count,), 0)
        if classes is not None and found.max(initial=0) >= len(classes):
            raise InputError(f"labels: class {found.max()} is not among the {len(classes)} classes; number them from 0, and name each")
        add("label", found, "int32", [sample], "class")
    if split is not None:
        add("split", _split(split, count), "uint8", [sample], "0 train, 1 test", flag_meanings="train test")
    if tokens is not None:
        found = _whole("tokens", tokens, (count, None), 0)
        position = Axis("position", found.shape[1])
        add("token", found, "int32", [sample, position], "token ids")
    if mask is not None:
        _add_mask(add, data, mask, sample, count)
    if images is not None:
        found = np.asarray(images)
        if found.dtype != np.uint8 or found.ndim != 3 or len(found) != count:
            raise InputError(f"images: expected uint8 [{count}, y, x], found {found.dtype} {list(found.shape)}")
        add("image", found, "uint8", [sample, Axis("y", found.shape[1]), Axis("x", found.shape[2])], "grey image")
    for name, strings, axis, path in (
        ("texts", texts, sample, layout.sample("text")),
        ("classes", classes, Axis("class", len(classes or ())), layout.CLASS_NAME),
    ):
        if strings is None:
            continue
        if len(strings) != axis.length or not strings or not all(isinstance(v, str) and "\0" not in v for v in strings):
            raise InputError(f"{name}: expected {axis.length or 'at least one'} strings, found {len(strings)} values")
        data.arrays.append(Array(path, "utf8", [axis], "text of the tokens" if name == "texts" else "name of each class"))
        data.texts[path] = list(strings)
    return data


def _add_mask(add: Any, data: SampleData, mask: Any, sample: Axis, count: int) -> None:
    found = _whole("mask", mask, (count, None), 0)
    tokens = data.values.get(layout.sample("token"))
    if tokens is not None and tokens.shape != found.shape:
        raise InputError(f"mask: expected the shape of the tokens {list(tokens.shape)}, found {list(found.shape)}")
    if found.max(initial=0) > 1 or not found.any(axis=1).all():
        raise InputError("mask: expected 1 at tokens and 0 at padding, and a token in every sample")
    add("mask", found, "uint8", [sample, Axis("position", found.shape[1])], "1 at tokens, 0 at padding, which nothing attends to")
    if (np.diff(found.astype(np.int8), axis=1) <= 0).all():
        # Padding lies behind: its lengths say all, and analyses leave it out.
        add("length", found.sum(axis=1), "int32", [sample], "tokens that are no padding")


def _whole(name: str, values: Any, shape: Sequence[Optional[int]], least: int) -> np.ndarray:
    """Whole numbers of a shape; None stands for any length."""
    try:
        found = np.asarray(values)
    except ValueError:
        found = np.empty(0, object)
    if found.dtype == object:
        raise InputError(f"{name}: expected an array, found rows of different lengths; pad them to one length, and give the mask")
    if found.dtype == bool:
        found = found.astype(np.uint8)
    if found.dtype.kind not in "iu":
        raise InputError(f"{name}: expected whole numbers, found {found.dtype}")
    fits = found.ndim == len(shape) and all(want in (None, n) for want, n in zip(shape, found.shape))
    if not fits or found.size == 0:
        words = ", ".join("positions" if n is None else str(n) for n in shape)
        raise InputError(f"{name}: expected the shape [{words}], found {list(found.shape)}")
    if found.min() < least or found.max() > np.iinfo(np.int32).max:
        raise InputError(f"{name}: expected numbers from {least} to 2147483647, found {found.min()} to {found.max()}")
    return found


def _split(values: Union[Sequence[str], Any], count: int) -> np.ndarray:
    found = np.asarray(values)
    if found.dtype.kind == "U":
        if not np.isin(found, ("train", "test")).all():
            raise InputError("split: expected «train» or «test» for every sample")
        found = (found == "test").astype(np.uint8)
    found = _whole("split", found, (count,), 0)
    if found.max() > 1:
        raise InputError(f"split: expected 0 (train) or 1 (test), found {found.max()}")
    return found
