# SPDX-License-Identifier: Apache-2.0
"""What is known of a candidate after it was tried, and how it is found again."""

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from hardware.cost.model import Cost
from mpqsearch.board_figures import BoardFigures
from mpqsearch.printable import printable_all
from mpqsearch.space import Space

OBJECTIVES = ("accuracy", "latency_us", "energy_uj", "size_bytes")
DIRECTIONS = (
    StudyDirection.MAXIMIZE,
    StudyDirection.MINIMIZE,
    StudyDirection.MINIMIZE,
    StudyDirection.MINIMIZE,
)
FIT_CONSTRAINT = "fits_the_chip"
"""Optuna constraint: the largest share by which a limit of the chip is exceeded."""

WORKER = "worker"
"""User attribute of a trial: which of several workers has it, as run:process."""
TAKEN_BACK = "taken_back"
"""User attribute of a queued trial: how often a worker that had its candidate has died."""
PROPOSED_BY = "proposed_by"
"""User attribute of a queued trial: the baseline whose candidate it has."""


class Outcome(enum.Enum):
    """How a trial ended."""

    SCORED = "scored"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


STATES = {
    Outcome.SCORED: TrialState.COMPLETE,
    Outcome.PRUNED: TrialState.PRUNED,
    Outcome.INFEASIBLE: TrialState.COMPLETE,
    Outcome.FAILED: TrialState.FAIL,
}
"""How each outcome is told to Optuna."""


@dataclass(frozen=True)
class TrialRecord:
    """One candidate, tried: a plain record of what Optuna's storage holds.

    Attributes:
        number: Optuna's trial number; None for a reference outside the search space.
        candidate: Input length and bits.
        outcome: Scored, pruned (its training was stopped early), infeasible (priced, never
            trained) or failed.
        accuracy: Validation accuracy of the integer network, 0 to 1, the mean over its seeds;
            where it was pruned, at its last rung; 0 where it was not trained.
        latency_us: Copying the input and computing it, microseconds.
        energy_uj: Energy of the same, microjoules.
        size_bytes: Weights and biases.
        cost_origin: Where latency and energy come from: analytic, calibrated or measured.
        rungs: Share of the QAT steps done and validation accuracy there, of the first seed: from
            0, the quantized float network, to 1.
        seed_accuracies: Validation accuracy at each seed: the study's seed, the next one, ...
        train_seconds: Wall time of the training.
        saved_seconds: Wall time that stopping it early has saved, estimated from its steps.
        reference: Name of a reference row, "uniform 8"; empty otherwise.
        message: Why it failed or does not fit; empty otherwise.
        proposed_by: Name of the baseline that proposed it; empty for the sampler's own.
        test_accuracy: Accuracy on the test split, 0 to 1, where it was computed: for the front
            and the references, after the search.
        board: What boards gave, measured or simulated, a mode each.
    """

    number: int | None
    candidate: Candidate
    outcome: Outcome
    accuracy: float
    latency_us: float
    energy_uj: float
    size_bytes: int
    cost_origin: str
    rungs: tuple[tuple[float, float], ...] = ()
    seed_accuracies: tuple[float, ...] = ()
    train_seconds: float = 0.0
    saved_seconds: float = 0.0
    reference: str = ""
    message: str = ""
    proposed_by: str = ""
    test_accuracy: float | None = None
    board: tuple[BoardFigures, ...] = ()

    @property
    def values(self) -> tuple[float, float, float, float]:
        """The objectives, in Optuna's order."""
        return self.accuracy, self.latency_us, self.energy_uj, float(self.size_bytes)

    @classmethod
    def priced(cls, number: int | None, candidate: Candidate, cost: Cost, **known: Any) -> Self:
        """A record of a candidate with its cost."""
        return cls(
            number=number,
            candidate=candidate,
            latency_us=cost.latency_us.value,
            energy_uj=cost.energy_uj.value,
            size_bytes=int(cost.size_bytes.value),
            cost_origin=cost.latency_us.origin.value,
            **known,
        )

    def attributes(self) -> dict[str, Any]:
        """The record as an Optuna trial's user attributes: few, since each is a commit."""
        return {
            "candidate": str(self.candidate),
            "outcome": self.outcome.value,
            "details": {
                "values": list(self.values),
                "cost_origin": self.cost_origin,
                "rungs": [list(rung) for rung in self.rungs],
                "seed_accuracies": list(self.seed_accuracies),
                "train_seconds": round(self.train_seconds, 3),
                "saved_seconds": round(self.saved_seconds, 3),
                "reference": self.reference,
                "message": self.message,
            },
        }

    def with_seeds(self, further: Sequence[float]) -> Self:
        """The record with its accuracies at further seeds, and the mean over all of them."""
        if not further:
            return self
        accuracies = (*self.seed_accuracies, *further)
        mean = sum(accuracies) / len(accuracies)
        return dataclasses.replace(self, accuracy=mean, seed_accuracies=accuracies)

    @property
    def costs(self) -> tuple[float, float, float]:
        """The objectives but accuracy."""
        return self.latency_us, self.energy_uj, float(self.size_bytes)

    @classmethod
    def from_attributes(
        cls, number: int | None, attributes: dict[str, Any], test_accuracy: float | None
    ) -> Self:
        """The record that `attributes` was written from."""
        length, _, bits = attributes["candidate"].partition(" ")
        details = printable_all(attributes["details"])
        values = details["values"]
        return cls(
            number=number,
            candidate=Candidate.parse(int(length), bits),
            outcome=Outcome(attributes["outcome"]),
            accuracy=values[0],
            latency_us=values[1],
            energy_uj=values[2],
            size_bytes=int(values[3]),
            cost_origin=details["cost_origin"],
            rungs=tuple((share, accuracy) for share, accuracy in details["rungs"]),
            seed_accuracies=tuple(details["seed_accuracies"]),
            train_seconds=details["train_seconds"],
            saved_seconds=details["saved_seconds"],
            reference=details["reference"],
            message=details["message"],
            proposed_by=printable_all(attributes.get(PROPOSED_BY, "")),
            test_accuracy=test_accuracy,
        )

    def to_json(self) -> dict[str, Any]:
        """The record for programs, bits written as everywhere."""
        found = dataclasses.asdict(self)
        del found["candidate"]
        return {
            **found,
            "input_length": self.candidate.input_length,
            "bits": self.candidate.bits_text,
            "outcome": self.outcome.value,
        }


def record_of(trial: FrozenTrial, test_accuracy: float | None) -> TrialRecord | None:
    """The record of a finished Optuna trial; None for one that holds none.

    Those are running and repeated ones, and one whose process died after its attributes were
    written and before its values were: it counts as failed in Optuna, and says `scored` itself.
    """
    outcome = trial.user_attrs.get("outcome")
    if outcome is None or trial.state is not STATES[Outcome(outcome)]:
        return None
    return TrialRecord.from_attributes(trial.number, trial.user_attrs, test_accuracy)


def candidate_of(trial: FrozenTrial, space: Space) -> Candidate | None:
    """The candidate of a trial; None where it has none of this space, or has not chosen yet.

    A queued trial, and one that was just taken from the queue, has its candidate already.
    """
    parameters = trial.params
    if not parameters.keys() >= space.parameter_names:
        parameters = trial.system_attrs.get("fixed_params", {})
        if not parameters.keys() >= space.parameter_names:
            return None
    candidate = space.candidate(parameters)
    return candidate if candidate in space else None


def run_of(trial: FrozenTrial) -> str:
    """The run whose worker has a trial; empty where it is not marked."""
    return str(trial.user_attrs.get(WORKER, "")).rpartition(":")[0]
