# SPDX-License-Identifier: Apache-2.0
"""Every sampler side by side: how much of the front each finds in how many trainings.

Run from the repository root: `python -m benchmarks.search [--sweep FILE.csv] [--repeats 20]`. The
tables are a recorded sweep, where one is given, members of the synthetic family, and a synthetic
space of 3^12, whose front is that of all its 531,441 candidates. Shares are of the hypervolume of
all candidates, by accuracies without seed noise.
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna

from mpqsearch.coordinates import Coordinates
from mpqsearch.replay import REPLAYED, Replay, Target, replay, sampler_of
from mpqsearch.replay_table import results_table
from mpqsearch.sweep_costs import CostSource, price_sweep
from mpqsearch.sweep_table import read_table
from mpqsearch.synthetic_sweep import SyntheticSweep, family
from mpqsearch.terminal import print_table

SLOW = {"gp": 2}
"""Repeats of samplers that take a second for each proposal."""


def targets(sweep: Path | None, members: int, *, large: bool) -> dict[str, Target]:
    """The tables asked for, by name."""
    found = {}
    if sweep is not None:
        priced = price_sweep(read_table(sweep), CostSource.PUBLISHED)
        found[sweep.stem] = Target(priced.sweep, priced.costs.get, priced.coordinates)
    for member in family(members, 5, (100, 60, 30, 10)):
        name = f"synthetic {member.member}, {member.space.size} candidates"
        found[name] = _target(member, [member.costs(one) for one in member.space])
    if large:
        (member,) = family(1, 12, (100,))
        ends = {"uniform 8", "uniform 2"}
        corners = [member.costs(one) for name, one in member.space.references if name in ends]
        found[f"synthetic, {member.space.size} candidates"] = _target(member, corners)
    return found


def _target(member: SyntheticSweep, costs: Sequence[tuple[float, ...]]) -> Target:
    return Target(member, member.costs, Coordinates.spanning(np.array(costs)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=Path, help="CSV of a recorded indoor sweep")
    parser.add_argument("--samplers", nargs="+", default=list(REPLAYED), choices=REPLAYED)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--members", type=int, default=3, help="of the synthetic family")
    parser.add_argument("--large", action="store_true", help="the space of 3^12 as well")
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    for name, target in targets(given.sweep, given.members, large=given.large).items():
        print(f"\n{name}", flush=True)
        results = {}
        for sampler in given.samplers:
            repeats = min(SLOW.get(sampler, given.repeats), given.repeats)
            searches = replay(target, sampler_of(sampler, target), runs=given.runs, repeats=repeats)
            results[sampler] = Replay.of(list(searches))
        print_table(results_table(results))


if __name__ == "__main__":
    main()
