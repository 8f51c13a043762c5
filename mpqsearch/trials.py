# SPDX-License-Identifier: Apache-2.0
"""What is known of a candidate after it was tried, and how it is found again."""

import dataclasses
import enum
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from hardware.cost.model import Cost
from objectives.recipe import Recipe

OBJECTIVES = ("accuracy", "latency_us", "energy_uj", "size_bytes")
DIRECTIONS = (
    StudyDirection.MAXIMIZE,
    StudyDirection.MINIMIZE,
    StudyDirection.MINIMIZE,
    StudyDirection.MINIMIZE,
)
FIT_CONSTRAINT = "fits_the_chip"
"""Optuna constraint: the largest share by which a limit of the chip is exceeded."""


class Outcome(enum.Enum):
    """How a trial ended."""

    SCORED = "scored"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


@dataclass(frozen=True)
class TrialRecord:
    """One candidate, tried: a plain record of what Optuna's storage holds.

    Attributes:
        number: Optuna's trial number; None for a reference outside the search space.
        candidate: Input length and bits.
        outcome: Scored, infeasible (priced, never trained) or failed.
        accuracy: Validation accuracy of the integer network, 0 to 1; 0 where it was not trained.
        latency_us: Copying the input and computing it, microseconds.
        energy_uj: Energy of the same, microjoules.
        size_bytes: Weights and biases.
        cost_origin: Where latency and energy come from: analytic, calibrated or measured.
        rung_accuracies: Validation accuracies before QAT and after each QAT epoch.
        train_seconds: Wall time of the training.
        reference: Name of a reference row, "uniform 8"; empty otherwise.
        message: Why it failed or does not fit; empty otherwise.
        test_accuracy: Accuracy on the test split, 0 to 1, where it was computed: for the front
            and the references, after the search.
    """

    number: int | None
    candidate: Candidate
    outcome: Outcome
    accuracy: float
    latency_us: float
    energy_uj: float
    size_bytes: int
    cost_origin: str
    rung_accuracies: tuple[float, ...] = ()
    train_seconds: float = 0.0
    reference: str = ""
    message: str = ""
    test_accuracy: float | None = None

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
                "cost_origin": self.cost_origin,
                "rung_accuracies": list(self.rung_accuracies),
                "train_seconds": round(self.train_seconds, 3),
                "reference": self.reference,
                "message": self.message,
            },
        }

    @classmethod
    def from_attributes(
        cls,
        number: int | None,
        values: list[float],
        attributes: dict[str, Any],
        test_accuracy: float | None,
    ) -> Self:
        """The record that `attributes` and the objectives' values were written from."""
        length, _, bits = attributes["candidate"].partition(" ")
        details = attributes["details"]
        return cls(
            number=number,
            candidate=Candidate.parse(int(length), bits),
            outcome=Outcome(attributes["outcome"]),
            accuracy=values[0],
            latency_us=values[1],
            energy_uj=values[2],
            size_bytes=int(values[3]),
            cost_origin=details["cost_origin"],
            rung_accuracies=tuple(details["rung_accuracies"]),
            train_seconds=details["train_seconds"],
            reference=details["reference"],
            message=details["message"],
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
    failed = outcome == Outcome.FAILED.value
    if outcome is None or trial.state is not (TrialState.FAIL if failed else TrialState.COMPLETE):
        return None
    values = trial.values if trial.values else [0.0, 0.0, 0.0, 0.0]
    return TrialRecord.from_attributes(trial.number, values, trial.user_attrs, test_accuracy)


def ledger_key(candidate: Candidate, seed: int, recipe: Recipe, data_digest: str) -> str:
    """Names a training: the same key, the same result. 16 hexadecimal digits."""
    facts = {
        "candidate": str(candidate),
        "seed": seed,
        "recipe": dataclasses.asdict(recipe),
        "data": data_digest,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
