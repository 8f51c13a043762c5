# SPDX-License-Identifier: Apache-2.0
"""The firmware that measures an exported pick on its board, beside the izer's projects."""

import hashlib
import json
import shutil
from pathlib import Path

from hardware.board.firmware import FirmwareError
from hardware.board.harness import project_checksum, write_firmware
from hardware.board.protocol import FIRMWARE_VERSION
from hardware.chips import Chip, chip_named
from hardware.izer.project import Variant
from mpqsearch.allowed_code import all_allowed, allow_code, check_allowed
from mpqsearch.errors import StudyError
from mpqsearch.export.job import Job
from mpqsearch.export.manifest import BoardFirmware, IzerProject, Manifest, checksums

BUILD = "build"
"""Folder that make fills, in that of the firmware."""


def add_firmware(
    partial: Path, job: Job, projects: tuple[IzerProject, ...]
) -> tuple[BoardFirmware, ...]:
    """Writes the firmware of every chip's project; where it cannot be, the reason is kept.

    Args:
        partial: The pick's folder.
        job: The pick.
        projects: What the izer made; the firmware goes with those made to measure energy.
    """
    energy = Variant.ENERGY.value
    return tuple(
        _write(partial / one.folder, partial, job, chip_named(one.chip))
        for one in projects
        if one.variant == energy
    )


def _write(project: Path, partial: Path, job: Job, chip: Chip) -> BoardFirmware:
    network, task = job.project.integers.network, job.opened.spec.task
    try:
        folder = write_firmware(project, job.project.name, network, chip, task.application)
        checksum = project_checksum(project)
    except FirmwareError as error:
        return BoardFirmware(chip.name, "", "", FIRMWARE_VERSION, left_out=str(error))
    where = folder.relative_to(partial).as_posix()
    return BoardFirmware(chip.name, where, checksum, FIRMWARE_VERSION)


def allow_build(folder: Path, manifest: Manifest) -> None:
    """Remembers that firmware written here may be built here."""
    if any(one.folder for one in manifest.firmware) and not all_allowed():
        allow_code(folder.resolve(), _digest(folder))


def check_build(folder: Path, *, allow: bool) -> None:
    """Refuses to build the firmware of an export from elsewhere unasked: its Makefiles run here.

    Args:
        folder: The pick's folder.
        allow: Whether it is allowed now, and remembered.

    Raises:
        StudyError: where it is not allowed.
    """
    kind = "a project whose Makefiles run here, and"
    check_allowed(folder.resolve(), _digest(folder), "firmware", allow=allow, kind=kind)


def firmware_folder(folder: Path, firmware: BoardFirmware) -> Path:
    """Where a pick's firmware lies, cleared of what an earlier make, or another's, has left.

    Raises:
        StudyError: where the manifest names a folder that is not in the pick's.
    """
    found = folder / firmware.folder
    if not found.resolve().is_relative_to(folder.resolve()):
        raise StudyError(f"{folder} says its firmware lies in {found}; export it again")
    left = found / BUILD
    if left.is_symlink():
        left.unlink()
    else:
        shutil.rmtree(left, ignore_errors=True)
    return found


def _digest(folder: Path) -> str:
    """SHA-256 over all that make may read of a pick: names and contents, but what make makes."""
    files = {
        name: digest
        for name, digest in checksums(folder).items()
        if BUILD not in Path(name).parts[:-1]
    }
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()
