"""Steps that outlive a power cut: write under a temporary name, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
import uuid
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
        self._path = folder
        self._token = str(uuid.uuid4()).upper()
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
        try:
            self._wait()
            self._name()
        except BaseException:
            self.release()
            raise
        # A worker that PyTorch forks must not hold the lock when this process is gone.
        this = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _release(this))

    # Seconds without a beat after which the lease of another machine has run out, as programs of Isotherm have it.
    patience = 20.0

    def _facts(self) -> dict[str, str]:
        """What the lock file says of its holder, as programs of Isotherm write it."""
        text = os.pread(self._descriptor, 4096, 0).decode("utf-8", "replace")
        return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)

    def _holder(self) -> str:
        facts = self._facts()
        return f" (process {facts['process']} on {facts['host']})" if "process" in facts and "host" in facts else ""

    def _wait(self) -> None:
        """Waits until a holder on another machine, whom this machine's lock does not keep out, has stopped counting."""
        first = self._facts()
        # Of this machine nobody is left: the lock is ours.
        if not first or first.get("boot") == _line("/proc/sys/kernel/random/boot_id"):
            return
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            time.sleep(min(0.25, self.patience / 10))
            now = self._facts()
            if not now:
                return
            if now != first:
                raise RecorderError(
                    f"{self._path} is held by another machine{self._holder()}; wait until it has ended, or choose another name"
                )

    def _name(self) -> None:
        """Names this process in the lock file, so that a holder that was silent for too long sees that it lost the folder."""
        born = _line(f"/proc/{os.getpid()}/stat").rpartition(")")[2].split()
        try:
            namespace = os.readlink("/proc/self/ns/pid")
        except OSError:
            namespace = ""
        facts = {
            "token": self._token, "host": socket.gethostname(), "boot": _line("/proc/sys/kernel/random/boot_id"),
            "namespace": namespace, "process": str(os.getpid()), "born": born[19] if len(born) > 19 else "",
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "job": "", "beat": "0" * 12,
        }
        text = "".join(f"{name} {value}\n" for name, value in facts.items()).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Gives the lock back. The next need not wait for a beat; another's name stays."""
        if self._descriptor >= 0 and self._facts().get("token") == self._token:
            os.ftruncate(self._descriptor, 0)
        self.close()

    def close(self) -> None:
        """Lets go of the file and changes nothing in it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _release(lock: "weakref.ref[FolderLock]") -> None:
    held = lock()
    if held is not None:
        held.close()
