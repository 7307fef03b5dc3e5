"""Runs a small pipeline with two builds and compares what they made; called by tools/same.

Equal must be: every dataset outside /provenance with its attributes (wall-clock arrays aside), every table of every analysis as
JSON, what commands print, and the pixels of every figure that any archive has the data of, data/results included. Exit status 0 when
all is equal, 1 when something differs, 2 for bad usage or a step that fails with one build.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy
from PIL import Image

TAPS = (
    "[residual.0.pre, residual.*.post, {tap: attention.*.map, samples: 24}, {tap: gradient.residual.0.pre, samples: 24}, "
    "{tap: gradient.residual.*.post, samples: 24}]"
)
NETWORK = ["model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "training.epochs=2", "training.batch=250"]
CAPTURE = ["capture.samples=32", f"capture.taps={TAPS}"]
FIT = ["pde.samples=64", "pde.epochs=2"]
INFORM = ["information.bootstrap=10", "information.shuffles=10"]
EVERY = ["information.estimators=[kde, renyi, ksg, binning]", *INFORM]
TASK = [*FIT, "pde.objective=task", "pde.every=epoch", "pde.models=[autonomous, modulated]"]
LADDER = [*FIT, "pde.models=[persistence, diffusion, autonomous, modulated, layerwise]"]
TEXT = [*NETWORK, *CAPTURE, "training.epochs=1", "data.vocabulary=270", "data.tokens=24", *FIT, *INFORM]
PERTURB = ["perturb.noise=[0.01, 0.1]", "perturb.mask=[0.2]", "perturb.swap=[0.2]"]

# Each step: program, arguments, settings. Names are relative, so that commands and titles are equal too.
IMAGES, NOVELS = "data/studies/fashion-mnist.yaml", "data/studies/austen-novels.yaml"
STEPS = [
    ("isotherm", ["demo", "-o", "demo"], [*NETWORK, *CAPTURE, *FIT, *INFORM]),
    ("isotherm", ["train", IMAGES, "-o", "again"], [*NETWORK, *CAPTURE, *FIT, *INFORM, "seed=2"]),
    ("isotherm", ["fit", "demo/run", "-o", "ladder"], LADDER),
    ("isotherm", ["fit", "demo/run", "-o", "task"], TASK),
    ("isotherm", ["perturb", "demo/run", "--fields", "demo/fields", "-o", "perturbed"], PERTURB),
    ("isotherm", ["inform", "demo/run", "--fields", "task", "-o", "information"], EVERY),
    ("isotherm", ["inform", "demo/run", "-o", "heads"], [*INFORM, "information.taps=attention"]),
    ("isotherm", ["train", NOVELS, "-o", "text"], TEXT),
    ("isotherm", ["fit", "text", "-o", "text-fields"], [*FIT, "pde.models=[autonomous]"]),
    ("isotherm", ["inform", "text", "-o", "text-information"], [*INFORM, "information.estimators=[kde, binning]"]),
    ("isotherm", ["verify", "dynamics", "-o", "verified"], []),
    ("isotherm", ["integrate", "data/problems/heat.yaml", "-o", "heat"], []),
    ("isotherm", ["integrate", "data/problems/allen-cahn.yaml", "-o", "allen-cahn"], ["time.end=0.05"]),
    ("isotherm", ["integrate", "data/problems/sphere.yaml", "-o", "sphere"], ["time.end=2"]),
    ("isotherm", ["integrate", "data/problems/gaussian.yaml", "-o", "gaussian"], []),
    ("isotherm", ["integrate", "data/problems/sinkhorn.yaml", "-o", "sinkhorn"], ["time.end=0.1"]),
]
# The analyses; each prints JSON and writes its metrics.
ANALYSES = [
    ("attention", ["demo/run", "demo/fields"], "m-attention"),
    ("attention", ["demo/run", "ladder"], "m-ladder"),
    ("attention", ["text", "text-fields"], "m-text-attention"),
    ("flow", ["demo/run", "ladder"], "m-flow"),
    ("flow", ["text", "text-fields"], "m-text-flow"),
    ("bottleneck", ["information"], "m-bottleneck"),
    ("bottleneck", ["text-information"], "m-text-bottleneck"),
    ("gradients", ["demo/run", "task"], "m-gradients"),
    ("perturbation", ["perturbed"], "m-perturbation"),
    ("stability", ["demo/run", "task"], "m-simulator"),
    ("stability", ["demo/run"], "m-stability"),
    ("stability", ["again"], "m-stability-again"),
    ("compare", ["m-stability", "m-stability-again"], "summary"),
]
# Attributes of a file that say who made it and when.
PROVENANCE = {"run_id", "history"}
# Attributes that point to other objects of the file.
REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}


def run(folder: pathlib.Path, binaries: pathlib.Path, program: str, arguments: list[str]) -> str:
    """Runs a program in `folder`; returns its standard output."""
    command = [str(binaries / program), *arguments]
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if outcome.returncode != 0:
        print(f"{' '.join(command)}: exit status {outcome.returncode}\n{outcome.stderr}", file=sys.stderr)
        sys.exit(2)
    return outcome.stdout


def without_clock(value):
    """A JSON value without durations and names given by chance."""
    if isinstance(value, dict):
        return {
            key: without_clock(member)
            for key, member in value.items()
            if "second" not in key and "bytes" not in key and key not in PROVENANCE
        }
    return [without_clock(member) for member in value] if isinstance(value, list) else value


def printed(text: str):
    """What a command printed, to be compared: one JSON document, or several on lines of their own."""
    documents = [text] if text.lstrip().startswith("{\n") or text.count("\n") < 2 else text.splitlines()
    try:
        return [without_clock(json.loads(document)) for document in documents if document.strip()]
    except json.JSONDecodeError:
        return [without_clock(json.loads(text))] if text.lstrip()[:1] in "{[" else text


def make(folder: pathlib.Path, binaries: pathlib.Path, root: pathlib.Path) -> dict:
    """Runs the whole pipeline with one build; returns what it printed, by step."""
    (folder / "data").symlink_to(root / "data")
    told = {}
    for program, arguments, settings in STEPS:
        options = [word for setting in settings for word in ("--set", setting)]
        told[" ".join(arguments)] = printed(run(folder, binaries, program, [*arguments, *options, "--json"]))
    for name, files, output in ANALYSES:
        arguments = [name, *files, "-o", output, "--json"]
        told[" ".join(arguments)] = printed(run(folder, binaries, "isotherm-analyze", arguments))
    results = sorted(path.relative_to(root) for path in (root / "data/results").glob("*.h5"))
    for path in results:
        told[f"compare {path}"] = printed(run(folder, binaries, "isotherm-analyze", ["compare", str(path), "--json"]))
    # A page holds every figure that an archive has the data of.
    archives = [str(path.relative_to(folder)) for path in archives_of(folder)]
    run(folder, binaries, "isotherm-plot", ["report", *archives, "-o", "figures"])
    run(folder, binaries, "isotherm-plot", ["report", *map(str, results), "-o", "figures-of-results"])
    return told


def archives_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """Archives in `folder`, in a fixed order."""
    return sorted(path for path in folder.rglob("*.h5") if "data" not in path.relative_to(folder).parts)


def arrays_of(path: pathlib.Path) -> dict[str, str]:
    """What an archive holds outside /provenance: a hash of each dataset, and of each object's attributes."""
    held = {}

    def attributes(item) -> str:
        return repr(
            sorted(
                (name, numpy.asarray(value).tolist())
                for name, value in item.attrs.items()
                if name not in PROVENANCE | REFERENCES
            )
        )

    def visit(name: str, item) -> None:
        is_clock = name.split("/")[-1] == "seconds" or "wall_clock" in item.attrs
        if name.split("/")[0] == "provenance" or is_clock:
            return
        held[name + " (attributes)"] = attributes(item)
        if isinstance(item, h5py.Dataset):
            values = item[()]
            content = values.tobytes() if getattr(values, "dtype", object) != object else repr(numpy.asarray(values).tolist()).encode()
            held[name] = f"{item.dtype} {item.shape} {hashlib.sha256(content).hexdigest()}"

    with h5py.File(path) as file:
        held["/ (attributes)"] = attributes(file)
        file.visititems(visit)
    return held


def pixels_of(path: pathlib.Path) -> str:
    """Size and pixels of an image, hashed."""
    with Image.open(path) as image:
        return f"{image.size} {image.mode} {hashlib.sha256(image.tobytes()).hexdigest()}"


def differences(kind: str, before: dict, after: dict) -> list[str]:
    """One line for each name whose values differ, or that one side lacks."""
    return [
        f"{kind} {name}: " + ("differs" if name in before and name in after else f"only {'before' if name in before else 'after'}")
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def compare(root: pathlib.Path, told: list[dict]) -> int:
    """Compares both folders below `root`; returns the exit status."""
    folders = [root / "before", root / "after"]
    arrays = [
        {f"{path.relative_to(folder)}:{name}": value for path in archives_of(folder) for name, value in arrays_of(path).items()}
        for folder in folders
    ]
    figures = [
        {str(path.relative_to(folder)): pixels_of(path) for path in folder.rglob("*.png") if "data" not in path.relative_to(folder).parts}
        for folder in folders
    ]
    found = differences("array", *arrays) + differences("table", *told) + differences("figure", *figures)
    for line in found:
        print(line)
    counts = (
        f"{len(archives_of(folders[0]))} archives with {sum(not name.endswith(')') for name in arrays[0])} arrays, "
        f"{len(told[0])} printed results, {len(figures[0])} figures"
    )
    print(f"{len(found)} differences in {counts}" if found else f"the same: {counts}")
    return 1 if found else 0


def main() -> int:
    """Parses arguments, runs both builds, compares."""
    parser = argparse.ArgumentParser(prog="tools/same", description="Shows that two builds make the same.")
    parser.add_argument("before", type=pathlib.Path, help="folder of binaries")
    parser.add_argument("after", type=pathlib.Path, help="folder of binaries")
    parser.add_argument("--keep", type=pathlib.Path, help="keep both results in this new folder")
    parser.add_argument("--root", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for folder in (options.before, options.after):
        if not (folder / "isotherm-plot").is_file():
            parser.error(f"{folder} holds no isotherm-plot; name a folder of built programs")
    with tempfile.TemporaryDirectory(prefix="isotherm-same-") as scratch:
        place = options.keep or pathlib.Path(scratch)
        if options.keep and options.keep.exists():
            parser.error(f"{options.keep} exists already; choose another folder")
        told = []
        for name, binaries in (("before", options.before), ("after", options.after)):
            (place / name).mkdir(parents=True)
            told.append(make(place / name, binaries.resolve(), options.root))
        return compare(place, told)


if __name__ == "__main__":
    sys.exit(main())
