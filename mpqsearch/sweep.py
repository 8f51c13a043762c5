# SPDX-License-Identifier: Apache-2.0
"""A recorded sweep: trainings of candidates at several seeds, as a table may hold them."""

import math
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from hardware.candidate import Candidate
from mpqsearch.space import Space
from mpqsearch.sweep_columns import SweepColumns
from mpqsearch.sweep_table import SweepRow, SweepTable, read_table


class Recording(Protocol):
    """What can be searched as if it were trained."""

    @property
    def space(self) -> Space:
        """The candidates."""

    def seeds_of(self, candidate: Candidate) -> tuple[int, ...]:
        """Seeds a candidate was trained at."""

    def accuracy(self, candidate: Candidate, seed: int) -> float:
        """Accuracy, 0 to 1, of one training."""

    def mean_accuracy(self, candidate: Candidate) -> float:
        """Accuracy, 0 to 1, that its seeds scatter around."""

    def train_seconds(self, candidate: Candidate, seed: int) -> float:
        """How long one training took; NaN where that is not known."""


@dataclass(frozen=True)
class RecordedSpace(Space):
    """The candidates of a sweep that lacks some mixes of its lengths and widths.

    Attributes:
        candidates: Those it has, in the order of the full space.
    """

    candidates: tuple[Candidate, ...] = field(default=(), repr=False)

    @cached_property
    def _members(self) -> frozenset[Candidate]:
        return frozenset(self.candidates)

    @property
    def size(self) -> int:
        """Number of candidates."""
        return len(self.candidates)

    def __contains__(self, candidate: Candidate) -> bool:
        return candidate in self._members

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def draw_untried(self, known: Set[Candidate], generator: random.Random) -> Candidate | None:
        """Draws a candidate that is not among the known ones; None where all are known."""
        untried = [candidate for candidate in self if candidate not in known]
        return generator.choice(untried) if untried else None


@dataclass(frozen=True)
class Sweep:
    """Candidates of a space, each trained at one seed or more.

    Attributes:
        space: The candidates.
        seeds: All there are, in ascending order.
        trainings: Those of each candidate, by seed, in ascending order.
    """

    space: Space
    seeds: tuple[int, ...]
    trainings: Mapping[Candidate, Mapping[int, SweepRow]] = field(repr=False)

    @classmethod
    def of(cls, table: SweepTable) -> "Sweep":
        """The sweep of a table, which may lack candidates and seeds."""
        found: dict[Candidate, dict[int, SweepRow]] = {}
        for row in sorted(table.rows, key=lambda row: row.seed):
            found.setdefault(row.candidate, {})[row.seed] = row
        seeds = sorted({row.seed for row in table.rows})
        return cls(_space(found, table.layer_names), tuple(seeds), found)

    @property
    def missing(self) -> int:
        """Mixes of its lengths and widths that it does not have."""
        mixes = math.prod([len(self.space.input_lengths), *map(len, self.space.layer_bits)])
        return mixes - self.space.size

    @cached_property
    def common_seeds_first(self) -> tuple[int, ...]:
        """All seeds, those of most candidates first."""
        counts = Counter(seed for trainings in self.trainings.values() for seed in trainings)
        return tuple(sorted(counts, key=lambda seed: (-counts[seed], seed)))

    @property
    def short_of_seeds(self) -> int:
        """Candidates that lack some of the seeds."""
        return sum(len(rows) < len(self.seeds) for rows in self.trainings.values())

    @property
    def timed(self) -> bool:
        """Whether every training says how long it took."""
        rows = (row for of_one in self.trainings.values() for row in of_one.values())
        return not any(math.isnan(row.train_seconds) for row in rows)

    def seeds_of(self, candidate: Candidate) -> tuple[int, ...]:
        """Seeds a candidate was trained at, in ascending order."""
        return tuple(self.trainings[candidate])

    def accuracy(self, candidate: Candidate, seed: int) -> float:
        """Accuracy, 0 to 1, of one training."""
        return self.trainings[candidate][seed].accuracy

    def mean_accuracy(self, candidate: Candidate) -> float:
        """The mean over the candidate's seeds."""
        return _mean([row.accuracy for row in self.trainings[candidate].values()])

    def train_seconds(self, candidate: Candidate, seed: int) -> float:
        """How long one training took; NaN where the table does not say."""
        return self.trainings[candidate][seed].train_seconds

    def costs(self, candidate: Candidate) -> tuple[float, ...]:
        """Costs as the table has them, the mean over the candidate's rows."""
        columns = zip(*(row.costs for row in self.trainings[candidate].values()), strict=True)
        return tuple(map(_mean, columns))

    def without(self, candidates: Collection[Candidate]) -> "Sweep":
        """The sweep but for some candidates."""
        if not candidates:
            return self
        kept = {one: rows for one, rows in self.trainings.items() if one not in candidates}
        return Sweep(_space(kept, self.space.layer_names), self.seeds, kept)


def read_sweep(path: Path, columns: SweepColumns | None = None) -> Sweep:
    """Reads a sweep from a CSV file.

    Raises:
        StudyError: one line, for a file that cannot be read, a column that is missing, a value
            that is none, or a row that stands twice.
    """
    return Sweep.of(read_table(path, columns))


def _space(candidates: Collection[Candidate], layer_names: tuple[str, ...]) -> Space:
    """The space of these candidates: all mixes of their lengths and widths, or what there is."""
    lengths = {candidate.input_length for candidate in candidates}
    widths = zip(*(candidate.bits for candidate in candidates), strict=True)
    full = Space(
        tuple(sorted(lengths, reverse=True)),
        layer_names,
        tuple(tuple(sorted(set(allowed), reverse=True)) for allowed in widths),
    )
    if full.size == len(candidates):
        return full
    in_order = tuple(sorted(candidates, reverse=True))
    return RecordedSpace(full.input_lengths, full.layer_names, full.layer_bits, in_order)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
