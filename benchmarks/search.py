# SPDX-License-Identifier: Apache-2.0
"""Every sampler side by side: how much of the front each finds in how many trainings.

Run from the repository root: `python -m benchmarks.search [--sweep FILE.csv] [--repeats 20]`. The
tables are a recorded sweep, where one is given, members of the synthetic family, and a synthetic
space of 3^12, whose front is that of all its 531,441 candidates. Shares are of the hypervolume of
all candidates, by accuracies without seed noise.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from mpqsearch.coordinates import Coordinates
from mpqsearch.replay import (
    INDOOR_COORDINATES,
    SHARES,
    Recording,
    Replay,
    indoor_costs,
    read_sweep,
    replay,
    whole_volume,
)
from mpqsearch.samplers._base import CostFunction
from mpqsearch.samplers.factory import make_sampler
from mpqsearch.synthetic_sweep import family

COLUMNS = (20, 60, 100)
NAMES = ("cost-aware", "tpe", "nsga2", "nsga2 plain", "exhaustive", "random", "gp")
SLOW = {"gp": 2}
"""Repeats of samplers that take a second for each proposal."""


@dataclass(frozen=True)
class Table:
    """What is searched, and how it is measured."""

    name: str
    sweep: Recording
    costs_of: CostFunction
    coordinates: Coordinates


def tables(sweep: Path | None, members: int, large: bool) -> list[Table]:
    """The tables asked for."""
    found = []
    if sweep is not None:
        found.append(Table(sweep.stem, read_sweep(sweep), indoor_costs, INDOOR_COORDINATES))
    for member in family(members, 5, (100, 60, 30, 10)):
        costs = np.array([member.costs(one) for one in member.space])
        name = f"synthetic {member.member}, {member.space.size} candidates"
        found.append(Table(name, member, member.costs, Coordinates.spanning(costs)))
    if large:
        (member,) = family(1, 12, (100,))
        corners = [
            member.costs(one)
            for name, one in member.space.references
            if name in {"uniform 8", "uniform 2"}
        ]
        name = f"synthetic, {member.space.size} candidates"
        found.append(Table(name, member, member.costs, Coordinates.spanning(np.array(corners))))
    return found


def sampler_of(name: str, table: Table) -> Callable[[int], BaseSampler]:
    """Makes samplers of a name."""
    plain = name.partition(" ")[0]

    def make(seed: int) -> BaseSampler:
        space = table.sweep.space
        return make_sampler(plain, space, table.costs_of, seed=seed, screen=plain == name)

    return make


def row(name: str, done: Replay) -> str:
    """One line of the table."""
    runs = done.shares.shape[1]
    medians = [f"{done.median[at - 1]:9.4f}" if at <= runs else " " * 9 for at in COLUMNS]
    low, high = done.band
    at = min(COLUMNS[0], runs) - 1
    reached = [f"{done.runs_to(share) or '-':>6}" for share in SHARES]
    return (
        f"{name:<12} {''.join(medians)}  {low[at]:.3f}-{high[at]:.3f} {''.join(reached)}"
        f" {1000 * done.proposal_seconds:8.1f} {len(done.shares):8d}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=Path, help="CSV of a recorded indoor sweep")
    parser.add_argument("--samplers", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--runs", type=int, default=max(COLUMNS))
    parser.add_argument("--members", type=int, default=3, help="of the synthetic family")
    parser.add_argument("--large", action="store_true", help="the space of 3^12 as well")
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    for table in tables(given.sweep, given.members, given.large):
        print(f"\n{table.name}")
        whole = whole_volume(table.sweep, table.costs_of, table.coordinates)
        header = "".join(f"{f'at {at}':>9}" for at in COLUMNS)
        reached = "".join(f"{f'{share:.1%}':>6}" for share in SHARES)
        print(f"{'sampler':<12} {header}  5-95% at {COLUMNS[0]} {reached} {'ms':>8} {'repeats':>8}")
        for name in given.samplers:
            done = replay(
                table.sweep,
                sampler_of(name, table),
                runs=given.runs,
                repeats=min(SLOW.get(name, given.repeats), given.repeats),
                costs_of=table.costs_of,
                coordinates=table.coordinates,
                whole=whole,
            )
            print(row(name, done), flush=True)


if __name__ == "__main__":
    main()
