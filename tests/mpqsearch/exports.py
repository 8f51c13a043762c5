# SPDX-License-Identifier: Apache-2.0
"""A manifest of a network larger than the indoor one, for tests that need no study."""

import dataclasses
from typing import Any

from hardware.cost.figure import Figure, Origin
from mpqsearch.export.manifest import (
    ChipCost,
    IzerProject,
    Manifest,
    Proof,
    SampleInput,
    Score,
)


def chip_cost(chip: str = "MAX78002", **changes: Any) -> ChipCost:
    figure = Figure.around(1234.5, 100.0, Origin.ANALYTIC)
    energy = Figure.around(123.45, 10.0, Origin.ANALYTIC)
    cost = ChipCost(
        chip=chip,
        mode=f"{chip}, IPLL 200 MHz pipelined, load 50 MHz, 1.1 V",
        latency_us=figure,
        energy_uj=energy,
        weight_load_us=figure,
        weight_load_uj=energy,
        size_bytes=Figure.exact(98_765),
    )
    return dataclasses.replace(cost, **changes)


def izer_project(chip: str = "MAX78002", **changes: Any) -> IzerProject:
    project = IzerProject(
        chip=chip,
        variant="latency",
        folder=f"{chip}/91-4-8-2-4",
        weight_bytes=98_687,
        bias_bytes=78,
        operations=2_500_000,
        macs=1_234_567,
        warnings=(),
        differences=(),
    )
    return dataclasses.replace(project, **changes)


def manifest(**changes: Any) -> Manifest:
    found = Manifest(
        study="indoor",
        trial=7,
        input_length=91,
        bits="4-8-2-4",
        held_bits="4-8-2-4",
        layer_names=("conv1", "conv2", "fc1", "fc2"),
        seed=42,
        trained_again=False,
        data_source="recordings",
        synthetic_data=False,
        data_sha256="0" * 64,
        score=Score(0.9876, 0.9876, 0.97, 1234.5, 123.45, 98_765, "analytic"),
        costs=(chip_cost("MAX78000"), chip_cost("MAX78002")),
        left_out=(),
        sample=SampleInput(3, 1, "room", 1),
        known_answer=(-5, 7),
        proof=Proof.EXACT,
        proven=("known answer",),
        izer_commit="ab4f4c0",
        projects=(izer_project("MAX78000"), izer_project("MAX78002")),
        versions={"torch": "2.13.0"},
        commit=None,
        created="2026-01-01T00:00:00+00:00",
    )
    return dataclasses.replace(found, **changes)
