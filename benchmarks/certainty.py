# SPDX-License-Identifier: Apache-2.0
"""Whether probabilities of certainty come true: said against happened, on tables of known truth.

Run from the repository root: `python -m benchmarks.certainty [--tables 200] [--sweep FILE.csv]`.
Each simulated table has 81 candidates with true accuracies, known costs, and seeds that move all
candidates, those of one length, and each alone, inaccurate ones more. From a few seeds, the
probability of meeting a target and of being on the front is computed by the plain bootstrap, which
draws seeds with replacement, and by ours; then it is counted how often it was so. `racing` has 1 to
5 seeds for each candidate. Then: how often the smallest candidate that is called 95 % sure meets
the target. With the indoor study's recorded sweep, also what `run --confirm 5` trains of it,
beginning with each of its seeds, and whether the front is that of all seeds of all candidates.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.candidate import Candidate
from mpqsearch.certainty import Certainty
from mpqsearch.confirm import next_round
from mpqsearch.front import front_of
from mpqsearch.seed_noise import SeedNoise
from mpqsearch.sweep import read_sweep
from mpqsearch.sweep_costs import published_costs
from mpqsearch.trials import Outcome, TrialRecord

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LENGTHS = (10, 20, 30)
BITS = tuple(itertools.product((2, 4, 8), repeat=3))
SPACE = np.array([(length, *bits) for length in LENGTHS for bits in BITS], dtype=np.float64)
COSTS = np.column_stack([SPACE[:, 0], SPACE[:, 0] * (SPACE[:, 1:] @ [1.0, 4.0, 10.0])])
LOST = {2: 0.8, 4: 0.2, 8: 0.0}
"""Error added by narrow weights, in errors of the wide network."""
DRAWS = 1000
EDGES = (0.0, 0.02, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.98, 1.0)
SURE = 0.95
SAMPLES = 97 * 4 * 200
"""Of the indoor study's test split, points x classes x sweeps; asked for until seeds tell more."""


@dataclass(frozen=True)
class Said:
    """What was said of every candidate of all tables, and what was so.

    Attributes:
        probabilities: (candidates,).
        happened: (candidates,).
    """

    probabilities: Floats
    happened: Mask

    def rows(self) -> Iterator[tuple[float, float, int]]:
        """Mean probability said, share that happened and count, by probability."""
        for low, high in itertools.pairwise(EDGES):
            last = high == EDGES[-1]
            within = (self.probabilities >= low) & (
                (self.probabilities < high) | (last & (self.probabilities == high))
            )
            if within.any():
                said = float(self.probabilities[within].mean())
                yield said, float(self.happened[within].mean()), int(within.sum())


def truth(generator: np.random.Generator) -> Floats:
    """True accuracies of a table, (candidates,)."""
    weights = generator.uniform(0.2, 1.0, 4)
    lost = np.vectorize(LOST.get)(SPACE[:, 1:]) @ weights[1:]
    errors = 0.02 * (1 + 30 * weights[0] / SPACE[:, 0] + lost)
    return np.asarray(1 - errors * np.exp(generator.normal(0, 0.05, len(SPACE))))


def observed(true: Floats, seeds: int, generator: np.random.Generator) -> Floats:
    """Accuracies at some seeds, (candidates, seeds)."""
    errors = (1 - true)[:, None]
    everywhere = 0.08 * errors * generator.normal(size=seeds)
    by_length = {length: generator.normal(size=seeds) for length in LENGTHS}
    there = 0.04 * errors * np.array([by_length[int(length)] for length in SPACE[:, 0]])
    scatter = generator.uniform(0.02, 0.12, len(SPACE))[:, None]
    alone = scatter * errors * generator.normal(size=(len(SPACE), seeds))
    return np.asarray(true[:, None] + everywhere + there + alone)


def plain_bootstrap(accuracies: Floats, generator: np.random.Generator) -> Floats:
    """Means over seeds drawn with replacement, the same for all candidates."""
    seeds = accuracies.shape[1]
    counts = generator.multinomial(seeds, [1 / seeds] * seeds, DRAWS)
    return np.asarray(counts / seeds @ accuracies.T)


def ours(accuracies: Sequence[Sequence[float]], seed: int) -> Floats:
    """Means as `SeedNoise` draws them."""
    noise = SeedNoise(accuracies, lambda: 1000, draws=DRAWS, seed=seed)
    return noise.means(np.arange(len(SPACE)))


def on_front(means: Floats) -> Mask:
    """Whether each candidate is on the front, (draws, candidates)."""
    found = np.ones(means.shape, dtype=np.bool_)
    for one in range(len(SPACE)):
        rivals: Mask = np.all(COSTS[one] >= COSTS, axis=1)
        rivals[one] = False
        if rivals.any():
            found[:, one] = means[:, one] > means[:, rivals].max(axis=1)
    return found


def compare(method: str, seeds: int, tables: int) -> tuple[Said, Said, Mask]:
    """What is said of targets and of fronts, and whether each smallest sure one met its target."""
    generator = np.random.default_rng(1)
    meets, met, member, was, sure = [], [], [], [], []
    for table in range(tables):
        true = truth(generator)
        accuracies = observed(true, seeds, generator)
        target = np.quantile(true, generator.uniform(0.3, 0.9))
        if method == "plain":
            means = plain_bootstrap(accuracies, generator)
        else:
            fewest = 1 if method == "racing" else seeds
            counts = generator.integers(fewest, seeds + 1, len(SPACE))
            means = ours(
                [row[:count] for row, count in zip(accuracies, counts, strict=True)], table
            )
        probabilities = (means >= target).mean(axis=0)
        meets.append(probabilities)
        met.append(true >= target)
        member.append(on_front(means).mean(axis=0))
        was.append(on_front(true[None, :])[0])
        called = np.flatnonzero(probabilities >= SURE)
        if called.size:
            sure.append(bool(true[called[COSTS[called, 1].argmin()]] >= target))
    target_said = Said(np.concatenate(meets), np.concatenate(met))
    return target_said, Said(np.concatenate(member), np.concatenate(was)), np.array(sure)


def confirm_sweep(path: Path) -> None:
    """Prints what confirming a recorded sweep takes, and what it gives."""
    table = read_sweep(path).trainings
    accuracies = {one: [row.accuracy for row in rows.values()] for one, rows in table.items()}
    seeds = len(next(iter(accuracies.values())))
    full = front_of(_records(accuracies, dict.fromkeys(accuracies, seeds), 0))
    wanted = {one.candidate for one in full}
    print(f"\nconfirming {len(accuracies)} candidates of {path.name}, up to {seeds} seeds")
    print("first seed  trainings  of     front of all seeds  found  others")
    for first in range(seeds):
        counts = dict.fromkeys(accuracies, 1)
        while True:
            records = _records(accuracies, counts, first)
            chosen = next_round(Certainty(records, lambda: SAMPLES), seeds)
            if not chosen:
                break
            for one in chosen:
                counts[one.candidate] += 1
        found = {one.candidate for one in front_of(records)}
        spent = sum(counts.values()) - len(counts)
        print(
            f"{first:>10}  {spent:>9}  {len(counts) * (seeds - 1):<5}  {len(wanted):>18}"
            f"  {len(found & wanted):>5}  {len(found - wanted):>6}"
        )


def _records(
    accuracies: dict[Candidate, list[float]], counts: dict[Candidate, int], first: int
) -> list[TrialRecord]:
    """Records of a sweep that has run so many seeds of each candidate, from one of them on."""
    records = []
    for number, (candidate, every) in enumerate(accuracies.items()):
        seen = (every[first:] + every[:first])[: counts[candidate]]
        latency_us, weight_bytes = published_costs(candidate)
        records.append(
            TrialRecord(
                number,
                candidate,
                Outcome.SCORED,
                sum(seen) / len(seen),
                latency_us,
                latency_us,  # energy goes with it
                int(weight_bytes),
                "measured",
                seed_accuracies=tuple(seen),
            )
        )
    return records


def print_said(what: str, found: dict[tuple[str, int], Said]) -> None:
    """Prints a row a method: percent said, and percent that happened of those."""
    print(f"\nprobability of {what}, %: said->happened")
    for (method, seeds), said in found.items():
        cells = [f"{100 * one:.0f}->{100 * other:.0f}" for one, other, _ in said.rows()]
        print(f"{method:>7} {seeds} seeds  " + "  ".join(f"{cell:>8}" for cell in cells))


def main() -> None:
    """Prints the calibration tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=int, default=200, help="simulated tables a row")
    parser.add_argument("--sweep", type=Path, help="the indoor study's recorded sweep")
    arguments = parser.parse_args()
    tables = arguments.tables
    runs = [("plain", 2), ("ours", 2), ("plain", 5), ("ours", 5), ("racing", 5)]
    found = {run: compare(*run, tables) for run in runs}
    print_said("meeting the target", {run: target for run, (target, _, _) in found.items()})
    print_said("being on the front", {run: front for run, (_, front, _) in found.items()})
    print(f"\nthe smallest called {SURE:.0%} sure met the target")
    for (method, seeds), (_, _, sure) in found.items():
        print(f"{method:>7} {seeds} seeds  {sure.mean():.0%} of {len(sure)}")
    if arguments.sweep is not None:
        confirm_sweep(arguments.sweep)


if __name__ == "__main__":
    main()
