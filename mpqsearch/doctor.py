# SPDX-License-Identifier: Apache-2.0
"""Finds what would stop a run, before the run."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hardware.board.firmware import FirmwareError, missing_host_tools
from hardware.board.flash import COMPILER, find_compiler, find_openocd, find_sdk, izer_checkout
from hardware.board.ports import ports
from hardware.izer.toolchain import Toolchain, ToolchainError, find_toolchain, installed_place
from hardware.izer.toolchain import examine as examine_toolchain
from mpqsearch.environment import package_versions
from mpqsearch.run_folder import FREE_BYTES_NEEDED
from mpqsearch.top_level import hidden_packages


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, and the next step where it is not.

    Attributes:
        what: What was checked.
        found: What was found.
        well: Whether that will do.
        needed: Whether a search needs it; otherwise it is for later steps.
    """

    what: str
    found: str
    well: bool
    needed: bool = True


def examine(runs: Path) -> Iterator[Finding]:
    """Checks the environment that `mpqsearch run` and the steps after it need."""
    hidden = hidden_packages()
    yield Finding("top-level packages", hidden[0] if hidden else "ours", not hidden)
    for name, version in package_versions().items():
        advice = "missing; run make install" if version == "missing" else version
        yield Finding(name, advice, version != "missing")
    yield _torch()
    yield _run_folder(runs)
    yield _izer()
    yield from _board_tools()
    yield _boards()


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", f"torch cannot be imported: {error}", well=False)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return Finding("device", f"{name}, {os.cpu_count()} cores", well=True)


def _run_folder(runs: Path) -> Finding:
    parent = next(
        folder for folder in [runs.absolute(), *runs.absolute().parents] if folder.exists()
    )
    if not parent.is_dir():
        return Finding("run folder", f"{parent} is no folder; use --runs", well=False)
    free = shutil.disk_usage(parent).free
    if not os.access(parent, os.W_OK):
        return Finding("run folder", f"{parent} cannot be written; use --runs", well=False)
    said = f"{runs}, {free / 1e9:.1f} GB free"
    return Finding("run folder", said, free >= FREE_BYTES_NEEDED)


def _izer() -> Finding:
    try:
        toolchain = find_toolchain()
    except ToolchainError as error:
        return Finding("ai8x-synthesis", str(error), well=False, needed=False)
    if toolchain is None:
        said = "not installed; to synthesize picks, run mpqsearch izer install"
        return Finding("ai8x-synthesis", said, well=False, needed=False)
    seen = examine_toolchain(toolchain)
    if seen.works:
        notes = seen.notes or (f"commit {str(seen.commit)[:12]}",)
        said = "; ".join([str(toolchain.checkout), *notes])
        return Finding("ai8x-synthesis", said, well=True, needed=False)
    said = "; ".join([f"{toolchain.checkout}: {seen.problems[0]}", *seen.problems[1:], *seen.notes])
    return Finding("ai8x-synthesis", f"{said}; {_repair(toolchain)}", well=False, needed=False)


def _repair(toolchain: Toolchain) -> str:
    """The next step for a toolchain whose packages will not do."""
    if toolchain.python.is_relative_to(installed_place()):
        return "run mpqsearch izer install --force"
    return (
        f"install its requirements.txt for {toolchain.python}, or unset AI8X_SYNTHESIS and run"
        " mpqsearch izer install"
    )


def _board_tools() -> Iterator[Finding]:
    """What building and flashing firmware needs, and what the simulated board does."""
    tools: tuple[tuple[str, Callable[[], object]], ...] = (
        ("MSDK", find_sdk),
        (COMPILER, find_compiler),
        ("OpenOCD", lambda: find_openocd(izer_checkout()).program),
    )
    for name, find in tools:
        try:
            yield Finding(name, str(find()), well=True, needed=False)
        except FirmwareError as error:
            yield Finding(name, str(error), well=False, needed=False)
    missing = missing_host_tools()
    said = f"no {' and no '.join(missing)}; install gcc and make" if missing else "cc and make"
    yield Finding("simulated board", said, not missing, needed=False)


def _boards() -> Finding:
    """The kits' ports that are plugged in."""
    found = [f"{port.name} ({port.device.label})" for port in ports() if port.device is not None]
    if not found:
        said = "none plugged in; mpqsearch measure --simulated needs none"
        return Finding("board", said, well=False, needed=False)
    return Finding("board", ", ".join(found), well=True, needed=False)
