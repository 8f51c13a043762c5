# SPDX-License-Identifier: Apache-2.0
"""What is exported, how, and the manifest that says it."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from hardware.chips import CHIPS, Chip, ChipError, chip_named
from hardware.cost.mode import Mode
from hardware.cost.model import CostModel
from hardware.izer.project import Project
from hardware.izer.proof import PROVEN
from hardware.izer.toolchain import Toolchain
from hardware.network import format_bits
from mpqsearch.environment import package_versions, source_commit
from mpqsearch.errors import StudyError
from mpqsearch.export.manifest import (
    BoardFirmware,
    ChipCost,
    IzerProject,
    Manifest,
    Proof,
    SampleInput,
    Score,
)
from mpqsearch.export.selection import Scored
from mpqsearch.opened_study import OpenedStudy
from objectives.cache_folder import CacheFolder


@dataclass(frozen=True)
class Options:
    """How picks are exported.

    Attributes:
        chips: For which chips.
        toolchain: The izer; None: only its inputs are written.
        overwrite: Whether earlier exports of the same picks are replaced.
        max_speed: Whether weights and inputs load at the full clock (MAX78002 only).
        keep_bits: Whether weights are written at their own bits even where the izer is known to
            misplace them, as in published projects.
        cache: Where float phases are kept, for what must be trained again.
    """

    chips: tuple[Chip, ...]
    toolchain: Toolchain | None
    overwrite: bool = False
    max_speed: bool = False
    keep_bits: bool = False
    cache: CacheFolder | None = None


@dataclass(frozen=True)
class Job:
    """One pick to export.

    Attributes:
        opened: Its study.
        scored: Its network, and what that scores.
        project: What the izer is given of it.
        sample_index: Which sample of the validation split the project's sample is.
        chips: Chips that hold it, of those asked for.
        left_out: Why the others do not.
        options: How it is exported.
    """

    opened: OpenedStudy
    scored: Scored
    project: Project
    sample_index: int
    chips: tuple[Chip, ...]
    left_out: tuple[str, ...]
    options: Options


def chips_named(name: str) -> tuple[Chip, ...]:
    """The chips that `--chip` means: one by its name, or both.

    Raises:
        StudyError: for another name.
    """
    if name.lower() == "both":
        return tuple(CHIPS.values())
    try:
        return (chip_named(name),)
    except ChipError as error:
        raise StudyError(f"--chip: {error}; both takes both") from None


def describe(
    job: Job,
    projects: tuple[IzerProject, ...],
    proof: Proof,
    firmware: tuple[BoardFirmware, ...],
    files: dict[str, str],
) -> Manifest:
    """The manifest of a pick.

    Args:
        job: The pick.
        projects: What the izer made of it.
        proof: What is known of that.
        firmware: What measures it on a board.
        files: Checksums of all files.
    """
    opened, scored, project = job.opened, job.scored, job.project
    candidate, record = scored.chosen.candidate, scored.chosen.record
    toolchain = job.options.toolchain
    return Manifest(
        study=opened.name,
        trial=None if record is None else record.number,
        input_length=candidate.input_length,
        bits=candidate.bits_text,
        held_bits=format_bits(project.integers.bits),
        layer_names=project.integers.network.names,
        seed=opened.spec.seed,
        trained_again=scored.trained_again,
        data_source=opened.data.source,
        synthetic_data=opened.data.synthetic,
        data_sha256=opened.data.digest(),
        score=_score(scored),
        costs=tuple(_cost(job, chip) for chip in job.chips),
        left_out=job.left_out,
        sample=_sample(job),
        known_answer=tuple(int(value) for value in np.ravel(project.outputs()[-1])),
        proof=proof,
        proven=() if toolchain is None else (*PROVEN, "class of the sample"),
        izer_commit=None if toolchain is None else toolchain.commit,
        projects=projects,
        versions=package_versions(),
        commit=source_commit(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        files=files,
        firmware=firmware,
    )


def _sample(job: Job) -> SampleInput:
    index = job.sample_index
    label = int(job.opened.data.validation.labels[index])
    predicted = int(job.scored.predictions[index])
    return SampleInput(index, label, job.opened.data.class_names[label], predicted)


def _score(scored: Scored) -> Score:
    record = scored.chosen.record
    if record is None:
        return Score(scored.validation_accuracy, None, None, None, None, None, None)
    return Score(
        validation_accuracy=scored.validation_accuracy,
        recorded_accuracy=record.seed_accuracies[0],
        test_accuracy=None if scored.trained_again else record.test_accuracy,
        latency_us=record.latency_us,
        energy_uj=record.energy_uj,
        size_bytes=record.size_bytes,
        cost_origin=record.cost_origin,
    )


def _cost(job: Job, chip: Chip) -> ChipCost:
    spec = job.opened.spec
    calibration = spec.calibration if chip == spec.chip else None
    asked: Chip | Mode = chip
    if job.options.max_speed and chip.name == "MAX78002":
        mode = Mode.default(chip)
        asked = dataclasses.replace(mode, load_clock_mhz=mode.clock_hz / 1e6)
        calibration = None  # of another mode
    integers = job.project.integers
    cost = CostModel(asked, calibration).cost(integers.network, integers.bits)
    return ChipCost(
        chip=chip.name,
        mode=str(cost.mode),
        latency_us=cost.latency_us,
        energy_uj=cost.energy_uj,
        weight_load_us=cost.weight_load_us,
        weight_load_uj=cost.weight_load_uj,
        size_bytes=cost.size_bytes,
    )
