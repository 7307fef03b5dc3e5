"""The bound on memory for rows on their way to the disk."""

from __future__ import annotations

import threading
import time


class Memory:
    """Counts bytes on their way; whoever wants more than the limit waits until some are through.

    A wait that nothing would end is none: blocks that are still being filled may pass the limit together, so the bound is the limit
    or two blocks for each array, whichever is more.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        #: Most bytes that were on their way at once.
        self.peak = 0
        #: Seconds that appending waited for the disk.
        self.waited = 0.0
        self._used = 0
        self._in_flight = 0
        self._changed = threading.Condition()

    def take(self, count: int) -> None:
        """Waits for room, and takes it."""
        with self._changed:
            if self._used + count > self.limit and self._in_flight:
                began = time.monotonic()
                while self._used + count > self.limit and self._in_flight:
                    self._changed.wait()
                self.waited += time.monotonic() - began
            self._used += count
            self.peak = max(self.peak, self._used)

    def begin(self) -> None:
        """A filled block is on its way."""
        with self._changed:
            self._in_flight += 1

    def end(self, count: int) -> None:
        """A block is through, and its bytes with it."""
        with self._changed:
            self._in_flight -= 1
            self._used -= count
            self._changed.notify_all()
