# SPDX-License-Identifier: Apache-2.0
"""A word for who finds no candidate that fits the chip: the nearest, and what would do."""

from collections.abc import Sequence

from hardware.cost.model import CostModel
from hardware.network import Network
from hardware.placement.nearest_fit import advise
from mpqsearch.conditions import described, ranges
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import Outcome, TrialRecord


def nothing_fits(spec: StudySpec, records: Sequence[TrialRecord]) -> str:
    """Says which candidate exceeds the chip's limits least, and what would make it fit.

    Returns:
        One line; '' where some fit, or none was priced.
    """
    misfits = [one for one in records if one.outcome is Outcome.INFEASIBLE]
    if not misfits or len(misfits) < len(records):
        return ""
    model = CostModel(spec.chip, spec.calibration)

    def network(length: int) -> Network:
        return spec.task.checked_network(length)

    def overflow(record: TrialRecord) -> float:
        candidate = record.candidate
        return model.cost(network(candidate.input_length), candidate.bits).overflow

    nearest = min(misfits, key=overflow)
    candidate = nearest.candidate
    advice = advise(network(candidate.input_length), candidate.bits, spec.chip, network)
    return (
        f"nearest to the {spec.chip.name}: {described(nearest)}, {nearest.message}; {advice}. All"
        f" {len(misfits)} priced: {ranges(misfits)}"
    )
