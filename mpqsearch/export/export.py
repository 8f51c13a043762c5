# SPDX-License-Identifier: Apache-2.0
"""From picks to proven projects: each in a folder of its own, whole or not at all."""

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardware.candidate import Candidate
from hardware.chips import Chip
from hardware.integer import IntegerNetwork
from hardware.izer.child_process import end_all
from hardware.izer.project import Project, Variant, arch_name, write_inputs
from hardware.izer.proof import differences
from hardware.izer.synthesis import first_differing_layer, linked, synthesize
from hardware.izer.toolchain import PINNED_COMMIT
from hardware.placement.limits import DoesNotFit
from hardware.placement.nearest_fit import check_fit
from hardware.placement.packing import sound_bits
from mpqsearch.errors import RunFailed, StudyError
from mpqsearch.export.firmware import add_firmware, allow_build
from mpqsearch.export.folder import DIFFERS, ExportFolder
from mpqsearch.export.job import Job, Options, describe
from mpqsearch.export.manifest import IzerProject, Manifest, Proof, checksums, write_manifest
from mpqsearch.export.selection import (
    Chosen,
    Scored,
    Selection,
    choose_candidates,
    first_right,
    score,
)
from mpqsearch.machine import Machine, objective_of
from mpqsearch.opened_study import OpenedStudy
from objectives.accuracy import Failure, Score
from objectives.cache_folder import CacheFolder
from objectives.process import prepare_process

MOST_AT_ONCE = 4
"""Runs of the izer at once: the variants of one pick on both chips."""


@dataclass(frozen=True)
class Exported:
    """One exported pick: its folder and its manifest."""

    folder: Path
    manifest: Manifest


def export_picks(
    opened: OpenedStudy,
    selection: Selection,
    to: Path,
    options: Options,
    say: Callable[[str], None],
) -> Iterator[Exported]:
    """Exports what a selection means, giving each pick as soon as its folder is there.

    Args:
        opened: The study.
        selection: What to export.
        to: Folder of the exports.
        options: How.
        say: Told what is done next, a line each.

    Raises:
        StudyError: for a wrong request; nothing is written then.
        DoesNotFit: where no pick fits a chip that was asked for.
        IzerError: where the izer fails.
        RunFailed: where a training fails, or a kept network is not the one that was scored.
    """
    prepare_process(1)
    _ = opened.data  # refused here where they have changed, before anything is made
    networks: dict[Candidate, IntegerNetwork] = {}

    def train(candidate: Candidate) -> IntegerNetwork:
        if candidate not in networks:
            say(f"training {candidate}: its network is not at hand")
            networks[candidate] = _trained(opened, candidate, options.cache)
        return networks[candidate]

    chosen = choose_candidates(opened, selection, train)
    _check_some_fit(opened, chosen, options)
    folder = ExportFolder(to)
    with folder.locked():
        if not options.overwrite:
            folder.check_free([_name(one.candidate) for one in chosen])
        _announce(selection, options, say)
        for number, one in enumerate(chosen, 1):
            chips, left_out = _chips_of(opened, one.candidate, options)
            if not chips:
                say(f"{one.candidate} is left out: {'; '.join(left_out)}")
                continue
            scored = score(opened, one, train)
            step = "writing" if options.toolchain is None else "synthesizing"
            say(f"{step} {_name(one.candidate)}, {number} of {len(chosen)}")
            yield _export(_job(opened, scored, chips, left_out, options), folder)


def _announce(selection: Selection, options: Options, say: Callable[[str], None]) -> None:
    """Says what is exported, and whether by another izer than the tested one."""
    if selection.meaning:
        say(selection.meaning)
    commit = PINNED_COMMIT if options.toolchain is None else options.toolchain.commit
    if commit != PINNED_COMMIT:
        found = "no known commit" if commit is None else f"commit {commit[:12]}"
        say(
            f"ai8x-synthesis is at {found}, not at {PINNED_COMMIT[:12]}, which is tested; what it"
            " writes is compared all the same"
        )


def _name(candidate: Candidate) -> str:
    return f"{candidate.input_length}-{candidate.bits_text}"


def _job(
    opened: OpenedStudy,
    scored: Scored,
    chips: tuple[Chip, ...],
    left_out: tuple[str, ...],
    options: Options,
) -> Job:
    candidate = scored.chosen.candidate
    split = opened.validation(candidate.input_length)
    index = first_right(scored.predictions.tolist(), split.labels.tolist())
    project = Project(
        name=_name(candidate),
        arch=arch_name(opened.name),
        about=f"Study {opened.name}, candidate {candidate}",
        integers=scored.integers.held_at(_held(opened, candidate, options)),
        sample=split.inputs[index],
    )
    return Job(opened, scored, project, index, chips, left_out, options)


def _trained(
    opened: OpenedStudy, candidate: Candidate, cache: CacheFolder | None
) -> IntegerNetwork:
    objective = objective_of(opened.spec, opened.data, Machine(cache=cache))
    for result in objective.evaluate([candidate], seed=opened.spec.seed):
        if isinstance(result, Failure):
            raise RunFailed(f"{candidate} could not be trained: {result.reason}")
        if isinstance(result, Score):
            return result.integers
    raise RunFailed(f"{candidate} could not be trained: the training gave no result")


def _held(opened: OpenedStudy, candidate: Candidate, options: Options) -> tuple[int, ...]:
    """The widths at which a candidate's weights are written."""
    if options.keep_bits:
        return candidate.bits
    return sound_bits(opened.network(candidate.input_length), candidate.bits)


def _chips_of(
    opened: OpenedStudy, candidate: Candidate, options: Options
) -> tuple[tuple[Chip, ...], tuple[str, ...]]:
    """The chips that hold a candidate as it is written, and why others do not."""
    network = opened.network(candidate.input_length)
    held = _held(opened, candidate, options)
    fitting, left_out = [], []
    for chip in options.chips:
        try:
            check_fit(network, held, chip)
            fitting.append(chip)
        except DoesNotFit as reason:
            left_out.append(str(reason))
    return tuple(fitting), tuple(left_out)


def _check_some_fit(opened: OpenedStudy, chosen: list[Chosen], options: Options) -> None:
    reasons = []
    for one in chosen:
        chips, left_out = _chips_of(opened, one.candidate, options)
        if chips:
            return
        reasons += [f"{one.candidate} {reason}" for reason in left_out]
    raise DoesNotFit(reasons[0] + (f"; nor do {len(chosen) - 1} others" if chosen[1:] else ""))


def _export(job: Job, folder: ExportFolder) -> Exported:
    with folder.partial(job.project.name) as partial:
        write_inputs(partial, job.project, job.chips, max_speed=job.options.max_speed)
        projects = _synthesized(partial, job)
        proof = _proof(projects, job.options)
        firmware = () if proof is Proof.DIFFERS else add_firmware(partial, job, projects)
        manifest = describe(job, projects, proof, firmware, checksums(partial))
        write_manifest(partial, manifest)
        name = job.project.name + (DIFFERS if proof is Proof.DIFFERS else "")
        final = folder.finish(partial, name)
        allow_build(final, manifest)
        return Exported(final, manifest)


def _synthesized(partial: Path, job: Job) -> tuple[IzerProject, ...]:
    """Runs the izer for every chip and variant, a few at once, and compares what it made."""
    toolchain, project = job.options.toolchain, job.project
    if toolchain is None:
        return ()

    def run(chip: Chip, variant: Variant) -> IzerProject:
        made = synthesize(
            toolchain, partial, project, chip, variant, max_speed=job.options.max_speed
        )
        found = [*differences(project, chip, made), *_class_difference(job)]
        return IzerProject(
            chip=chip.name,
            variant=variant.value,
            folder=made.folder.relative_to(partial).as_posix(),
            weight_bytes=made.weight_bytes,
            bias_bytes=made.bias_bytes,
            operations=made.operations,
            macs=made.macs,
            warnings=made.warnings,
            differences=tuple(found),
        )

    pairs = [(chip, variant) for chip in job.chips for variant in Variant]
    with linked(toolchain, partial):
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            try:
                projects = tuple(pool.map(lambda pair: run(*pair), pairs))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                end_all()
                raise
        if any(one.differences for one in projects):
            first = first_differing_layer(toolchain, partial, project, job.chips[0])
            if first is not None:
                said = f"the izer's simulation differs first in layer {first}"
                projects = tuple(
                    dataclasses.replace(one, differences=(said, *one.differences))
                    for one in projects
                )
    return projects


def _class_difference(job: Job) -> list[str]:
    """Whether the known answer, which the izer's must equal, gives the class that was scored."""
    given = int(np.argmax(job.project.outputs()[-1]))
    scored = int(job.scored.predictions[job.sample_index])
    return [] if given == scored else [f"the sample's class is {given}, not {scored} as scored"]


def _proof(projects: tuple[IzerProject, ...], options: Options) -> Proof:
    if not projects:
        return Proof.NOT_SYNTHESIZED
    found = {one for project in projects for one in project.differences}
    if not found:
        return Proof.EXACT
    expected = all(one.startswith("weights.h does not hold the weights") for one in found)
    return Proof.MISPLACED if options.keep_bits and expected else Proof.DIFFERS


def check_proven(exported: list[Exported]) -> None:
    """Raises RunFailed where a pick is not proven; StudyError where nothing was exported."""
    if not exported:
        raise StudyError("nothing was exported")
    for one in exported:
        if one.manifest.proof is Proof.DIFFERS:
            said = next(
                difference
                for project in one.manifest.projects
                for difference in project.differences
            )
            raise RunFailed(
                f"{one.manifest.name} is not what was scored: {said}; do not flash {one.folder}"
            )
