"""Captures from PyTorch by forward hooks. Imported only where a module or a tensor is given, so that torch need not be there."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch

from .errors import InputError
from .memory import Memory
from .presets import Part, Source, by_names, by_preset, choose
from .stream import Values
from .taps import Tap

if TYPE_CHECKING:
    from .recorder import Recorder


def host(tensor: torch.Tensor) -> Values:
    """A tensor's values in host memory: of one on the processor the memory itself, without a copy."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return Values(tensor.contiguous().view(torch.int16).numpy().view(np.uint16), "bfloat16")
    return Values.of(tensor.numpy(), "tensor")


def on_host(value: Any) -> Any:
    """The same, of whole numbers too; what is no tensor as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    return host(value) if value.dtype.is_floating_point else value.detach().cpu().numpy()


class Watch:
    """Hooks on a module, until :meth:`remove` or the end of the recorder."""

    def __init__(self, recorder: "Recorder", sources: Sequence[Source], when: str, scale: Optional[str]) -> None:
        #: Taps that are captured.
        self.taps = [source.tap for source in sources]
        self._recorder, self._sources, self._when, self._scale = recorder, sources, when, scale
        self._handles: List[Any] = []
        self._arrivals = _Arrivals(recorder)

    def attach(self, source: Source, module: torch.nn.Module) -> None:
        """Captures one source."""
        tap = Tap.parse(source.tap)
        if source.part == "input":

            def before(owner: torch.nn.Module, args: Any, kwargs: Mapping[str, Any]) -> None:
                if self._is_on(owner):
                    self._receive(tap, source, args[0] if args else _first_state(kwargs))

            self._handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        else:

            def after(owner: torch.nn.Module, _: Any, output: Any) -> None:
                if self._is_on(owner):
                    self._receive(tap, source, _pick(output, source.part, source))

            if source.part == "map" and isinstance(module, torch.nn.MultiheadAttention):
                self._handles.append(module.register_forward_pre_hook(self._ask_for_maps, with_kwargs=True))
            self._handles.append(module.register_forward_hook(after))

    def _ask_for_maps(self, owner: torch.nn.Module, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        """PyTorch's own attention gives the map of each head to those who ask; its encoder layers do not."""
        if not self._is_on(owner):
            return None
        named = dict(zip(("key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal"), args[3:]))
        return args[:3], {**named, **kwargs, "need_weights": True, "average_attn_weights": False}

    def _is_on(self, module: torch.nn.Module) -> bool:
        return not self._recorder.is_paused and not (self._when == "eval" and module.training)

    def _receive(self, tap: Tap, source: Source, tensor: Any) -> None:
        if not isinstance(tensor, torch.Tensor):
            raise InputError(f"{tap}: {source.module} gives {type(tensor).__name__}, expected a tensor; choose another by names={{...}}")

        def take(name: Tap, values: torch.Tensor) -> None:
            ordered = values.detach()
            self._arrivals.take(name, ordered.permute(source.order) if source.order else ordered)

        take(tap, tensor)
        if self._scale is not None and tensor.requires_grad:
            gradient = Tap(tap.quantity, tap.layer, True)
            # A mean over the batch has a sample's gradient divided by its length.
            factor = len(tensor) if self._scale == "mean" else 1
            tensor.register_hook(lambda values: take(gradient, values * factor))  # type: ignore[no-untyped-call]

    def check_all_seen(self, seen: Mapping[str, int]) -> None:
        """Refuses to end a checkpoint in which a watched module did not run."""
        missing = next((source for source in self._sources if not seen.get(source.tap)), None)
        if self._handles and missing:
            raise InputError(
                f"{missing.tap}: {missing.module} is watched, and no captured pass reached it since the last checkpoint; run the module "
                "outside of paused(), in eval() where when=\"eval\", or leave the tap out"
            )

    def flush(self) -> None:
        """Waits until everything captured so far has reached the recorder."""
        self._arrivals.flush()

    def remove(self) -> None:
        """Captures nothing more."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._arrivals.stop()


def begin_copy(values: torch.Tensor) -> Optional[Tuple[torch.Tensor, Callable[[], None]]]:
    """Starts to copy a device's tensor into pinned memory, behind the computation: the copy, and what waits for it. None of a tensor
    that the processor has: that may be changed where it lies, and is taken at once."""
    if values.device.type != "cuda":
        return None
    copy = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    copy.copy_(values, non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record(torch.cuda.current_stream(values.device))
    return copy, arrived.synchronize


class _Arrivals:
    """Brings tensors to the recorder; those that are still on their way from a device by a thread that waits for them."""

    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        # Of its own: the thread that gives it back waits for the recorder's.
        self._memory = Memory(recorder.memory // 2)
        self._queue: "queue.Queue[Any]" = queue.Queue()
        self._thread: Optional[threading.Thread] = None
        self._failure: Optional[BaseException] = None

    def take(self, tap: Tap, values: torch.Tensor) -> None:
        """Takes one tensor."""
        self._check()
        copied = begin_copy(values)
        if copied is None:
            self._recorder.take(tap, host(values))
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="isotherm-device", daemon=True)
            self._thread.start()
        # Waits after the copy has begun: one tensor more than the bound.
        size = values.numel() * values.element_size()
        self._memory.take(size)
        self._memory.begin()
        self._queue.put((tap, size, *copied))

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                self._queue.task_done()
                return
            tap, size, copy, wait = item
            try:
                if self._failure is None:
                    wait()
                    self._recorder.take(tap, host(copy))
            except BaseException as error:  # pylint: disable=broad-except
                self._failure = error
            finally:
                self._memory.end(size)
                self._queue.task_done()
                del item, copy

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def flush(self) -> None:
        """Waits for what is on its way, and raises what was wrong with it."""
        self._queue.join()
        self._check()

    def stop(self) -> None:
        """Ends the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None


def _first_state(kwargs: Mapping[str, Any]) -> Any:
    found = kwargs.get("hidden_states", kwargs.get("src"))
    return found if found is not None else next((v for v in kwargs.values() if isinstance(v, torch.Tensor)), None)


def _pick(output: Any, part: Part, source: Source) -> Any:
    """The wanted one of what a module returns."""
    if isinstance(part, str) and isinstance(output, torch.Tensor) and part != "map":
        return output
    items = list(output.values()) if isinstance(output, dict) else list(output) if isinstance(output, (tuple, list)) else [output]
    if part == "map":
        maps = [x for x in items if isinstance(x, torch.Tensor) and x.ndim == 4 and x.shape[-1] == x.shape[-2]]
        if not maps:
            raise InputError(
                f"{source.tap}: {source.module} returned no attention map; load the network with attn_implementation=\"eager\", or leave "
                "the maps out by taps=[\"residual.*\"]"
            )
        return maps[-1]
    place = part if isinstance(part, int) else 0
    if place >= len(items):
        raise InputError(f"{source.tap}: {source.module} returned {len(items)} values, and number {place} was asked for")
    return items[place]


def watch(
    recorder: "Recorder",
    module: torch.nn.Module,
    taps: Optional[Sequence[str]] = None,
    *,
    names: Optional[Mapping[str, str]],
    preset: Optional[str],
    gradients: Optional[str],
    when: str,
) -> Watch:
    """Hooks on ``module`` as :meth:`isotherm_recorder.Recorder.watch` says."""
    if int(torch.__version__.split(".")[0]) < 2:
        raise InputError(f"watch: expected PyTorch 2 or newer, found {torch.__version__}; append(tap, tensor) takes what its hooks give")
    if when not in ("always", "eval"):
        raise InputError(f"when: expected always or eval, found {when!r}")
    if gradients not in (None, "mean", "sum"):
        raise InputError(f"gradients: expected mean or sum, found {gradients!r}")
    modules: Dict[str, torch.nn.Module] = dict(module.named_modules())
    sources = by_names(modules, names) if names else by_preset(modules, preset)
    chosen = choose(sources, taps, modules, every=bool(names))
    found = Watch(recorder, chosen, when, gradients)
    for source in chosen:
        found.attach(source, modules[source.module])
    return found
