# SPDX-License-Identifier: Apache-2.0
"""Reads a sweep's CSV file, and refuses, with the line, what it cannot mean."""

import csv
import dataclasses
import hashlib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hardware.candidate import Candidate
from hardware.layer import NetworkError
from mpqsearch.errors import StudyError
from mpqsearch.sweep_columns import SweepColumns

UNCLEAR_ABOVE = 2.0
"""A best accuracy above 1 and up to this may be meant as a share or as percent."""

_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?")
"""Also as a table program writes a whole number that it took for a measured one: 42.0."""


@dataclass(frozen=True)
class SweepRow:
    """One training.

    Attributes:
        line: Where it stands in the file.
        candidate: Input length and bits.
        seed: Of the training; 0 in a table without seeds.
        accuracy: 0 to 1.
        train_seconds: How long it took; NaN where the table does not say.
        costs: As the table has them.
    """

    line: int
    candidate: Candidate
    seed: int
    accuracy: float
    train_seconds: float = math.nan
    costs: tuple[float, ...] = ()


@dataclass(frozen=True)
class SweepTable:
    """A sweep's file as it was read.

    Attributes:
        path: The file.
        sha256: Hash of its bytes, in hexadecimal.
        columns: What its columns are called.
        bits_named: Whether the columns of bits were named, not found.
        percent_named: Whether the unit of the accuracies was named, not found by their size.
        layer_names: Names of the layers, in the order of the bits.
        rows: Its trainings.
    """

    path: Path
    sha256: str
    columns: SweepColumns
    bits_named: bool
    percent_named: bool
    layer_names: tuple[str, ...]
    rows: tuple[SweepRow, ...] = field(repr=False)

    def in_layer_order(self, layer_names: tuple[str, ...], whose: str) -> "SweepTable":
        """The table with its bits in a network's order of layers.

        Args:
            layer_names: The network's.
            whose: The network, in words.

        Raises:
            StudyError: where the table's layers are not the network's. Columns of bits that were
                named, in layer order, may be called anything.
        """
        mine = self.layer_names
        if sorted(mine) == sorted(layer_names):
            order = [mine.index(name) for name in layer_names]
        elif len(mine) == len(layer_names) and (self.bits_named or len(self.columns.bits) == 1):
            order = list(range(len(mine)))
        else:
            raise StudyError(
                f"{whose} has the layers {', '.join(layer_names)} but sweep {self.path} has bits of"
                f" {', '.join(mine)}; name its columns in the order of the layers: --columns"
                " bits=A+B+C"
            )
        rows = tuple(dataclasses.replace(row, candidate=_ordered(row, order)) for row in self.rows)
        return dataclasses.replace(self, layer_names=layer_names, rows=rows)


def read_table(path: Path, columns: SweepColumns | None = None) -> SweepTable:
    """Reads a sweep's CSV file: one row a training, columns separated by comma, semicolon or tab.

    Raises:
        StudyError: one line, for a file that cannot be read, a column that is missing, a value
            that is none, or a row that stands twice.
    """
    asked = columns or SweepColumns()
    try:
        written = path.read_bytes()
        text = written.decode("utf-8-sig")
        first = text.partition("\n")[0]
        comma = next((sign for sign in ",;\t" if sign in first), ",")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
        header = [name.strip() for name in next(lines, [])]
        found = asked.named(header, f"sweep {path}")
        rows = _Rows(path, found, header).read(
            [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines if any(cells)]
        )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise StudyError(f"sweep {path} cannot be read: {said}") from None
    layers = len(rows[0].candidate.bits)
    names = found.layer_names
    if len(names) != layers:
        names = tuple(f"layer{at}" for at in range(1, layers + 1))
    percent = _is_percent(path, found, [row.accuracy for row in rows])
    return SweepTable(
        path=path,
        sha256=hashlib.sha256(written).hexdigest(),
        columns=dataclasses.replace(found, percent=percent),
        bits_named=bool(asked.bits),
        percent_named=asked.percent is not None,
        layer_names=names,
        rows=_as_shares(path, found.accuracy, rows, 100.0 if percent else 1.0),
    )


@dataclass(frozen=True)
class _Rows:
    """Reads the rows of a file, accuracies as they stand there."""

    path: Path
    columns: SweepColumns
    header: Sequence[str]

    def read(self, lines: Sequence[tuple[int, list[str]]]) -> tuple[SweepRow, ...]:
        """Rows from the cells of each line."""
        if not lines:
            raise StudyError(f"sweep {self.path} holds no rows")
        rows = tuple(self._row(line, cells) for line, cells in lines)
        layers = len(rows[0].candidate.bits)
        seen: dict[tuple[Candidate, int], int] = {}
        for row in rows:
            where = f"sweep {self.path}, line {row.line}"
            if len(row.candidate.bits) != layers:
                raise StudyError(
                    f"{where}: {row.candidate} has {len(row.candidate.bits)} layers but the first"
                    f" row has {layers}"
                )
            key = (row.candidate, row.seed)
            if key in seen:
                seed = f"seed {row.seed}" if self.columns.seed else "no column of seeds"
                raise StudyError(
                    f"{where}: {row.candidate} with {seed} stands on line {seen[key]} already;"
                    " delete one, or name the columns that tell them apart: --columns"
                    " seed=COLUMN,bits=A+B"
                )
            seen[key] = row.line
        return rows

    def _row(self, line: int, cells: Sequence[str]) -> SweepRow:
        where = f"sweep {self.path}, line {line}"
        if len(cells) != len(self.header):
            raise StudyError(
                f"{where} has {len(cells)} cells but the table has {len(self.header)} columns"
            )
        row = dict(zip(self.header, cells, strict=True))
        columns = self.columns
        fixed = columns.fixed_length(self.header)
        length = _whole(where, row, columns.input_length) if fixed is None else fixed
        try:
            if len(columns.bits) == 1:
                candidate = Candidate.parse(length, row[columns.bits[0]])
            else:
                widths = tuple(_whole(where, row, name) for name in columns.bits)
                candidate = Candidate(length, widths)
        except NetworkError as error:
            raise StudyError(f"{where}: {error}") from None
        seconds = math.nan
        if columns.seconds and row[columns.seconds]:
            seconds = _number(where, row, columns.seconds, least=0.0)
        return SweepRow(
            line=line,
            candidate=candidate,
            seed=_whole(where, row, columns.seed) if columns.seed else 0,
            accuracy=_number(where, row, columns.accuracy),
            train_seconds=seconds,
            costs=tuple(_number(where, row, name) for name in columns.costs),
        )


def _is_percent(path: Path, columns: SweepColumns, accuracies: Sequence[float]) -> bool:
    """Whether accuracies are 0 to 100, as named or by their size."""
    if columns.percent is not None:
        return columns.percent
    highest = max(accuracies)
    if 1.0 < highest <= UNCLEAR_ABOVE:
        raise StudyError(
            f"sweep {path}: accuracies in {columns.accuracy!r} go up to {highest:g}: shares above"
            " 1, or percent? say which with --columns unit=percent or unit=share"
        )
    return highest > 1.0


def _as_shares(
    path: Path, column: str, rows: Sequence[SweepRow], highest: float
) -> tuple[SweepRow, ...]:
    for row in rows:
        if not 0.0 <= row.accuracy <= highest:
            raise StudyError(
                f"sweep {path}, line {row.line}: {column!r} must be from 0 to {highest:g} but is"
                f" {row.accuracy:g}"
            )
    return tuple(dataclasses.replace(row, accuracy=row.accuracy / highest) for row in rows)


def _ordered(row: SweepRow, order: Sequence[int]) -> Candidate:
    return Candidate(row.candidate.input_length, tuple(row.candidate.bits[at] for at in order))


def _whole(where: str, row: dict[str, str], name: str) -> int:
    found = _WHOLE.fullmatch(row[name])
    if not found:
        raise StudyError(f"{where}: {name!r} must be a whole number but is {row[name]!r}")
    return int(found[1])


def _number(where: str, row: dict[str, str], name: str, least: float = -math.inf) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        what = "a number" if least == -math.inf else f"a number of {least:g} or more"
        raise StudyError(f"{where}: {name!r} must be {what} but is {row[name]!r}")
    return value
