# SPDX-License-Identifier: Apache-2.0
"""Which column of a sweep is what: named by a small mapping, or known by its name."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.strict_yaml import read_yaml

LENGTH_NAMES = ("input_length", "length")
SEED_NAMES = ("seed", "run", "repeat")
ACCURACY_NAMES = (
    "validation_accuracy",
    "val_accuracy",
    "val_acc",
    "accuracy",
    "acc",
    "test_accuracy",
    "test_acc",
)
"""Validation first: it is what candidates are chosen by."""
SECONDS_NAMES = ("train_seconds", "seconds")
COST_NAMES = ("latency_us", "energy_uj", "size_bytes", "weight_bytes")
BITS_END, BITS_BEGIN, BITS_TEXT = "_bits", "bits_", "bits"

UNITS = {"percent": True, "share": False}
KEYS = {
    "accuracy": "accuracy",
    "length": "input_length",
    "bits": "bits",
    "seed": "seed",
    "seconds": "seconds",
    "costs": "costs",
    "unit": "percent",
}
"""Keys of the mapping, and the fields they fill."""
LISTS = ("bits", "costs")
MAPPING = (
    "accuracy=COLUMN,length=COLUMN,bits=A+B+C,seed=COLUMN,seconds=COLUMN,costs=A+B,unit=percent"
)


@dataclass(frozen=True)
class SweepColumns:
    """What the columns of a sweep are called; what is empty is looked for by name.

    Attributes:
        input_length: Column of input lengths, or the one length of all candidates in digits.
        bits: Columns of weight widths in layer order, or one of texts like 8-8-2-4.
        seed: Column of seeds.
        accuracy: Column of accuracies.
        percent: Whether those are 0 to 100, not 0 to 1; None: by their size.
        seconds: Column of training times in seconds.
        costs: Columns of costs, all to be minimized.
    """

    input_length: str = ""
    bits: tuple[str, ...] = ()
    seed: str = ""
    accuracy: str = ""
    percent: bool | None = None
    seconds: str = ""
    costs: tuple[str, ...] = ()

    def named(self, header: Sequence[str], where: str) -> "SweepColumns":
        """The columns of a table, every name filled in that can be.

        Args:
            header: The table's columns.
            where: The table, in words.

        Returns:
            Columns that are there. Seed, seconds and costs stay empty where there are none.

        Raises:
            StudyError: where one is missing, stands twice or would be two things.
        """
        for name in header:
            if header.count(name) > 1:
                raise StudyError(f"{where} has two columns called {name!r}; rename one")
        found = dataclasses.replace(
            self,
            input_length=self.input_length or _first(LENGTH_NAMES, header),
            bits=self.bits or _bit_columns(header),
            seed=self.seed or _first(SEED_NAMES, header),
            accuracy=self.accuracy or _first(ACCURACY_NAMES, header),
            seconds=self.seconds or _first(SECONDS_NAMES, header),
            costs=self.costs or tuple(name for name in COST_NAMES if name in header),
        )
        found._check(header, where)
        return found

    def _check(self, header: Sequence[str], where: str) -> None:
        has = f"it has {', '.join(header) or 'none'}"
        for key, column, example in (
            ("length", self.input_length, "length=COLUMN, or length=101 where all are the same"),
            ("accuracy", self.accuracy, "accuracy=COLUMN"),
            ("bits", "".join(self.bits), "bits=A+B+C, in layer order"),
        ):
            if not column:
                raise StudyError(
                    f"{where}: no column is known to hold the {key}; name it: --columns {example};"
                    f" {has}"
                )
        named = [self.accuracy, *self.bits, self.seed, self.seconds, *self.costs]
        named += [] if self.fixed_length(header) else [self.input_length]
        for name in filter(None, named):
            if name not in header:
                raise StudyError(f"{where} has no column {name!r}; {has}{nearest_of(name, header)}")
            if named.count(name) > 1:
                raise StudyError(f"{where}: column {name!r} is named for two things")

    def fixed_length(self, header: Sequence[str]) -> int | None:
        """The one input length of all candidates, where that is what was named."""
        name = self.input_length
        if name in header or not (name.isascii() and name.isdigit() and len(name) < 10):
            return None
        return int(name)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """What the columns of bits call the layers."""
        return tuple(name.removesuffix(BITS_END).removeprefix(BITS_BEGIN) for name in self.bits)

    @property
    def accuracy_text(self) -> str:
        """What kind of accuracy it is, by the column's name, and the column."""
        words = self.accuracy.lower().replace("-", "_").split("_")
        kind = "accuracy of a split the table does not name"
        if "test" in words:
            kind = "test accuracy"
        elif {"val", "validation", "valid"} & set(words):
            kind = "validation accuracy"
        return f"{kind} (column {self.accuracy})"


def parse_columns(text: str) -> SweepColumns:
    """Reads `accuracy=val_acc,length=L,bits=b1+b2,...`, or the same keys from a YAML file.

    Raises:
        StudyError: for a key that is unknown or stands twice, or a value that is none.
    """
    if text.endswith((".yaml", ".yml")):
        return _columns(read_yaml(Path(text)), text)
    written: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise StudyError(f"--columns must be written like {MAPPING} but holds {part.strip()!r}")
        if key in written:
            raise StudyError(f"--columns names {key!r} twice")
        written[key] = value
    return _columns(written, "--columns")


def _columns(written: Mapping[str, Any], where: str) -> SweepColumns:
    fields: dict[str, Any] = {}
    for key, value in written.items():
        if key not in KEYS:
            raise StudyError(
                f"{where}: unknown key {key!r}; allowed are {', '.join(KEYS)}"
                f"{nearest_of(key, KEYS)}"
            )
        fields[KEYS[key]] = _value(key, value, where)
    return SweepColumns(**fields)


def _value(key: str, value: Any, where: str) -> Any:
    if key == "length" and type(value) is int:
        value = str(value)
    if key in LISTS:
        names = value.split("+") if isinstance(value, str) else value
        if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
            return tuple(name.strip() for name in names)
        raise StudyError(f"{where}: {key!r} must be column names like A+B but is {value!r}")
    if not isinstance(value, str) or not value:
        raise StudyError(f"{where}: {key!r} must be a column's name but is {value!r}")
    if key != "unit":
        return value
    if value not in UNITS:
        raise StudyError(f"{where}: 'unit' must be percent or share but is {value!r}")
    return UNITS[value]


def _first(names: Sequence[str], header: Sequence[str]) -> str:
    return next((name for name in names if name in header), "")


def _bit_columns(header: Sequence[str]) -> tuple[str, ...]:
    ending = tuple(name for name in header if name.endswith(BITS_END))
    beginning = tuple(name for name in header if name.startswith(BITS_BEGIN))
    return ending or beginning or tuple(name for name in header if name == BITS_TEXT)
