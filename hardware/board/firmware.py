# SPDX-License-Identifier: Apache-2.0
"""The firmware's sources, and its host port built from them."""

import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "firmware"


class FirmwareError(OSError):
    """Firmware that cannot be built or flashed; the message says the next step."""


def firmware_sources() -> Path:
    """The folder of C sources.

    Raises:
        FirmwareError: where it did not come along.
    """
    if not (SOURCES / "core" / "codes.h").is_file():
        raise FirmwareError(f"no firmware in {SOURCES}; run mpqsearch from a clone")
    return SOURCES


def missing_host_tools() -> list[str]:
    """What building the host port lacks here: a C compiler, make, or nothing."""
    compiler = os.environ.get("CC", "cc").split()[0]
    return [tool for tool in (compiler, "make") if shutil.which(tool) is None]


def build_host(folder: Path) -> Path:
    """Builds the host port into an existing folder; gives the program.

    Raises:
        FirmwareError: where a tool is missing or the compiler refuses.
    """
    missing = missing_host_tools()
    if missing:
        raise FirmwareError(
            f"the simulated board is a C program, to build which {' and '.join(missing)} is"
            " missing; install gcc and make"
        )
    run_tool(["make", "-C", str(firmware_sources()), f"BUILD={folder.resolve()}", "host"])
    return folder / "harness"


def run_tool(command: list[str], *, timeout_s: float = 600.0, cwd: Path | None = None) -> str:
    """Runs a tool; gives what it said.

    Raises:
        FirmwareError: where it cannot be started, takes too long, or fails: with its last words.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  (make and OpenOCD, with arguments of our own making)
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(f"{name} took over {timeout_s:g} s and was stopped") from None
    except OSError as error:
        raise FirmwareError(f"{name} could not be started: {error.strerror}") from None
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in said if "error" in line.lower()]
        last = next(iter(errors or said[-1:]), f"exit code {done.returncode}, no word")
        raise FirmwareError(f"{name} failed: {last}")
    return done.stdout
