# SPDX-License-Identifier: Apache-2.0
"""Contents of a report that nobody searched: candidates with plausible figures."""

import dataclasses
import itertools
import random
from datetime import datetime, timedelta
from typing import Any

from hardware.candidate import Candidate
from mpqsearch.report.contents import Contents
from mpqsearch.report.uncertainty import uncertainty_of
from mpqsearch.storage import About
from mpqsearch.trials import Outcome, TrialRecord

LAYERS = ("conv1", "conv2", "fc1", "fc2")
LENGTHS = tuple(range(100, 0, -1))
ABOUT = About(
    study="made up",
    source="nobody <measured> these",
    synthetic=True,
    mode="MAX78002, IPLL 200 MHz pipelined",
    layer_names=LAYERS,
    candidates=len(LENGTHS) * 4 ** len(LAYERS),
)


def record(length: int, bits: str, accuracy: float, **changes: Any) -> TrialRecord:
    """A scored record; its costs rise with length and bits."""
    candidate = Candidate.parse(length, bits)
    found = TrialRecord(
        number=0,
        candidate=candidate,
        outcome=Outcome.SCORED,
        accuracy=accuracy,
        latency_us=10.0 + 1.3 * length,
        energy_uj=1.0 + 0.3 * length + 0.01 * sum(candidate.bits),
        size_bytes=100 + length * sum(candidate.bits),
        cost_origin="analytic",
        rungs=((0.0, accuracy / 2), (0.5, accuracy * 0.9), (1.0, accuracy)),
        seed_accuracies=(accuracy,),
        train_seconds=1.0,
    )
    return dataclasses.replace(found, **changes)


def records(count: int, seed: int = 0) -> list[TrialRecord]:
    """Records of all outcomes, the first three the uniform references."""
    generator = random.Random(seed)
    space = itertools.product(LENGTHS, itertools.product((8, 4, 2, 1), repeat=4))
    drawn = generator.sample(list(space), count)
    uniform = [(LENGTHS[0], (bits,) * 4) for bits in (8, 4, 2)]
    found = []
    for number, (length, bits) in enumerate([*uniform, *drawn][:count]):
        error = 0.01 + 0.5 / length + 0.05 / sum(bits) + abs(generator.gauss(0, 0.01))
        changes: dict[str, Any] = {"number": number}
        if number < len(uniform):
            changes["reference"] = f"uniform {bits[0]}"
        elif number % 5 == 4:
            changes |= {"outcome": Outcome.PRUNED, "seed_accuracies": (), "saved_seconds": 0.5}
            changes |= {"message": "stopped early", "rungs": ((0.0, 0.3), (0.5, 1 - error))}
        elif number % 7 == 6:
            changes |= {"outcome": Outcome.INFEASIBLE, "accuracy": 0.0, "rungs": ()}
            changes |= {"message": "weights: 9 of 8 <words>", "seed_accuracies": ()}
        text = "-".join(map(str, bits))
        accuracy = changes.pop("accuracy", round(1 - error, 4))
        found.append(record(length, text, accuracy, **changes))
    return list({one.candidate: one for one in found}.values())


def contents(found: list[TrialRecord], **changes: Any) -> Contents:
    """The contents of a report of these records, one second a trial."""
    begun = datetime(2026, 1, 1)
    second = timedelta(seconds=1)
    numbers = [one.number for one in found if one.number is not None]
    times = {number: (begun + number * second, begun + (number + 1) * second) for number in numbers}
    known = uncertainty_of(found, lambda: 1000)
    return Contents(ABOUT, tuple(found), **{"times": times, "uncertainty": known, **changes})
