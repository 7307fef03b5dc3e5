"""Cuts the power of a simulated disk at every step of a recorded run; every acknowledged row must be there afterwards.

usage: power-cut.py [--cuts N] [--seed S] --archive isotherm-archive --folder FOLDER -- COMMAND ... -o FOLDER/NAME

COMMAND runs once, with power-trace.c preloaded, which writes down its writes, renames, removals and fsyncs. The model of the
disk: bytes of a file are safe once the file was fsynced; names in a folder once the folder was. Of everything else, any part may
have reached the disk, in any order: at each cut the states "nothing of it", "all of it" and two random choices are tried, whereby a
file's unsafe writes are kept or lost one by one. A row is acknowledged once its commit line was printed.
In each state h5py must read the last acknowledged row of every dataset, from NAME.h5 or NAME.run/index.h5; then
`isotherm-archive recover` must succeed and leave a readable archive. Prints one JSON line; exit 1 when anything is lost.
"""
import argparse
import ctypes
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import h5py

split = sys.argv.index("--")
p = argparse.ArgumentParser()
p.add_argument("--cuts", type=int, default=0, help="cuts to try, spread over the run; 0 for all")
p.add_argument("--seed", type=int, default=0)
p.add_argument("--without-fsync", action="store_true", help="as if no fsync did anything, to see that the check can fail")
p.add_argument("--archive", required=True)
p.add_argument("--folder", required=True)
a = p.parse_args(sys.argv[1:split])
command = sys.argv[split + 1:]
name = os.path.basename(command[command.index("-o") + 1])
here = os.path.dirname(os.path.abspath(__file__))
random.seed(a.seed)
scratch = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
library, trace = os.path.join(scratch, "trace.so"), os.path.join(scratch, "trace")
subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, os.path.join(here, "power-trace.c"), "-ldl", "-lpthread"], check=True)
environment = dict(os.environ, LD_PRELOAD=library, POWER_TRACE=trace, POWER_FOLDER=a.folder)
done = subprocess.run(command + ["--progress", "json"], env=environment, capture_output=True, text=True)
if done.returncode:
    sys.exit(f"the run failed: {done.stderr[-400:]}")

records = []
with open(trace, "rb") as f:
    while head := f.read(25):
        kind, first, second, offset, count = struct.unpack("<cIIqq", head)
        names = f.read(first).decode(), f.read(second).decode()
        records.append((kind.decode(), *names, offset, f.read(count) if count else b""))


class File:
    """Content that is safe, and writes that are not yet."""

    def __init__(self):
        self.safe, self.pending = bytearray(), []

    def apply(self, content, record):
        kind, _, _, offset, data = record
        if kind == "w":
            content.extend(bytes(max(0, offset + len(data) - len(content))))
            content[offset:offset + len(data)] = data
        else:
            length = offset if kind == "l" else 0
            del content[length:]
            content.extend(bytes(length - len(content)))

    def sync(self):
        for record in self.pending:
            self.apply(self.safe, record)
        self.pending = []

    def content(self, choose):
        content = bytearray(self.safe)
        for record in self.pending:
            if choose():
                self.apply(content, record)
        return content


class Disk:
    """Names now, names that are safe, and changes of names that are not yet, in order."""

    def __init__(self):
        self.now, self.safe, self.pending = {}, {}, []

    @staticmethod
    def change(names, step):
        kind, first, second, file = step
        if kind == "c":
            names[first] = file
        elif kind == "r":
            if first in names:
                names[second] = names.pop(first)
            else:
                names[second] = file
        elif kind == "u":
            names.pop(first, None)

    def step(self, record):
        kind, first, second, _, _ = record
        if kind in "wlt":
            if first in self.now:
                self.now[first].pending.append(record)
        elif kind == "s" and a.without_fsync:
            pass
        elif kind == "s":
            if first in self.now:
                self.now[first].sync()
            else:
                # A folder: what is directly in it is safe now.
                rest = []
                for step in self.pending:
                    place = "." if first == "." else first
                    if (os.path.dirname(step[1]) or ".") == place:
                        self.change(self.safe, step)
                    else:
                        rest.append(step)
                self.pending = rest
        elif kind in "cru":
            file = File() if kind == "c" else self.now.get(first)
            step = (kind, first, second, file)
            self.change(self.now, step)
            self.pending.append(step)

    def state(self, choose):
        names = dict(self.safe)
        for step in self.pending:
            if choose():
                self.change(names, step)
        return {path: file.content(choose) for path, file in names.items()}


def lay(state, place):
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for path, content in state.items():
        os.makedirs(os.path.dirname(os.path.join(place, path)), exist_ok=True)
        with open(os.path.join(place, path), "wb") as f:
            f.write(content)


def lost(place, rows):
    """What of the acknowledged rows cannot be read."""
    sealed, index = os.path.join(place, name + ".h5"), os.path.join(place, name + ".run", "index.h5")
    path = sealed if os.path.exists(sealed) else index
    problems = []
    try:
        with h5py.File(path, "r") as f:
            for dataset, count in rows.items():
                found = f[dataset]
                if found.shape[0] < count:
                    problems.append(f"{dataset}: {found.shape[0]} of {count} rows")
                elif count:
                    for source in found.virtual_sources() if found.is_virtual else []:
                        if not os.path.exists(os.path.join(os.path.dirname(path), source.file_name)):
                            problems.append(f"{dataset}: {source.file_name} is missing")
                    found[count - 1]
    except Exception as error:
        problems.append(f"{path}: {error}")
    return problems


boundaries = [i for i, r in enumerate(records) if r[0] in "srua"]
cuts = set(boundaries if not a.cuts else boundaries[::max(1, len(boundaries) // a.cuts)])
disk, rows, sealed, text = Disk(), {}, False, ""
states = failures = recovered = 0
place = os.path.join(scratch, "disk")
for number, record in enumerate(records):
    # The power goes just before this step.
    if number in cuts and rows:
        for choice in ("nothing", "all", "some", "some more"):
            state = disk.state({"nothing": lambda: False, "all": lambda: True}.get(choice, lambda: random.random() < 0.5))
            lay(state, place)
            states += 1
            problems = lost(place, rows)
            if not problems and choice in ("nothing", "some"):
                done = subprocess.run([a.archive, "recover", os.path.join(place, name)], capture_output=True, text=True)
                recovered += 1
                problems = [done.stderr] if done.returncode else lost(place, rows)
            if problems:
                failures += 1
                print(f"cut before step {number} ({record[0]} {record[1]} {record[2]}), {choice} of what was not safe: {problems[:3]}", file=sys.stderr)
    if record[0] == "a":
        text += record[4].decode()
        *lines, text = text.split("\n")
        for line in lines:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "commit":
                rows.update(event["rows"])
    else:
        disk.step(record)
shutil.rmtree(scratch)
print(json.dumps(dict(steps=len(records), boundaries=len(boundaries), states=states, recovered=recovered, failures=failures)))
sys.exit(1 if failures or not states else 0)
