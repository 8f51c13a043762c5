# SPDX-License-Identifier: Apache-2.0
"""Runs the izer and what its installation needs, and says in one line what went wrong with one."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hardware.izer.toolchain import IzerError, ToolchainError, tool_environment

STEP_TIMEOUT_S = 3600
"""For downloads over a slow line."""

_FULL = "No space left on device"

Done = subprocess.CompletedProcess[str]

_RUNNING: set["subprocess.Popen[str]"] = set()


def finished(
    command: Sequence[str], timeout_s: float = STEP_TIMEOUT_S, folder: Path | None = None
) -> Done:
    """Runs a program to its end, or, when interrupted, ends it and everything it started.

    Raises:
        IzerError: where it does not start, or takes longer than its time.
    """
    environment = {**tool_environment(), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        with started(command, cwd=folder, env=environment, stderr=subprocess.PIPE) as running:
            out, err = running.communicate(timeout=timeout_s)
    except OSError as error:
        raise IzerError(f"{command[0]} does not start: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise IzerError(f"{' '.join(command)} took more than {timeout_s:.0f} s") from None
    return subprocess.CompletedProcess(list(command), running.returncode, out, err)


@contextlib.contextmanager
def started(command: Sequence[str], **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """A program whose output is read; what breaks the block off ends it and all that it started.

    Args:
        command: The program and its arguments.
        settings: Of `subprocess.Popen`: folder, environment, and what becomes of its errors.
    """
    running = None
    try:
        with _interrupts_held():
            running = subprocess.Popen(  # noqa: S603  (git and Pythons, found before)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # a group of its own, to be ended as a whole
                **settings,
            )
            _RUNNING.add(running)
        yield running
    except BaseException:
        if running is not None:
            _end(running)
            running.communicate()
        raise
    finally:
        if running is not None:
            _RUNNING.discard(running)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Has Ctrl-C wait until a program that starts is known, and so can be ended."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_all() -> None:
    """Ends what other threads have started: a thread that waits for a program hears no Ctrl-C."""
    for running in tuple(_RUNNING):
        _end(running)


def _end(running: "subprocess.Popen[str]") -> None:
    if running.returncode is None:  # else its number may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def failure(what: str, done: Done, then: str) -> Exception:
    """A program's failure in one line; a full disk is no failure of the program."""
    if filled_disk(done):
        return ToolchainError(f"{what}: {_FULL.lower()}; make room and run the same again")
    return IzerError(f"{what}: {last_line(done)}; {then}")


def filled_disk(done: Done) -> bool:
    """Whether a program stopped because the disk is full."""
    return _FULL in done.stderr


def last_line(done: Done) -> str:
    """What a program said last: its last error, or else its last line."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)(fatal|error):", line)]
    return re.sub(r"(?i)^(fatal|error):\s*", "", (errors or lines or ["it said nothing"])[-1])
