# SPDX-License-Identifier: Apache-2.0
"""Builds a project's firmware with the vendor's SDK, and flashes it with OpenOCD."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hardware.board.firmware import FirmwareError, run_tool
from hardware.chips import Chip
from hardware.izer.toolchain import ToolchainError, find_toolchain

SDK = "MAXIM_PATH"
OPENOCD = "OPENOCD"
COMPILER = "arm-none-eabi-gcc"
INTERFACE = "interface/cmsis-dap.cfg"
BUILD_S = 600.0
FLASH_S = 120.0
_SDK_FILE = Path("Libraries", "libs.mk")
"""What every project's Makefile includes. Source: the izer's generated Makefile."""


@dataclass(frozen=True)
class OpenOcd:
    """An OpenOCD that knows the chips.

    Attributes:
        program: What is run.
        scripts: Folder of its scripts; None: those it finds by itself.
    """

    program: Path
    scripts: Path | None

    def command(self, elf: Path, chip: Chip, adapter: str | None = None) -> list[str]:
        """Flashes, verifies and starts.

        Args:
            elf: What to flash.
            chip: On which chip.
            adapter: Serial number of the debugger, where several are plugged in.

        Raises:
            FirmwareError: where a quote or brace in the path would end it.
        """
        if any(sign in str(elf) for sign in "{}\\"):
            raise FirmwareError(f"OpenOCD cannot be given the path {elf}; use one without braces")
        found = [str(self.program)]
        found += [] if self.scripts is None else ["-s", str(self.scripts)]
        found += ["-f", INTERFACE, "-f", self._target(chip)]
        found += [] if adapter is None else ["-c", f"adapter serial {{{adapter}}}"]
        return [*found, "-c", f"program {{{elf}}} verify reset exit"]

    def _target(self, chip: Chip) -> str:
        name = f"{chip.name.lower()}.cfg"
        if self.scripts is not None and (self.scripts / name).is_file():
            return name  # as ai8x-synthesis ships it
        return f"target/{name}"


def find_sdk() -> Path:
    """The vendor's SDK, which `MAXIM_PATH` names.

    Raises:
        FirmwareError: where it names none.
    """
    written = os.environ.get(SDK)
    if not written:
        raise FirmwareError(
            f"{SDK} is not set; to build firmware, install the vendor's MSDK and set {SDK} to it"
        )
    if not (Path(written) / _SDK_FILE).is_file():
        raise FirmwareError(f"{SDK} is {written}, which holds no {_SDK_FILE}: no MSDK")
    return Path(written).absolute()


def find_compiler() -> Path:
    """The cross compiler.

    Raises:
        FirmwareError: where there is none.
    """
    found = shutil.which(COMPILER)
    if found is None:
        raise FirmwareError(f"no {COMPILER} on the path; the MSDK brings one, Debian another")
    return Path(found)


def izer_checkout() -> Path | None:
    """The checkout of ai8x-synthesis that is used, which brings an OpenOCD; None: there is none."""
    try:
        toolchain = find_toolchain()
    except ToolchainError:
        return None
    return None if toolchain is None else toolchain.checkout


def find_openocd(synthesis: Path | None = None) -> OpenOcd:
    """The first OpenOCD of: `OPENOCD`, the SDK's, ai8x-synthesis', the path's.

    Args:
        synthesis: A checkout of ai8x-synthesis, which ships one.

    Raises:
        FirmwareError: where there is none, or `OPENOCD` names no program.
    """
    named = os.environ.get(OPENOCD)
    if named:
        program = shutil.which(named)
        if program is None:
            raise FirmwareError(f"{OPENOCD} is {named}, which is no program")
        beside = Path(program).parent / "scripts"
        return OpenOcd(Path(program), beside if beside.is_dir() else None)
    for place, scripts in _places(synthesis):
        if os.access(place, os.X_OK) and place.is_file():
            return OpenOcd(place, scripts)
    raise FirmwareError(
        f"no OpenOCD; the MSDK and ai8x-synthesis bring one, or set {OPENOCD} to one that knows the"
        " chips"
    )


def _places(synthesis: Path | None) -> Iterator[tuple[Path, Path | None]]:
    sdk = os.environ.get(SDK)
    if sdk:
        folder = Path(sdk).absolute() / "Tools" / "OpenOCD"
        yield folder / "openocd", folder / "scripts"
        yield folder / "openocd.exe", folder / "scripts"
    if synthesis is not None:
        folder = synthesis.absolute() / "openocd"
        machine = os.uname()
        system = f"{machine.sysname}_{machine.machine}"
        yield folder / "bin" / system / "openocd", folder
    on_path = shutil.which("openocd")
    if on_path is not None:
        yield Path(on_path), None


def build(folder: Path, chip: Chip) -> Path:
    """Builds the firmware of an exported project; gives the program for the chip.

    Args:
        folder: The project's folder of firmware, `...-board`.
        chip: For which chip.

    Raises:
        FirmwareError: where SDK or compiler are missing, or refuse.
    """
    if not (folder / "Makefile").is_file():
        raise FirmwareError(f"{folder} holds no firmware; export the pick again")
    sdk = find_sdk()
    find_compiler()
    command = ["make", f"{SDK}={sdk}", f"TARGET={chip.name}", "BOARD=EvKit_V1"]
    run_tool(command, timeout_s=BUILD_S, cwd=folder)
    elf = folder / "build" / f"{chip.name.lower()}.elf"
    if not elf.is_file():
        raise FirmwareError(f"make left no {elf}")
    return elf


def flash(elf: Path, chip: Chip, openocd: OpenOcd, adapter: str | None = None) -> None:
    """Flashes, verifies and starts a program.

    Raises:
        FirmwareError: where OpenOCD fails, in its own words.
    """
    run_tool(openocd.command(elf.absolute(), chip, adapter), timeout_s=FLASH_S)
