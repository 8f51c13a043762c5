# SPDX-License-Identifier: Apache-2.0
"""Baselines side by side with samplers, and samplers that start from baselines.

Run from the repository root: `python -m benchmarks.baselines --sweep FILE.csv [--repeats 20]`, with
a recorded indoor sweep. A baseline trains nothing it learns from, so its first so many candidates
are all there is to it; in a warm start a third of the trainings are a baseline's candidates. Shares
are of the hypervolume of all candidates, by their mean accuracies over all seeds.

HAWQ, entropy and the forgiving factor need a trained float network. The sweep has none: they get
that of the study `indoor` on its SYNTHETIC recordings, whatever the sweep was recorded with.
"""

import argparse
import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from mpqsearch.baselines.factory import BASELINES, make_baseline
from mpqsearch.baselines.warm_start import BUDGET_SHARE, proposals
from mpqsearch.cache import open_cache
from mpqsearch.replay import PLAIN_NSGA2, Replay, Target, replay, sampler_of
from mpqsearch.space import Space
from mpqsearch.study_data import load_data
from mpqsearch.study_file import find_study_file, read_study
from mpqsearch.sweep_costs import CostSource, price_sweep
from mpqsearch.sweep_table import read_table
from objectives.accuracy import AccuracyObjective
from objectives.process import prepare_process

BUDGETS = (20, 60)
SEARCHERS = ("random", PLAIN_NSGA2, "nsga2", "cost-aware")
WARMED = ("nsga2", "cost-aware")


class Led(BaseSampler):
    """A sampler whose first proposals are given."""

    def __init__(self, sampler: BaseSampler, space: Space, first: Sequence[Candidate]) -> None:
        self.sampler = sampler
        self.space = space
        self.left = list(first)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What the sampler under it infers; the whole space for what is given."""
        inferred = self.sampler.infer_relative_search_space(study, trial)
        return self.space.distributions() if self.left else inferred

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next one that is given; its own proposal where none is left."""
        proposal = self.sampler.sample_relative(study, trial, search_space)
        return self.space.parameters(self.left.pop(0)) if self.left else proposal

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """As the sampler under it."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """As the sampler under it."""
        self.sampler.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: Any, values: Sequence[float] | None
    ) -> None:
        """As the sampler under it."""
        self.sampler.after_trial(study, trial, state, values)


def candidates_of(space: Space, cache: Path | None, most: int) -> dict[str, list[Candidate]]:
    """The first candidates of every baseline, in the order a warm start takes them."""
    prepare_process(1)
    spec = read_study(find_study_file("indoor"))
    objective = AccuracyObjective(
        spec.task, load_data(spec), spec.recipe, cache=open_cache(cache, None)
    )
    found = {}
    for name in BASELINES:
        begun = time.perf_counter()
        baseline = make_baseline(name, space, objective, spec.seed)
        known = (one for one in proposals(baseline, space.input_lengths) if one in space)
        found[name] = list(itertools.islice(known, most))
        seconds = time.perf_counter() - begun
        first = ", ".join(str(one) for one in found[name][:4])
        print(f"{name}: {seconds:.1f} s with float phases; begins with {first}", flush=True)
    return found


def led(
    make: Callable[[int], BaseSampler], space: Space, first: Sequence[Candidate]
) -> Callable[[int], BaseSampler]:
    """Makes samplers whose first proposals are given."""
    return lambda seed: Led(make(seed), space, first)


def row(name: str, done: Replay, trainings: int) -> str:
    """One line: trainings, the share after them, and how it scatters."""
    low, high = done.band
    return (
        f"{name:<32}{trainings:>10}{done.median[-1]:>10.4f}   {low[-1]:.4f}-{high[-1]:.4f}"
        f"{len(done.shares):>9}"
    )


def compare(target: Target, first: dict[str, list[Candidate]], budget: int, repeats: int) -> None:
    """Prints what everyone finds in so many trainings."""
    print(f"\n{f'in {budget} trainings':<32}{'trainings':>10}{'share':>10}   5-95%{'repeats':>17}")
    for name, candidates in first.items():
        chosen = candidates[:budget]
        shares = target.shares(chosen, len(chosen))[None]
        print(row(name, Replay(shares, np.full_like(shares, np.nan), 0.0), len(chosen)))
    given = int(budget * BUDGET_SHARE)
    starts: list[tuple[str, str, list[Candidate]]] = [(one, "", []) for one in SEARCHERS]
    starts += [
        (sampler, f", {given} of {name}", candidates[:given])
        for sampler in WARMED
        for name, candidates in first.items()
    ]
    for sampler, said, candidates in starts:
        make = led(sampler_of(sampler, target), target.sweep.space, candidates)
        done = Replay.of(list(replay(target, make, runs=budget, repeats=repeats)))
        print(row(sampler + said, done, budget), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=Path, required=True, help="CSV of a recorded indoor sweep")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--cache", type=Path, help="of float phases; the user's own by default")
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    priced = price_sweep(read_table(given.sweep), CostSource.PUBLISHED)
    target = Target(priced.sweep, priced.costs.__getitem__, priced.coordinates)
    print(f"{given.sweep.stem}: {priced.sweep.space.size} candidates")
    print("hawq, entropy and forgiving: float networks of the study indoor, SYNTHETIC recordings")
    first = candidates_of(priced.sweep.space, given.cache, max(given.budgets))
    for budget in given.budgets:
        compare(target, first, budget, given.repeats)


if __name__ == "__main__":
    main()
