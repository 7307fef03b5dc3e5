"""Steps that outlive a power cut: write under a temporary name, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import fcntl
import os
import weakref

from .errors import RecorderError


def sync(path: str) -> None:
    """Makes the bytes of ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: str, temporary: str) -> None:
    """Puts the finished file ``temporary`` in the place of ``path``, durably."""
    sync(temporary)
    os.rename(temporary, path)
    sync(os.path.dirname(path) or ".")


class FolderLock:
    """Holds a run's folder for one writer: an advisory lock that the system gives back when the process ends, however it ends."""

    def __init__(self, folder: str) -> None:
        try:
            self._descriptor = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecorderError(f"cannot write in {folder}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self.release()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise RecorderError(
                    f"{folder} is being written by another process{holder}; wait until it has ended, or choose another name"
                ) from None
            raise RecorderError(
                f"{folder}: its file system takes no lock ({error.strerror}), and without one nobody knows of this writer; record on "
                "another file system, and copy the sealed archive"
            ) from None
        # Whoever held it before is gone, whatever the file says.
        os.ftruncate(self._descriptor, 0)
        # A worker that PyTorch forks must not hold the lock when this process is gone.
        this = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _release(this))

    def _holder(self) -> str:
        """Who the lock file names, as programs of Isotherm write it."""
        text = os.pread(self._descriptor, 4096, 0).decode("utf-8", "replace")
        facts = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        return f" (process {facts['process']} on {facts['host']})" if "process" in facts and "host" in facts else ""

    def release(self) -> None:
        """Gives the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _release(lock: "weakref.ref[FolderLock]") -> None:
    held = lock()
    if held is not None:
        held.release()
