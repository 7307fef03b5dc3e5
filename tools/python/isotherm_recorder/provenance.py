"""Where an archive comes from: enough to run it again."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Union

import h5py

from .errors import RecorderError
from .store import read_texts

VERSION = "0.1.0"

#: What is stored of each process that wrote rows, and what it means.
FACTS = (
    ("started", "start of each process that wrote rows, UTC"),
    ("command", "command line of each process"),
    ("version", "version of Isotherm of each process"),
    ("commit", "source commit the binary of each process was found beside"),
    ("dirty", "sha256 of the uncommitted difference of the source of each process"),
    ("environment", "threads, libraries and variables of each process, JSON"),
    ("processor", "processor of the host of each process"),
    ("blas_core", "kernels OpenBLAS chose in each process"),
)


class Text(NamedTuple):
    """A text of ``/provenance``, or several along an axis."""

    name: str
    long_name: str
    text: str = ""
    values: Optional[List[str]] = None
    axis: Optional[str] = None
    axis_name: str = ""


@dataclass
class Session:
    """One process that wrote rows of an archive."""

    texts: Dict[str, str]
    #: Rows that were there when it began, by the name of the axis along which they are counted.
    rows: Dict[str, int] = field(default_factory=dict)


@dataclass
class Provenance:
    """Provenance of a run: what it was asked to do, and the processes that wrote it, in order."""

    configuration: str
    seed: Optional[int]
    sessions: List[Session]

    @staticmethod
    def of_this_process(configuration: str, seed: Optional[int]) -> "Provenance":
        """Provenance of what this process is about to write."""
        return Provenance(configuration, seed, [Session(_facts())])

    def go_on(self, index: h5py.File, folder: str, rows: Dict[str, int]) -> None:
        """Takes over the sessions of the run that ``index`` shows, of which ``rows`` are kept."""
        stored = read_texts(index, "/provenance/configuration")[0]
        if stored != self.configuration:
            pairs = zip(self.configuration.splitlines(), stored.splitlines())
            odd = next(((a, b) for a, b in pairs if a != b), None)
            found = f": it has «{odd[1]}», asked for is «{odd[0]}»" if odd else ""
            raise RecorderError(
                f"{folder} was begun with another configuration{found}; resume with that one, or begin anew with replace=True"
            )
        earlier = _sessions(index)
        while len(earlier) > 1 and earlier[-1].rows == rows:
            # It ended before its first commit, and left nothing.
            earlier.pop()
        self.sessions[0].rows = rows
        self.sessions = earlier + self.sessions

    def texts(self, finished: bool) -> List[Text]:
        """Everything that ``/provenance`` holds."""
        first = self.sessions[0].texts

        def joined(name: str) -> str:
            values = list(dict.fromkeys(session.texts.get(name, "") for session in self.sessions))
            return "; then ".join(value or "none" for value in values) if len(values) > 1 else values[0]

        found = [
            Text("configuration", "configuration, YAML", self.configuration),
            Text("command", "command line", first["command"]),
            Text("seed", "seed of every random path", "" if self.seed is None else str(self.seed)),
            Text("version", "version of Isotherm", joined("version")),
            Text("commit", "source commit of the program that recorded", joined("commit")),
            Text("dirty", "sha256 of the uncommitted difference of the source, empty when clean", joined("dirty")),
            Text("environment", "threads, libraries and variables, JSON", first["environment"]),
            Text("started", "start of writing, UTC", first["started"]),
            Text("finished", "end of writing, UTC", _clock() if finished else ""),
            Text("processor", "processor of the host", joined("processor")),
            Text("blas_core", "kernels OpenBLAS chose", joined("blas_core")),
        ]
        if len(self.sessions) > 1:
            about = ("session", "index of the processes that wrote the archive one after the other")
            for name, words in FACTS:
                found.append(Text(f"session_{name}", words, "", [s.texts.get(name, "") for s in self.sessions], *about))
            rows = [json.dumps(s.rows, sort_keys=True, separators=(",", ":")) for s in self.sessions]
            words = "rows along each axis that were there when each process began, JSON; those after are its own"
            found.append(Text("session_rows", words, "", rows, *about))
        return found

    def to_json(self) -> Dict[str, Any]:
        """The form in ``schema.json``."""
        session = self.sessions[-1]
        # Swift's clock counts from 2001.
        started = datetime.datetime.fromisoformat(session.texts["started"].replace("Z", "+00:00")).timestamp() - 978307200
        return {
            "configuration": self.configuration, "command": [session.texts["command"]], "seed": self.seed or 0, "blasCore": "",
            "sources": [], "started": started, "origin": {"texts": session.texts, "rows": session.rows},
        }


def configuration_text(settings: Mapping[str, Any], run: Union[str, Mapping[str, Any], None]) -> str:
    """The configuration as YAML: what the recorder was told, and what the caller says of the run."""
    text = f"recorder: {json.dumps(settings, sort_keys=True)}\n"
    if isinstance(run, str):
        return text + "run: |\n" + "".join(f"  {line}\n" for line in run.splitlines())
    if run is None:
        return text
    try:
        return text + f"run: {json.dumps(dict(run), sort_keys=True, ensure_ascii=False, allow_nan=False)}\n"
    except (TypeError, ValueError) as error:
        raise RecorderError(f"configuration: expected YAML text, or numbers, texts, lists and dictionaries: {error}") from error


def _sessions(index: h5py.File) -> List[Session]:
    if "/provenance/session_rows" not in index:
        return [Session({name: read_texts(index, f"/provenance/{name}")[0] for name, _ in FACTS})]
    columns = {name: read_texts(index, f"/provenance/session_{name}") for name, _ in FACTS}
    rows = read_texts(index, "/provenance/session_rows")
    return [Session({n: c[i] for n, c in columns.items()}, json.loads(text)) for i, text in enumerate(rows)]


def _clock() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _facts() -> Dict[str, str]:
    words = sys.argv or [""]
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folder = os.path.dirname(os.path.abspath(script)) if script else os.getcwd()
    commit = _git(folder, "rev-parse", "HEAD").strip()
    change = _git(folder, "diff", "HEAD") if commit else ""
    return {
        "started": _clock(),
        "command": " ".join([os.path.basename(words[0]) or "python", *words[1:]]),
        "version": f"isotherm-recorder {VERSION}",
        "commit": commit or "unknown",
        "dirty": hashlib.sha256(change.encode()).hexdigest() if change else "",
        "environment": _environment(),
        "processor": _processor(),
        "blas_core": "",
    }


def _git(folder: str, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def _environment() -> str:
    import numpy

    found: Dict[str, Any] = {
        "python": platform.python_version(), "numpy": numpy.__version__, "h5py": h5py.__version__,
        "hdf5": h5py.version.hdf5_version, "processors": os.cpu_count(), "system": platform.platform(),
        "variables": {k: v for k, v in os.environ.items() if k.startswith(("OMP_", "MKL_", "OPENBLAS", "HDF5_", "CUDA_"))},
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = str(getattr(torch, "__version__", "unknown"))
    return json.dumps(found, sort_keys=True)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
