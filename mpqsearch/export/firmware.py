# SPDX-License-Identifier: Apache-2.0
"""The firmware that measures an exported pick on its board, beside the izer's projects."""

from pathlib import Path

from hardware.board.firmware import FirmwareError
from hardware.board.harness import project_checksum, write_firmware
from hardware.board.protocol import FIRMWARE_VERSION
from hardware.chips import Chip, chip_named
from hardware.izer.project import Variant
from mpqsearch.export.job import Job
from mpqsearch.export.manifest import BoardFirmware, IzerProject


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
