# SPDX-License-Identifier: Apache-2.0
"""A port that a program answers instead of a device."""

import contextlib
import os
import select
import threading
from collections.abc import Callable, Sequence

POLL_S = 0.05
_STUCK_S = 1.0
"""After which characters nobody reads are dropped, as on a line without flow control."""


class PseudoTerminal:
    """The device's end of a port, raw; the other end is opened by its name like any port."""

    def __init__(self) -> None:
        import pty  # here, so that the modules above can be imported where there are none
        import tty

        self.handle, self._other = pty.openpty()
        tty.setraw(self._other)
        self.name = os.ttyname(self._other)

    def read(self) -> bytes:
        """What the host has sent; there must be something."""
        return os.read(self.handle, 4096)

    def write(self, content: bytes) -> None:
        """Sends to the host; what it does not take in time is lost."""
        while content:
            _, writable, _ = select.select([], [self.handle], [], _STUCK_S)
            if not writable:
                return
            content = content[os.write(self.handle, content[:1024]) :]

    def close(self) -> None:
        """Takes the port away."""
        for handle in (self.handle, self._other):
            with contextlib.suppress(OSError):
                os.close(handle)
        self.handle = self._other = -1


class Pump(threading.Thread):
    """Moves what comes at some handles until it is stopped.

    Attributes:
        lock: Held while something is moved; whoever changes the handles holds it.
    """

    def __init__(self, handles: Callable[[], Sequence[int]], move: Callable[[int], None]) -> None:
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self._handles, self._move = handles, move
        self._stopping = threading.Event()

    def run(self) -> None:
        """The thread's own."""
        while not self._stopping.is_set():
            with self.lock:
                ready = _ready(self._handles(), 0.0)
                for handle in ready:
                    self._move(handle)
            if not ready:
                # Unlocked, so that a handle may be closed meanwhile: that is no error.
                with contextlib.suppress(OSError, ValueError):
                    _ready(self._handles(), POLL_S)

    def stop(self) -> None:
        """Ends the thread; afterwards nothing is moved."""
        self._stopping.set()
        self.join()


def _ready(handles: Sequence[int], wait_s: float) -> list[int]:
    return select.select(handles, [], [], wait_s)[0]
