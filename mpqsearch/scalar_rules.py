# SPDX-License-Identifier: Apache-2.0
"""Rules that need to be told something: ACE, the forgiving factor, and objectives in order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mpqsearch.conditions import Quantity, amount, quantity_named
from mpqsearch.errors import StudyError
from mpqsearch.forgiving import forgiving_score
from mpqsearch.trials import TrialRecord

REFERENCE = "uniform 8"
"""The reference whose size ACE and the forgiving factor compare with."""

ROUNDING = 1e-9

_STEP = re.compile(r"(\S+)(?:\s+within\s+(.+))?", re.DOTALL)
_HOW = 'write objectives in order, with tolerances, like "accuracy within 0.2%, latency, size"'


@dataclass(frozen=True)
class Step:
    """One objective of an order.

    Attributes:
        quantity: The objective.
        tolerance: How much worse than the best still counts as equal, in its unit; accuracy as a
            share, so 0.002 is 0.2 points.
    """

    quantity: Quantity
    tolerance: float

    def __str__(self) -> str:
        if not self.tolerance:
            return self.quantity.value
        return f"{self.quantity.value} within {repr(self.tolerance).removesuffix('.0')}"


@dataclass(frozen=True)
class RuleSettings:
    """What rules are told.

    Attributes:
        floor: Accuracy asked for, 0 to 1: for ACE.
        size_ref: Bytes of the network that others are compared with: for ACE and the forgiving
            factor.
        order: Objectives, the most important first: for the lexicographic rule.
    """

    floor: float | None = None
    size_ref: int | None = None
    order: tuple[Step, ...] = ()


def parse_order(text: str) -> tuple[Step, ...]:
    """Reads `NAME [within AMOUNT], NAME [within AMOUNT], ...`, the most important first.

    Names are those of conditions, `input_length` left out; an amount is in the objective's unit,
    for accuracy a share, 0.002, or points, 0.2%.

    Raises:
        StudyError: where it is written in another way, or names an objective twice.
    """
    steps: list[Step] = []
    for part in text.split(","):
        where = f"order {part.strip()!r}"
        found = _STEP.fullmatch(part.strip())
        if not found:
            raise StudyError(f"order {text!r}: an objective is missing; {_HOW}")
        quantity = quantity_named(found[1], where)
        if quantity is Quantity.INPUT_LENGTH:
            raise StudyError(f"{where}: the input length is no objective; {_HOW}")
        if quantity in [step.quantity for step in steps]:
            raise StudyError(f"order {text!r} names {quantity.value} twice; {_HOW}")
        tolerance = amount(quantity, found[2].strip(), where) if found[2] is not None else 0.0
        steps.append(Step(quantity, tolerance))
    return tuple(steps)


def size_reference(records: Sequence[TrialRecord]) -> int | None:
    """Bytes of the study's uniform 8 bit network; None where it has none."""
    found = [one.size_bytes for one in records if one.reference == REFERENCE]
    return found[0] if found else None


def ace(members: Sequence[TrialRecord], settings: RuleSettings) -> TrialRecord:
    """The member with the highest accuracy-constrained efficiency.

        1 - size / size_ref       where accuracy >= target,
        accuracy / target - 1     elsewhere.

    So the smallest that meets the target, and where none does, the most accurate.

    Raises:
        StudyError: where it was not told a target above 0, or there is nothing to compare with.

    **Source:** Abushahla et al., "Sub-Millisecond, Microjoule Edge Inference for Indoor Environment
    Classification via Layer-Wise Mixed-Precision Quantization".
    """
    target = settings.floor
    if not target:
        raise StudyError('the rule ace needs a target above 0: --target "accuracy >= 0.98"')
    size_ref = _size_ref("ace", settings)

    def score(member: TrialRecord) -> float:
        if member.accuracy >= target:
            return 1 - member.size_bytes / size_ref
        return member.accuracy / target - 1

    return min(members, key=lambda one: (-score(one), -one.accuracy, *one.costs))


def forgiving(members: Sequence[TrialRecord], settings: RuleSettings) -> TrialRecord:
    """The member with the highest `forgiving_score`, size being what it costs.

    Raises:
        StudyError: where there is nothing to compare with.
    """
    size_ref = _size_ref("forgiving", settings)

    def score(member: TrialRecord) -> float:
        return forgiving_score(member.accuracy, member.size_bytes, size_ref)

    return min(members, key=lambda one: (-score(one), -one.accuracy, *one.costs))


def lexicographic(members: Sequence[TrialRecord], settings: RuleSettings) -> TrialRecord:
    """The member left after one objective after the other.

    Of those left, each objective keeps the ones that are no worse than the best of them by more
    than its tolerance. Of several at the end, the most accurate is taken, then the cheapest.

    Raises:
        StudyError: where it was told no order.

    **Source:** A. Tversky, "Intransitivity of preferences", Psychological Review 76, 1969
    (lexicographic semiorder); here each tolerance is counted from the best of those left, so that
    the outcome does not depend on the order of comparisons.
    """
    if not settings.order:
        raise StudyError(
            'the rule lexicographic needs an order: --order "accuracy within 0.2%, latency, size"'
        )
    left = list(members)
    for step in settings.order:
        sign = -1.0 if step.quantity is Quantity.ACCURACY else 1.0
        values = [sign * step.quantity.of(one) for one in left]
        # a tolerance of 0.002 holds from 0.992 to 0.994, whose difference is a bit more in floats
        most = step.tolerance * (1 + ROUNDING)
        left = [one for one, value in zip(left, values, strict=True) if value - min(values) <= most]
    return min(left, key=lambda one: (-one.accuracy, *one.costs))


def _size_ref(rule: str, settings: RuleSettings) -> int:
    if settings.size_ref is None:
        raise StudyError(
            f"the rule {rule} compares with the size of the {REFERENCE} reference, which this study"
            " does not have; give the bytes to compare with: --size-ref 200000"
        )
    if settings.size_ref <= 0:
        raise StudyError(f"--size-ref must be above 0 bytes but is {settings.size_ref}")
    return settings.size_ref
