# SPDX-License-Identifier: Apache-2.0
"""Whether probabilities of certainty come true: said against happened, on tables of known truth.

Run from the repository root: `python -m benchmarks.certainty [--tables 200]`. Each simulated table
has 81 candidates with true accuracies, known costs, and seeds that move all candidates, those of
one length, and each alone, inaccurate ones more. From a few seeds, the probability of meeting a
target and of being on the front is computed by the plain bootstrap, which draws seeds with
replacement, and by ours; then it is counted how often it was so. `racing` has 1 to 5 seeds for
each candidate. At last: how often the smallest candidate that is called 95 % sure meets the target.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpqsearch.seed_noise import SeedNoise

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
    tables = parser.parse_args().tables
    runs = [("plain", 2), ("ours", 2), ("plain", 5), ("ours", 5), ("racing", 5)]
    found = {run: compare(*run, tables) for run in runs}
    print_said("meeting the target", {run: target for run, (target, _, _) in found.items()})
    print_said("being on the front", {run: front for run, (_, front, _) in found.items()})
    print(f"\nthe smallest called {SURE:.0%} sure met the target")
    for (method, seeds), (_, _, sure) in found.items():
        print(f"{method:>7} {seeds} seeds  {sure.mean():.0%} of {len(sure)}")


if __name__ == "__main__":
    main()
