"""The two names of an archive: the folder while it is written, the file once it is sealed."""

from __future__ import annotations

import os
import re
from typing import List, Optional

import h5py

from .durable import FolderLock
from .errors import RecorderError
from .parts import PartName


class Place:
    """Where ``NAME``, ``NAME.h5`` or ``NAME.run`` goes."""

    def __init__(self, name: str) -> None:
        stem = os.fspath(name)
        while stem.endswith("/") and len(stem) > 1:
            stem = stem[:-1]
        stem = re.sub(r"\.(h5|run)$", "", stem)
        if not os.path.basename(stem):
            raise RecorderError(f"{name!r} is no name of an archive; pass NAME, for NAME.run and then NAME.h5")
        self.stem = stem
        self.file = stem + ".h5"
        self.half = stem + ".h5.sealing"
        self.folder = stem + ".run"
        self.index = os.path.join(self.folder, "index.h5")
        self.schema = os.path.join(self.folder, "schema.json")

    def part(self, name: PartName) -> str:
        """Path of a part."""
        return os.path.join(self.folder, name.file)

    def check(self, replacing: bool) -> None:
        """Refuses a folder that cannot be written to, and, unless ``replacing``, an archive that is there already."""
        parent = os.path.dirname(self.stem) or "."
        if not os.path.isdir(parent):
            raise RecorderError(f"cannot write {self.file}: the folder {parent} does not exist; make it first")
        if not os.access(parent, os.W_OK):
            raise RecorderError(f"cannot write {self.file}: no permission to write in {parent}; choose another place")
        for taken in (self.file, self.folder):
            if os.path.lexists(taken) and not replacing:
                raise RecorderError(
                    f"{taken} exists already; pass resume=True to go on with a run that was interrupted, replace=True to "
                    "replace it, or choose another name"
                )
        if os.path.lexists(self.file) and not self._is_ours(self.file):
            raise RecorderError(
                f"{self.file} is not an archive of Isotherm, and is not replaced; remove it yourself, or choose another name"
            )

    @staticmethod
    def _is_ours(path: str) -> bool:
        try:
            with h5py.File(path, "r") as file:
                return "isotherm_layout" in file.attrs
        except OSError:
            return False

    def run_id(self, path: str) -> Optional[str]:
        """Run id of the archive at ``path``; None where none can be read."""
        try:
            with h5py.File(path, "r") as file:
                return str(file.attrs["run_id"])
        except (OSError, KeyError):
            return None

    def make_folder(self, replacing: bool) -> FolderLock:
        """Makes the folder of a new run, and locks it."""
        if replacing and os.path.isdir(self.folder):
            lock = FolderLock(self.folder)
            try:
                self.remove_parts()
            finally:
                lock.release()
        try:
            os.mkdir(self.folder)
        except OSError as error:
            raise RecorderError(f"cannot make {self.folder}: {error.strerror}") from error
        return FolderLock(self.folder)

    def _others(self) -> List[str]:
        """What the folder holds that no run puts there."""
        return [
            name
            for name in sorted(os.listdir(self.folder))
            if not (
                name in ("index.h5", "schema.json", "schema.json.tmp", "counting.h5", ".lock")
                or PartName.parse(name)
                or (name.startswith(".") and (name.endswith(".tmp") or name.startswith(".nfs")))
            )
        ]

    def remove_parts(self) -> None:
        """Removes the folder with all that a run has put there; what is not of the run stays, and the folder with it."""
        others = self._others()
        names = [name for name in os.listdir(self.folder) if name not in others]
        # The index first: a removal that was cut off leaves no run that seems whole.
        for name in sorted(names, key=lambda name: name != "index.h5"):
            os.unlink(os.path.join(self.folder, name))
        if not others:
            os.rmdir(self.folder)

    def remove_uncommitted(self) -> None:
        """What a process that ends in the middle leaves behind: nothing that was not committed."""
        if not os.path.isdir(self.folder):
            return
        if not os.path.exists(self.index):
            self.remove_parts()
            return
        for name in os.listdir(self.folder):
            if name.startswith(".") and name.endswith(".tmp"):
                os.unlink(os.path.join(self.folder, name))
