# SPDX-License-Identifier: Apache-2.0
"""The serial link: asks until it is answered whole, and says how it failed where it is not."""

import contextlib
import errno
import logging
import random
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import serial

from hardware.board.protocol import SEQUENCE_MOST, Complaint, Reply, Verb, reply_of, request_line

BAUD = 115_200
TRIES = 8
"""Times a request is sent. At one wrong bit in 1,000 bytes, 100 bytes there and back are right in
nine cases of ten, so that eight failures in a row are one in 10^8."""
PATIENCE_S = 1.0
"""Silence beyond what a request takes, after which it is sent again."""
_READ_S = 0.02
_LONGEST_LINE = 4096
"""Bytes without a line's end that are kept; a board that is none may send more."""
_TAKE_AGAIN = {Complaint.CHECKSUM, Complaint.TOO_LONG, Complaint.MALFORMED}

_LOG = logging.getLogger(__name__)


class LinkError(OSError):
    """A board that could not be asked."""


class LinkLost(LinkError):  # noqa: N818  (it says what happened to the link)
    """A board that is gone: unplugged, or its port was taken away."""


class BoardReset(LinkError):  # noqa: N818  (it says what happened to the board)
    """A board that has started anew: it has forgotten its inputs and its proof."""


class BoardError(LinkError):
    """What the board itself refused.

    Attributes:
        code: Its code.
        replies: The lines it gave before.
    """

    def __init__(self, verb: Verb, code: int, sentence: str, replies: tuple[Reply, ...]) -> None:
        super().__init__(f"the board refused {verb.value}: {sentence} (error {code})")
        self.code = code
        self.replies = replies


class Link:
    """A port with a board behind it.

    Every line sent has a number of its own, and any whole reply to one of a request's lines answers
    it. A reply counts only where every line of it came whole, up to its `ready`.

    Attributes:
        name: The port's name.
        served: Requests that the board has answered since it started, as it counts them.
    """

    def __init__(self, port: serial.Serial, name: str, patience_s: float = PATIENCE_S) -> None:
        self.name = name
        self._port = port
        self._patience_s = patience_s
        self._sequence = random.randrange(SEQUENCE_MOST)
        self._held = bytearray()
        self.served = -1
        self._chatter: deque[str] = deque(maxlen=3)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the port back."""
        with contextlib.suppress(OSError):
            self._port.close()

    def ask(
        self, verb: Verb, takes_s: float = 0.0, *, pause_s: float = 0.0, **pairs: str | int
    ) -> tuple[Reply, ...]:
        """Asks the board, again where a line was damaged; gives its reply's lines.

        Args:
            verb: What to ask.
            takes_s: How long the board is silent at most while it works.
            pause_s: How long between two lines of its reply.
            pairs: What goes with it.

        Raises:
            BoardError: where the board refuses.
            BoardReset: where it started anew on the way; nothing it said before holds.
            LinkLost: where it is gone.
            LinkError: where it does not answer.
        """
        attempt = _Attempt(verb, takes_s, pause_s)
        for _ in range(TRIES):
            self._send(attempt, pairs)
            reply = self._collect(attempt)
            if reply is not None:
                return reply
        heard = f"; heard {', '.join(map(repr, self._chatter))}" if self._chatter else ""
        raise LinkError(
            f"{self.name}: no answer to {verb.value} in {TRIES} tries{heard}; is it the board's"
            " console, and does the board run our firmware?"
        )

    def _send(self, attempt: "_Attempt", pairs: dict[str, str | int]) -> None:
        self._sequence = self._sequence % SEQUENCE_MOST + 1
        attempt.replies[self._sequence] = []
        line = request_line(self._sequence, attempt.verb, pairs)
        # A line's end first: whatever the board holds half of is over.
        with self._gone():
            self._port.write(line if attempt.alone else b"\n" + line)

    def _collect(self, attempt: "_Attempt") -> tuple[Reply, ...] | None:
        """A whole reply; None where the request is to be sent again.

        Only lines of ours prolong the waiting: something else may talk for ever.
        """
        end = time.monotonic() + self._patience_s
        while time.monotonic() < end:
            with self._gone():
                content = self._port.read(max(1, self._port.in_waiting))
            for line in self._lines(content):
                found = reply_of(line)
                if found is None:
                    self._overheard(line)
                    end = min(end, time.monotonic() + self._patience_s + attempt.pause_s)
                elif found.sequence == 0:
                    self._check_start(found)
                    if attempt.alone and _was_damaged(found):
                        return None
                elif attempt.take(found):
                    self._check_served(found)
                    return attempt.answer(found)
                elif found.sequence in attempt.replies:
                    first = found.kind == "taken"
                    wait_s = attempt.takes_s if first else attempt.pause_s
                    end = time.monotonic() + self._patience_s + wait_s
            if content and self._held:  # no board falls silent in the middle of a line
                end = min(end, time.monotonic() + self._patience_s)
        return None

    def _lines(self, content: bytes) -> Iterator[bytes]:
        self._held += content
        *lines, rest = self._held.split(b"\n")
        self._held = rest[-_LONGEST_LINE:]
        yield from (bytes(line).rstrip(b"\r") for line in lines)

    def _overheard(self, line: bytes) -> None:
        """A line that is damaged, or no line of ours."""
        if line.strip():
            self._chatter.append(line[:60].decode("ascii", "replace"))
            _LOG.debug("%s: heard %r", self.name, line)

    def _check_start(self, found: Reply) -> None:
        if found.kind == "started":
            self.served = -1
            raise BoardReset(f"{self.name}: the board has started anew")

    def _check_served(self, ready: Reply) -> None:
        """A board counts the lines it has answered; where the count falls, it began anew."""
        served, before = ready.number("served"), self.served
        self.served = served
        if served <= before:
            raise BoardReset(f"{self.name}: the board has started anew, unheard")

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        try:
            yield
        except serial.SerialTimeoutException:
            raise LinkError(
                f"{self.name}: nothing takes what is sent; is it the board's console?"
            ) from None
        except (OSError, TypeError) as error:  # TypeError: pyserial, where its handle was closed
            raise LinkLost(f"{self.name}: the board is gone ({error}); plug it in again") from None


class _Attempt:
    """A request and what came back for each of its lines."""

    def __init__(self, verb: Verb, takes_s: float, pause_s: float) -> None:
        self.verb, self.takes_s, self.pause_s = verb, takes_s, pause_s
        self.replies: dict[int, list[Reply]] = {}

    @property
    def alone(self) -> bool:
        """Whether one line was sent: then what the board complains of is that one."""
        return len(self.replies) == 1

    def take(self, found: Reply) -> bool:
        """Keeps a line of ours; true where it closes a reply."""
        if found.sequence not in self.replies:
            return False
        if found.kind == "ready":
            return True
        self.replies[found.sequence].append(found)
        return False

    def answer(self, ready: Reply) -> tuple[Reply, ...] | None:
        """The closed reply; None where a line of it was lost.

        Raises:
            BoardError: where the board refused.
        """
        lines = tuple(self.replies[ready.sequence])
        for line in lines:
            if line.kind == "error":
                raise BoardError(self.verb, line.number("code"), line.text("sentence"), lines[:-1])
        whole = len(lines) == ready.number("lines")
        return tuple(line for line in lines if line.kind != "taken") if whole else None


def _was_damaged(found: Reply) -> bool:
    """Whether the board says that it could not read a line."""
    return found.kind == "error" and found.number("code") in _TAKE_AGAIN


def open_port(port: str) -> serial.Serial:
    """Opens a port, alone.

    Raises:
        LinkError: where it is not there, may not be opened, or another program has it.
    """
    try:
        return serial.Serial(port, BAUD, timeout=_READ_S, write_timeout=PATIENCE_S, exclusive=True)
    except (OSError, ValueError) as error:
        raise LinkError(f"{port}: {_reason(error)}") from None


def open_link(port: str, patience_s: float = PATIENCE_S) -> Link:
    """Opens a board's console.

    Raises:
        LinkError: where it is not there, may not be opened, or another program has it.
    """
    return Link(open_port(port), port, patience_s)


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY} or "lock" in str(error):
        return "another program has this port open; close it (a terminal, an IDE) and try again"
    if number == errno.ENOENT:
        return "there is no such port; plug the board in, or name its port with --port"
    if number in {errno.EACCES, errno.EPERM}:
        return "this port may not be opened; join the group it belongs to (often dialout)"
    return f"this port cannot be opened: {error}"
