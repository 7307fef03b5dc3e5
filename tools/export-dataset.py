"""Packs the activations, attention maps and PDE fields of a study as one labelled HDF5 data set with a data card. Called by tools/export-dataset."""
import argparse
import os
import re
import signal
import sys
import tempfile

import h5py
import numpy as np

p = argparse.ArgumentParser(prog="tools/export-dataset", description=__doc__)
p.add_argument("folder", help="folder of `isotherm study`")
p.add_argument("-o", "--output", required=True, help="file to write: NAME.h5; the card goes to NAME.md")
p.add_argument("--case", action="append", help="only this case (images, text); may be repeated")
p.add_argument("--variant", action="append", help="only this variant; may be repeated")
p.add_argument("--last", action="store_true", help="of training runs, the last checkpoint alone")
p.add_argument("--force", action="store_true", help="replace an existing data set")
a = p.parse_args()

# What of each archive goes in; provenance becomes the card.
PARTS = {"run.h5": ["samples", "classes", "activations", "attention"], "fields.h5": ["samples", "reference", "fields"], "task.h5": ["samples", "fields"]}
LICENCES = {
    "fashion-mnist": "Images: Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747), MIT, Zalando SE.",
    "austen": "Text: Jane Austen's novels, public domain; passages after the R package janeaustenr, MIT.",
}
INTERNAL = {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates"}


def fail(text):
    sys.exit(f"tools/export-dataset: {text}")


def archives():
    """Files that go in, by their group in the data set."""
    found = {}
    for folder, _, names in sorted(os.walk(a.folder)):
        place = os.path.relpath(folder, a.folder).split(os.sep)
        if len(place) != 3 or not place[2].startswith("seed-"):
            continue
        if (a.case and place[0] not in a.case) or (a.variant and place[1] not in a.variant):
            continue
        for name in PARTS:
            if name in names:
                found["/".join(place + [name[:-3]])] = os.path.join(folder, name)
    return found


def axis_names(dataset):
    return [dataset.dims[i][0].name.split("/")[-1] if len(dataset.dims[i]) else f"axis_{i}" for i in range(dataset.ndim)]


def copy_group(source, target):
    """Copies a group with its arrays, attributes and dimension scales; compressed chunks as they are."""
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_group(item, target.require_group(name))
            continue
        last = a.last and not item.is_scale and item.ndim > 1 and axis_names(item)[0] == "checkpoint"
        if last:
            made = target.create_dataset(name, data=item[-1:], chunks=item.chunks, compression="gzip", compression_opts=1, shuffle=True)
        elif a.last and item.is_scale and name == "checkpoint":
            made = target.create_dataset(name, data=item[-1:])
        else:
            source.copy(item, target, name, without_attrs=True)
            made = target[name]
        for key, value in item.attrs.items():
            if key not in INTERNAL:
                made.attrs[key] = value
    scales = {name: target[name] for name, item in source.items() if isinstance(item, h5py.Dataset) and item.is_scale}
    for name, scale in scales.items():
        scale.make_scale(name)
    for name, item in source.items():
        if isinstance(item, h5py.Dataset):
            for i, axis in enumerate(axis_names(item)):
                if axis in scales and name != axis:
                    target[name].dims[i].attach_scale(scales[axis])


def text(file, path):
    value = file[path][()] if path in file else b""
    return value.decode() if isinstance(value, bytes) else str(value)


def card(out, sources):
    """The data card, Markdown."""
    lines = [f"# {out.attrs['title']}", "", "Activations, attention maps and PDE fields of small Transformers, made with Isotherm "
             f"{out.attrs['isotherm_version']}. HDF5 and netCDF-4: every array has named axes, a unit and a description.", "",
             "```python", "import xarray", f"tree = xarray.open_datatree(\"{os.path.basename(a.output)}\", engine=\"h5netcdf\")", "```", "",
             "## Contents", "", "| group | seed | test accuracy | samples | made by |", "|---|---|---|---|---|"]
    licences, arrays = [], {}
    for group, path in sources.items():
        with h5py.File(path) as file:
            accuracy = file["checkpoints/test_accuracy"][-1] if "checkpoints/test_accuracy" in file else None
            shown = f"{100 * accuracy:.1f} %" if accuracy is not None else ""
            lines.append(f"| `{group}` | {text(file, 'provenance/seed')} | {shown} | {len(file['samples/index'])} | "
                         f"`{text(file, 'provenance/command')}` |")
            configuration = text(file, "provenance/configuration")
            for key, words in LICENCES.items():
                if key in configuration and words not in licences:
                    licences.append(words)

    def note(name, item):
        if isinstance(item, h5py.Dataset) and not item.is_scale and name != "card":
            # One line for the arrays of all layers, cases and seeds.
            general = re.sub(r"\.\d+\.", ".L.", "/".join(name.split("/")[3:]))
            if "/parameters/" in general:
                general = general.split("/parameters/")[0] + "/parameters/*"
                arrays.setdefault(general, ("several", "float32", "1", "learned parameters, by PyTorch's names, matrices [output, input]"))
                return
            entry = (" x ".join(axis_names(item)), str(item.dtype if item.dtype.kind != "O" else "text"), item.attrs.get("units", "1"),
                     item.attrs.get("long_name", ""))
            arrays.setdefault(general, entry)

    out.visititems(note)
    lines += ["", "## Arrays", "", "Below each group; `L` is a layer from 0.", "", "| array | axes | type | unit | what |", "|---|---|---|---|---|"]
    lines += [f"| `{name}` | {axes} | {kind} | {unit} | {what} |" for name, (axes, kind, unit, what) in sorted(arrays.items())]
    with h5py.File(next(iter(sources.values()))) as file:
        machine = f"{text(file, 'provenance/processor')}, OpenBLAS kernels {text(file, 'provenance/blas_core')}"
    lines += ["", "## How it was made", "", f"`isotherm study` with the commands above, on {machine}. Samples are of the test split: no network or equation was "
              "trained on them. Fields begin at the network's own embedding of the same samples.", "",
              "## Licence", ""] + [f"- {words}" for words in licences or ["See the origin of the data set that the configuration names."]]
    lines += ["- Activations, maps and fields are derived from these by computation."]
    return "\n".join(lines) + "\n"


def stop(number, _):
    print("tools/export-dataset: interrupted; nothing half-written is left", file=sys.stderr)
    sys.exit(128 + number)


for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
sources = archives()
if not sources:
    fail(f"{a.folder} holds no CASE/VARIANT/seed-N/run.h5, fields.h5 or task.h5 that was asked for; isotherm study NAME -o {a.folder} makes them")
card_path = re.sub(r"\.h5$", "", a.output) + ".md"
for path in (a.output, card_path):
    # By device and inode: links and detours name the same file.
    for source in sources.values():
        if os.path.exists(path) and os.path.samefile(path, source):
            fail(f"cannot write {path}: it is the input {source}; choose another name with -o")
    if os.path.exists(path) and not os.path.isfile(path):
        fail(f"cannot write {path}: it is not a file; pass the name of a file with -o")
    if os.path.lexists(path) and not a.force:
        fail(f"{path} exists already; pass --force to replace it, or choose another name with -o")
try:
    place, temporary = tempfile.mkstemp(prefix=".isotherm-", suffix=".tmp", dir=os.path.dirname(a.output) or ".")
    os.close(place)
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(temporary, 0o666 & ~mask)
except OSError as error:
    fail(f"cannot write {a.output}: {error}")
try:
    with h5py.File(temporary, "w", libver=("v108", "v110")) as out:
        out.attrs["Conventions"] = "CF-1.11"
        for group, path in sources.items():
            with h5py.File(path) as file:
                if "title" not in out.attrs:
                    out.attrs["title"] = "Transformers and their PDEs: " + os.path.basename(os.path.abspath(a.folder))
                    out.attrs["isotherm_version"] = text(file, "provenance/version")
                target = out.require_group(group)
                target.attrs["title"] = file.attrs["title"]
                target.attrs["run_id"] = file.attrs["run_id"]
                for part in PARTS[os.path.basename(path)]:
                    if part in file:
                        copy_group(file[part], target.require_group(part))
        words = card(out, sources)
        out.create_dataset("card", data=np.bytes_(words.encode()))
        out["card"].attrs["long_name"] = "data card, Markdown"
    with open(temporary + ".md", "w") as file:
        file.write(words)
    os.replace(temporary, a.output)
    os.replace(temporary + ".md", card_path)
except (OSError, KeyError) as error:
    fail(f"{error}")
finally:
    # After an interrupt too: nothing half-written is left.
    for path in (temporary, temporary + ".md"):
        if os.path.exists(path):
            os.unlink(path)
print(f"{a.output}: {len(sources)} archives, {os.path.getsize(a.output) / 1e6:.1f} MB; card in {card_path}", flush=True)
