"""Names of captured places of a network, as archives spell them: ``residual.0.post``, ``attention.2.map``, ``logits``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Optional, Tuple

from .errors import InputError


@dataclass(frozen=True)
class Quantity:
    """What is captured at a tap.

    ``axes`` lists the forms that its values may have, each without the checkpoint.
    """

    family: str
    member: Optional[str]
    axes: Tuple[Tuple[str, ...], ...]
    words: str

    @property
    def group(self) -> str:
        """The group that holds arrays of values, as against gradients."""
        return "/attention" if self.member in ("map", "scores") else "/activations"


_STATE = (("sample", "position", "channel"),)
_HEADS = (("sample", "head", "position", "head_channel"),)
_MAP = (("sample", "head", "query", "key"),)

QUANTITIES = (
    Quantity("residual", "pre", _STATE, "residual stream before layer {}"),
    Quantity("residual", "mid", _STATE, "residual stream between attention and MLP of layer {}"),
    Quantity("residual", "post", _STATE, "residual stream after layer {}"),
    Quantity("attention", "queries", _HEADS, "queries of layer {}"),
    Quantity("attention", "keys", _HEADS, "keys of layer {}"),
    Quantity("attention", "values", _HEADS, "values of layer {}"),
    Quantity("attention", "scores", _MAP, "scores of layer {} before mask and softmax"),
    Quantity("attention", "map", _MAP, "attention map of layer {}"),
    Quantity("attention", "output", _HEADS, "values of layer {} mixed by the map"),
    Quantity("mlp", "hidden", (("sample", "position", "hidden"),), "MLP of layer {} after its activation"),
    Quantity("logits", None, (("sample", "class"), ("sample", "position", "token")), "scores before softmax"),
    Quantity("final_norm.output", None, _STATE, "last state behind the final norm"),
    Quantity("pooled", None, (("sample", "channel"),), "pooled state"),
)

_NAME = re.compile(r"(gradient\.)?(?:(residual|attention|mlp)\.(0|[1-9][0-9]*)\.([a-z]+)|(logits|final_norm\.output|pooled))")


@dataclass(frozen=True)
class Tap:
    """A parsed name."""

    quantity: Quantity
    layer: Optional[int]
    is_gradient: bool = False

    @staticmethod
    def parse(name: str) -> "Tap":
        """Reads a name, and refuses every other spelling."""
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if match:
            gradient, family, layer, member, alone = match.groups()
            for quantity in QUANTITIES:
                if (quantity.family, quantity.member) == (family or alone, member):
                    return Tap(quantity, None if layer is None else int(layer), gradient is not None)
        raise InputError(f"unknown tap {name!r}{_nearest(name)}; the README of isotherm-recorder lists the names")

    def __str__(self) -> str:
        parts = [self.quantity.family] + [str(p) for p in (self.layer, self.quantity.member) if p is not None]
        return ("gradient." if self.is_gradient else "") + ".".join(parts)

    @property
    def path(self) -> str:
        """Path of the array, ``[checkpoint, sample, ...]``."""
        return f"{'/gradients' if self.is_gradient else self.quantity.group}/{self}/values"

    @property
    def long_name(self) -> str:
        """What the values are, in a few words."""
        words = self.quantity.words.format(self.layer)
        return f"gradient of each sample's own loss by the {words}" if self.is_gradient else words

    def axes(self, rank: int) -> Tuple[str, ...]:
        """Names of the axes of values with ``rank`` axes, the sample first."""
        for axes in self.quantity.axes:
            if len(axes) == rank:
                return axes
        forms = " or ".join(f"[{', '.join(axes)}]" for axes in self.quantity.axes)
        raise InputError(f"{self}: expected the axes {forms}, found {rank} axes; reshape or transpose the values")


def _nearest(name: object) -> str:
    """The known name that is most alike, for messages."""
    layer = re.search(r"\d+", str(name))
    known = [str(Tap(q, int(layer.group()) if layer else 0) if q.member else Tap(q, None)) for q in QUANTITIES]
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.3)
    return f"; the nearest is {close[0]}" if close else ""
