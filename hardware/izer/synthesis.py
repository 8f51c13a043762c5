# SPDX-License-Identifier: Apache-2.0
"""Runs the izer on a project, and reads what it says of it."""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardware.chips import Chip
from hardware.izer.child_process import started
from hardware.izer.project import ANSWER, Project, Variant
from hardware.izer.toolchain import PROGRAM, IzerError, Toolchain, tool_environment

TIMEOUT_S = 900
"""For networks whose simulation takes minutes; the indoor one takes two seconds."""


LINKED = (PROGRAM, "assets")

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",  # its errors come by another stream, but not within another line
}


@contextlib.contextmanager
def linked(toolchain: Toolchain, folder: Path) -> Iterator[None]:
    """Links what the izer needs into a folder of inputs, for as long as it runs there.

    It looks for its assets in the working folder, and writes its command line into the files it
    makes. Run like this, they name no folder of this machine, and are the same on the next one.
    """
    try:
        for name in LINKED:
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(toolchain.checkout.resolve() / name)
        yield
    finally:
        for name in LINKED:
            (folder / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Synthesis:
    """What the izer made, and what it says of it.

    Attributes:
        folder: Its project for the chip.
        weight_bytes: Bytes of weights, as it counts them.
        bias_bytes: Bytes of biases, as it counts them.
        operations: Operations of one inference, as it counts them.
        macs: The multiply-accumulates among them.
        warnings: Its warnings, one line each; notices are not counted.
    """

    folder: Path
    weight_bytes: int
    bias_bytes: int
    operations: int
    macs: int
    warnings: tuple[str, ...]


def synthesize(
    toolchain: Toolchain,
    folder: Path,
    project: Project,
    chip: Chip,
    variant: Variant,
    *,
    max_speed: bool = False,
) -> Synthesis:
    """Has the izer write one project into a folder that holds its inputs, and is `linked`.

    Raises:
        IzerError: where it refuses or fails, in its own words.
    """
    said = _run(toolchain, folder, project.arguments(chip, variant, max_speed=max_speed))
    return read_synthesis(folder / chip.name / (project.name + variant.suffix), said)


def read_synthesis(made: Path, said: str) -> Synthesis:
    """Reads what the izer says of a project.

    Args:
        made: Its folder.
        said: What the izer said on its way.

    Raises:
        IzerError: where its log is missing or says something else.
    """
    try:
        log = (made / "log.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise IzerError(f"the izer wrote no log in {made}") from None
    operations = re.search(r"^Hardware: ([\d,]+) ops \(([\d,]+) macc", log, re.MULTILINE)
    if operations is None:
        raise IzerError(f"the izer's log {made / 'log.txt'} does not say its operations")
    return Synthesis(
        folder=made,
        weight_bytes=_bytes(log, "Weight memory"),
        bias_bytes=_bytes(log, "Bias memory"),
        operations=_number(operations.group(1)),
        macs=_number(operations.group(2)),
        warnings=tuple(
            dict.fromkeys(line for line in said.splitlines() if line.startswith("WARNING"))
        ),
    )


def first_differing_layer(
    toolchain: Toolchain, folder: Path, project: Project, chip: Chip
) -> str | None:
    """The first layer whose output the izer computes otherwise than our reference; None: none.

    The izer is stopped after the first layer, the second, and so on; the folder must be `linked`.

    Raises:
        IzerError: where it refuses or fails, or leaves no answer.
    """
    base, names = project.arguments(chip, Variant.LATENCY), project.integers.network.names
    for index, wanted in enumerate(project.outputs()):
        with tempfile.TemporaryDirectory(dir=folder, prefix="trace-") as trace:
            arguments = [Path(trace).name if one == chip.name else one for one in base[2:]]
            _run(toolchain, folder, [*base[:2], *arguments, "--stop-after", str(index)])
            found = _answer(Path(trace) / project.name / ANSWER, name=names[index])
        if found != wanted.ravel().tolist():
            return names[index]
    return None


def _answer(path: Path, name: str) -> list[int]:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IzerError(f"the izer left no {path.name} of layer {name!r}: {error}") from None
    return [int(value) for value in found.ravel()]


def _run(toolchain: Toolchain, folder: Path, arguments: Sequence[str]) -> str:
    """Runs the izer in a folder that `linked` prepared; gives what it said."""
    command = [str(toolchain.python), PROGRAM, *arguments]
    environment = tool_environment() | _ENVIRONMENT
    try:
        with started(command, cwd=folder, env=environment, stderr=subprocess.STDOUT) as running:
            said, _ = running.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise IzerError(f"the izer took over {TIMEOUT_S} s and was stopped") from None
    except OSError as error:
        raise IzerError(f"the izer could not be started: {error}") from None
    if running.returncode:
        complaint = _complaint(said) or f"it said nothing (exit code {running.returncode})"
        raise IzerError(f"the izer failed: {complaint}")
    return said


def _complaint(said: str) -> str:
    """What it said was wrong: its own error, else the last line of a traceback, or nothing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return next(iter(errors or lines[-1:]), "")


def _bytes(log: str, what: str) -> int:
    found = re.search(rf"^{what}:\s+([\d,]+) bytes out of", log, re.MULTILINE)
    if found is None:
        raise IzerError(f"the izer's log does not say its {what.lower()}")
    return _number(found.group(1))


def _number(text: str) -> int:
    return int(text.replace(",", ""))
