# SPDX-License-Identifier: Apache-2.0
"""Conditions on the front, `accuracy >= 0.98 and latency_us <= 50`: read, and held against it."""

import enum
import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.trials import TrialRecord

MOST_DECIMALS = 15
"""Decimals of a figure in a message at most; a float holds no more below 1."""

_CONDITION = re.compile(r"([^\s<>=!≤≥≠]+)\s*([<>=!≤≥≠]*)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Digits of ASCII only: float() would also read `1_000`, `nan` and the digits of other scripts."""
_PERCENTAGE = re.compile(r"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+))\s*%")


class Quantity(enum.Enum):
    """What a condition may be about; the value is its name, as in the front's JSON."""

    ACCURACY = "accuracy"
    LATENCY_US = "latency_us"
    ENERGY_UJ = "energy_uj"
    SIZE_BYTES = "size_bytes"
    INPUT_LENGTH = "input_length"

    def of(self, record: TrialRecord) -> float:
        """The quantity of a record, in the unit its name ends with; accuracy 0 to 1."""
        if self is Quantity.INPUT_LENGTH:
            return float(record.candidate.input_length)
        return float(getattr(record, self.value))


_UNITS = {
    Quantity.ACCURACY: " %",
    Quantity.LATENCY_US: " us",
    Quantity.ENERGY_UJ: " uJ",
    Quantity.SIZE_BYTES: " B",
    Quantity.INPUT_LENGTH: "",
}
_DECIMALS = {
    Quantity.ACCURACY: 2,
    Quantity.LATENCY_US: 1,
    Quantity.ENERGY_UJ: 2,
    Quantity.SIZE_BYTES: 0,
    Quantity.INPUT_LENGTH: 0,
}
"""As the front's table shows them."""
_SHORT_NAMES = {
    "latency": Quantity.LATENCY_US,
    "energy": Quantity.ENERGY_UJ,
    "size": Quantity.SIZE_BYTES,
    "length": Quantity.INPUT_LENGTH,
}
_NAMES = {**{quantity.value: quantity for quantity in Quantity}, **_SHORT_NAMES}
_ALLOWED_NAMES = f"{', '.join(one.value for one in list(Quantity)[:-1])} and input_length"


class Comparison(enum.Enum):
    """How a value is compared with a bound; the value is the sign."""

    AT_LEAST = ">="
    ABOVE = ">"
    AT_MOST = "<="
    BELOW = "<"
    EQUAL = "=="

    def holds(self, value: float, bound: float) -> bool:
        """Whether `value` compares with `bound` like this, exactly, without tolerance."""
        return bool(_COMPARE[self](value, bound))


_COMPARE = {
    Comparison.AT_LEAST: operator.ge,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_MOST: operator.le,
    Comparison.BELOW: operator.lt,
    Comparison.EQUAL: operator.eq,
}
_SIGNS = {
    **{comparison.value: comparison for comparison in Comparison},
    "≥": Comparison.AT_LEAST,
    "≤": Comparison.AT_MOST,
    "=": Comparison.EQUAL,
}
_MEANT_SIGNS = {"=>": ">=", "=<": "<=", "===": "==", ">>": ">", "<<": "<"}


@dataclass(frozen=True)
class Condition:
    """One comparison of a candidate's quantity with a number.

    Attributes:
        quantity: What is compared.
        comparison: How.
        bound: With what: finite, 0 or more, in the quantity's unit; accuracy 0 to 1.
    """

    quantity: Quantity
    comparison: Comparison
    bound: float

    def holds(self, record: TrialRecord) -> bool:
        """Whether a record meets the condition, compared exactly, not as rounded in tables."""
        return self.comparison.holds(self.quantity.of(record), self.bound)

    def shown(self, record: TrialRecord) -> str:
        """The record's value for people, with so many decimals that rounding hides no failure.

        An accuracy of 98.916 % fails `accuracy >= 98.92%`; written as 98.92 % it would seem to
        meet it.
        """
        share = self.quantity is Quantity.ACCURACY
        value = self.quantity.of(record) * (100 if share else 1)
        text = ""
        for decimals in range(_DECIMALS[self.quantity], MOST_DECIMALS):
            text = f"{value:.{decimals}f}"
            read = float(f"{text}e-2" if share else text)
            if self.comparison.holds(read, self.bound) == self.holds(record):
                break
        return text + _UNITS[self.quantity]

    def __str__(self) -> str:
        bound = repr(self.bound).removesuffix(".0")
        return f"{self.quantity.value} {self.comparison.value} {bound}"


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """Reads `NAME OP VALUE [and NAME OP VALUE ...]`, all of which must hold.

    Names are accuracy, latency_us, energy_uj, size_bytes and input_length, the last four also
    without their unit or `input_`. OP is one of >= > <= < == (or ≥ ≤ =). VALUE is a finite number
    of 0 or more; accuracy is a share, 0.98, or a percentage, 98%.

    Raises:
        StudyError: where a part is written in another way, or is about test accuracy.
    """
    return tuple(_parse(part.strip(), text) for part in re.split(r"\band\b", text))


def _parse(part: str, text: str) -> Condition:
    found = _CONDITION.fullmatch(part)
    if not found:
        what = f"{part!r} is no condition" if part else "a condition is missing"
        raise StudyError(f"condition {text!r}: {what}; {_HOW}")
    name, sign, written = found.groups()
    where = f"condition {part!r}"
    quantity = quantity_named(name, where)
    comparison = _SIGNS.get(sign)
    if comparison is None:
        meant = f"; did you mean {_MEANT_SIGNS[sign]}?" if sign in _MEANT_SIGNS else ""
        wrong = f"{sign} is no comparison" if sign else f"no comparison follows {name}"
        raise StudyError(f"{where}: {wrong}; there are >=, >, <=, < and =={meant}")
    return Condition(quantity, comparison, amount(quantity, written, where))


_HOW = "write a name, a comparison and a number, like accuracy >= 0.98, joined by 'and'"


def quantity_named(name: str, where: str) -> Quantity:
    """The quantity of a name, short or long.

    Raises:
        StudyError: where there is none; the message begins with `where`.
    """
    if name in _NAMES:
        return _NAMES[name]
    if name.lower().startswith("test"):
        raise StudyError(
            f"{where}: test accuracy is only reported, never chosen on; write accuracy, which is"
            " measured on validation data"
        )
    if _NUMBER.match(name):
        raise StudyError(f"{where}: the name comes first, then the number; {_HOW}")
    raise StudyError(
        f"{where}: no quantity is called {name!r}; there are {_ALLOWED_NAMES}"
        f"{nearest_of(name, _NAMES)}"
    )


def amount(quantity: Quantity, written: str, where: str) -> float:
    """Reads a number in a quantity's unit; an accuracy is a share or a percentage.

    Raises:
        StudyError: where it is none, or none of that quantity; the message begins with `where`.
    """
    percentage = _PERCENTAGE.fullmatch(written)
    if percentage and quantity is not Quantity.ACCURACY:
        raise StudyError(f"{where}: only accuracy is written in %; {_unit_of(quantity)}")
    if not percentage and not _NUMBER.fullmatch(written):
        raise StudyError(
            f"{where}: {written!r} is no number; {_unit_of(quantity)}; 'and' joins conditions"
        )
    # Read as a power of ten, so that 98.28% is the float nearest to 0.9828, as 0.9828 is.
    bound = float(f"{percentage[1]}e-2" if percentage else written)
    if not math.isfinite(bound) or bound < 0:
        raise StudyError(f"{where}: a number must be finite and 0 or more but is {written}")
    if quantity is Quantity.ACCURACY and bound > 1:
        if percentage or bound > 100:
            raise StudyError(f"{where}: accuracy must be in 0..1 or 0%..100% but is {written}")
        share = f"{float(f'{bound!r}e-2')!r} or {repr(bound).removesuffix('.0')}%"
        raise StudyError(f"{where}: accuracy is a share of 1; write {share}")
    return abs(bound)  # no -0


def _unit_of(quantity: Quantity) -> str:
    example = {
        Quantity.ACCURACY: "0.98 or 98%",
        Quantity.LATENCY_US: "50.5, in microseconds, without unit",
        Quantity.ENERGY_UJ: "12.5, in microjoules, without unit",
        Quantity.SIZE_BYTES: "20000, in bytes, without unit, comma or underscore",
        Quantity.INPUT_LENGTH: "41, in samples",
    }
    return f"{quantity.value} is written like {example[quantity]}"


def meeting(front: Sequence[TrialRecord], conditions: Sequence[Condition]) -> list[TrialRecord]:
    """The front's members that meet all conditions, in the front's order.

    Raises:
        StudyError: where the front is empty, or none of its members meets all: which condition
            fails for all, the member that comes nearest, and what the front reaches.
    """
    if not front:
        raise StudyError(
            "there is nothing to choose from: no candidate of the study was trained; mpqsearch run"
            " --study trains them"
        )
    met = [member for member in front if all(one.holds(member) for one in conditions)]
    if not met:
        raise StudyError(nothing_meets(front, conditions))
    return met


def ranges(records: Sequence[TrialRecord]) -> str:
    """What candidates reach in each objective, accuracy left out where none was trained."""
    parts = []
    for quantity in list(Quantity)[:-1]:
        values = [
            quantity.of(one) * (100 if quantity is Quantity.ACCURACY else 1) for one in records
        ]
        if any(values):
            least, most = (
                f"{value:.{_DECIMALS[quantity]}f}" for value in (min(values), max(values))
            )
            parts.append(f"{quantity.value} {least}..{most}{_UNITS[quantity]}")
    return ", ".join(parts)


def described(record: TrialRecord) -> str:
    """A record's trial and candidate for people: `trial 17 (41 4-8-2-2)`."""
    trial = f"reference {record.reference}" if record.number is None else f"trial {record.number}"
    return f"{trial} ({record.candidate})"


def nothing_meets(front: Sequence[TrialRecord], conditions: Sequence[Condition]) -> str:
    """Says that no member of a front meets all: who comes nearest, and what the front reaches."""
    nearest = min(front, key=lambda member: _shortfall(member, front, conditions))
    failing = [one for one in conditions if not one.holds(nearest)]
    hopeless = [one for one in conditions if not any(one.holds(member) for member in front)]
    text = (
        f"no member of the front, {len(front)} in all, meets {_joined(conditions)}"
        f"{_who_fails(conditions, hopeless)}; {described(nearest)} comes nearest, with"
        f" {' and '.join(f'{one.quantity.value} {one.shown(nearest)}' for one in failing)}"
    )
    for one in dict.fromkeys([*hopeless, *failing]):
        others = [other for other in conditions if other is not one]
        within = [member for member in front if all(other.holds(member) for other in others)]
        if one in hopeless or not within:
            text += f"; {_range(one, front)} on this front"
        else:
            text += f"; {_range(one, within)} where {_joined(others)}"
    return text


def _who_fails(conditions: Sequence[Condition], hopeless: Sequence[Condition]) -> str:
    if len(conditions) == 1:
        return ""
    if hopeless:
        return f"; {_joined(hopeless)} {'fails' if len(hopeless) == 1 else 'fail'} for all"
    return "; each is met by some, all by none"


def _shortfall(
    member: TrialRecord, front: Sequence[TrialRecord], conditions: Sequence[Condition]
) -> tuple[float, int]:
    """How far a member is from meeting all: distances in widths of the front, then their number."""
    failing = [one for one in conditions if not one.holds(member)]
    total = 0.0
    for one in failing:
        values = [one.quantity.of(other) for other in front]
        width = max(values) - min(values)
        total += abs(one.quantity.of(member) - one.bound) / (width or 1.0)
    return total, len(failing)


def _range(condition: Condition, members: Sequence[TrialRecord]) -> str:
    quantity = condition.quantity
    least, most = min(members, key=quantity.of), max(members, key=quantity.of)
    if quantity.of(least) == quantity.of(most):
        return f"{quantity.value} is {condition.shown(least)}"
    if quantity is Quantity.INPUT_LENGTH:
        lengths = sorted({member.candidate.input_length for member in members})
        return f"{quantity.value} is one of {', '.join(map(str, lengths))}"
    return f"{quantity.value} goes from {condition.shown(least)} to {condition.shown(most)}"


def _joined(conditions: Sequence[Condition]) -> str:
    return " and ".join(map(str, conditions))
