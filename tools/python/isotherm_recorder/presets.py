"""Which modules of a network are which taps: by how Hugging Face and TransformerLens name them, or as the caller says."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import InputError
from .taps import Tap

#: What of a module is taken: its first input, its output (of several the first), the attention map among its outputs, or one by place.
Part = Union[str, int]


@dataclass(frozen=True)
class Source:
    """Where the values of one tap come from."""

    tap: str
    module: str
    part: Part = "output"
    #: Order of the axes, where the module has another than the archive.
    order: Optional[Tuple[int, ...]] = None
    #: Further names by which a glob may mean it.
    aliases: Tuple[str, ...] = ()


_BLOCK = re.compile(r"((?:.*\.)?(?:layer|layers|h|blocks|block))\.(\d+)")
#: Modules of a block that return the attention map beside their result, the innermost first.
_ATTENTION = ("attention.self", "attention.attention", "self_attn", "self_attention", "attn", "attention")
_FINAL_NORM = ("ln_f", "final_layer_norm", "final_norm", "norm", "layernorm")
_HEAD = ("lm_head", "classifier", "score", "embed_out")

_HEADS_LAST = (0, 2, 1, 3)
_LENS = (
    (r"blocks\.(\d+)\.hook_resid_pre", "residual.{}.pre", None),
    (r"blocks\.(\d+)\.hook_resid_mid", "residual.{}.mid", None),
    (r"blocks\.(\d+)\.hook_resid_post", "residual.{}.post", None),
    (r"blocks\.(\d+)\.attn\.hook_q", "attention.{}.queries", _HEADS_LAST),
    (r"blocks\.(\d+)\.attn\.hook_k", "attention.{}.keys", _HEADS_LAST),
    (r"blocks\.(\d+)\.attn\.hook_v", "attention.{}.values", _HEADS_LAST),
    (r"blocks\.(\d+)\.attn\.hook_pattern", "attention.{}.map", None),
    (r"blocks\.(\d+)\.attn\.hook_z", "attention.{}.output", _HEADS_LAST),
    (r"blocks\.(\d+)\.mlp\.hook_post", "mlp.{}.hidden", None),
    (r"ln_final\.hook_normalized", "final_norm.output", None),
    (r"unembed", "logits", None),
)

#: What is captured unless something else is asked for.
USUAL = ("residual.0.pre", "residual.*.post", "attention.*.map")


def transformer_lens(modules: Mapping[str, Any]) -> List[Source]:
    """Sources in a ``HookedTransformer``."""
    found: List[Source] = []
    for name in modules:
        for pattern, template, order in _LENS:
            match = re.fullmatch(pattern, name)
            if match:
                found.append(Source(template.format(*match.groups()), name, "output", order))
    return found


def hugging_face(modules: Mapping[str, Any]) -> List[Source]:
    """Sources in a network whose layers are a list of modules called ``layer``, ``layers``, ``h`` or ``blocks``, as those of
    transformers are."""
    lists: Dict[str, List[int]] = {}
    for name in modules:
        match = _BLOCK.fullmatch(name)
        # Lists within a layer are something else.
        if match and not any(match.group(1).startswith(f"{other}.") for other in lists):
            lists.setdefault(match.group(1), []).append(int(match.group(2)))
    if len(lists) > 1:
        raise InputError(
            f"watch: there are layers in {' and '.join(sorted(lists))}; watch one of them (watch(model.encoder, ...)), or say by "
            "names={...} which modules are which taps"
        )
    found: List[Source] = []
    for parent, numbers in lists.items():
        for layer in sorted(numbers):
            found += _of_block(modules, f"{parent}.{layer}", layer)
        owner = parent.rpartition(".")[0]
        for tap, names, where in (("final_norm.output", _FINAL_NORM, owner), ("logits", _HEAD, "")):
            known = (n for n in (f"{where}.{last}" if where else last for last in names) if n in modules)
            found += [Source(tap, name) for name in known][:1]
    return found


def _of_block(modules: Mapping[str, Any], name: str, layer: int) -> List[Source]:
    batch_first = getattr(getattr(modules[name], "self_attn", None), "batch_first", True)
    order = None if batch_first else (1, 0, 2)
    found = [Source("residual.0.pre", name, "input", order)] if layer == 0 else []
    found.append(Source(f"residual.{layer}.post", name, "output", order))
    attention = next((a for a in _ATTENTION if f"{name}.{a}" in modules), None)
    if attention:
        above = (f"{name}.{attention.split('.')[0]}",) if "." in attention else ()
        found.append(Source(f"attention.{layer}.map", f"{name}.{attention}", "map", None, above))
    return found


PRESETS = {"transformerlens": transformer_lens, "huggingface": hugging_face}


def by_preset(modules: Mapping[str, Any], preset: Optional[str]) -> List[Source]:
    """Sources by a preset; by the first that finds any where none is named."""
    if preset is not None and preset not in PRESETS:
        raise InputError(f"preset: expected {' or '.join(sorted(PRESETS))}, found {preset!r}")
    for name, find in PRESETS.items():
        found = find(modules) if preset in (None, name) else []
        if found:
            return found
    raise InputError(
        "watch: no module has a name that the presets know; say which is which: names={'blocks.*': 'residual.{}.post', "
        "'blocks.0:input': 'residual.0.pre', 'blocks.*.attn:1': 'attention.{}.map'}"
    )


def by_names(modules: Mapping[str, Any], names: Mapping[str, str]) -> List[Source]:
    """Sources as the caller says: ``{module: tap}``, where ``*`` stands for a part of a name between dots, and ``{}`` in the tap for
    what it was; ``:input`` or ``:1`` behind a module takes its first input or its second output."""
    found: List[Source] = []
    for glob, template in names.items():
        pattern, _, part = glob.partition(":")
        expression = re.compile("([^.]+)".join(map(re.escape, pattern.split("*"))))
        matches = [(name, match) for name, match in ((n, expression.fullmatch(n)) for n in modules) if match]
        if not matches:
            raise InputError(f"names: no module is called {pattern!r}{_nearest(pattern, list(modules))}")
        for name, match in matches:
            try:
                tap = str(Tap.parse(template.format(*match.groups())))
            except IndexError:
                raise InputError(f"names: {template!r} has more {{}} than {pattern!r} has *") from None
            if part and part != "input" and not part.isdigit():
                raise InputError(f"names: {glob!r}: expected :input or the number of an output behind the module")
            found.append(Source(tap, name, int(part) if part.isdigit() else part or "output"))
    return found


def choose(sources: Sequence[Source], globs: Optional[Sequence[str]], modules: Mapping[str, Any], every: bool) -> List[Source]:
    """Sources that globs of taps or of modules mean; without globs the usual taps, or ``every``."""
    if globs is None:
        chosen = [s for s in sources if every or any(fnmatchcase(s.tap, g) for g in USUAL)]
    else:
        chosen = [s for s in sources if any(_means(g, s) for g in globs)]
        for glob in globs:
            if any(_means(glob, source) for source in sources):
                continue
            if any(fnmatchcase(name, glob) for name in modules):
                raise InputError(f"taps: no tap is known for the modules {glob!r}; say which by names={{{glob!r}: 'residual.{{}}.post'}}")
            known = [name for source in sources for name in (source.tap, source.module)]
            raise InputError(f"taps: {glob!r} is neither a tap nor a module{_nearest(glob, known)}")
    taps = [source.tap for source in chosen]
    twice = next((tap for tap in taps if taps.count(tap) > 1), None)
    if twice:
        owners = [source.module for source in chosen if source.tap == twice]
        raise InputError(f"watch: {twice} would come from {' and '.join(owners)}; leave one out")
    return chosen


def _means(glob: str, source: Source) -> bool:
    return any(fnmatchcase(name, glob) for name in (source.tap, source.module, *source.aliases))


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.2)
    return f"; the nearest are {', '.join(close)}" if close else ""
