# SPDX-License-Identifier: Apache-2.0
"""What every sampler keeps to, whoever wrote it."""

from collections.abc import Sequence

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from hardware.candidate import Candidate
from mpqsearch.errors import StudyError
from mpqsearch.samplers.cost_aware import CostAwareSampler
from mpqsearch.samplers.factory import SAMPLERS, make_sampler
from mpqsearch.space import Space
from mpqsearch.synthetic_sweep import SyntheticSweep

SPACE = Space((20, 10), ("conv", "fc"), ((8, 4, 2), (8, 4, 2)))
SWEEP = SyntheticSweep(SPACE, member=1)
ONCE = ("cost-aware", "exhaustive", "nsga2")
"""Those that propose nothing twice while something is untried."""

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def new_study(name: str, seed: int = 0, space: Space = SPACE, most_bytes: float = 1e9) -> Study:
    def costs_of(candidate: Candidate) -> Sequence[float] | None:
        costs = SWEEP.costs(candidate) if space is SPACE else (float(sum(candidate.bits)),) * 2
        return costs if costs[1] <= most_bytes else None

    sampler = make_sampler(name, space, costs_of, seed=seed, population=4)
    return optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)


def proposals(study: Study, count: int, most_bytes: float = 1e9) -> list[Candidate]:
    """Trials told one by one, as a search does: what does not fit has a constraint above 0."""
    found = []
    for _ in range(count):
        trial = study.ask(SPACE.distributions())
        candidate = SPACE.candidate(trial.params)
        costs = SWEEP.costs(candidate)
        trial.set_constraint("fits", max(costs[1] / most_bytes - 1.0, 0.0))
        accuracy = SWEEP.accuracy(candidate, 0) if costs[1] <= most_bytes else 0.0
        study.tell(trial, (accuracy, *costs))
        found.append(candidate)
    return found


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposals_lie_in_the_space(name: str) -> None:
    """Beyond the size of the space as well."""
    found = proposals(new_study(name), SPACE.size + 2)
    assert all(candidate in SPACE for candidate in found)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_gives_the_same_proposals(name: str) -> None:
    """In two studies."""
    first, second = (proposals(new_study(name, seed=5), 14) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ONCE)
def test_every_candidate_comes_once(name: str) -> None:
    """Nothing is proposed again while something is untried."""
    found = proposals(new_study(name), SPACE.size)
    assert set(found) == set(SPACE)


@pytest.mark.parametrize("name", ONCE)
def test_running_trials_count_as_tried(name: str) -> None:
    """A batch asked for at once, after some results, has no candidate twice."""
    study = new_study(name)
    known = proposals(study, 4)
    batch = [SPACE.candidate(study.ask(SPACE.distributions()).params) for _ in range(14)]
    assert set(known) | set(batch) == set(SPACE)


@pytest.mark.parametrize("name", ONCE)
def test_parameters_asked_for_later_count_as_running(name: str) -> None:
    """Two trials begun before either has asked for its last parameter differ."""
    study = new_study(name)
    proposals(study, 3)
    trials = [study.ask(), study.ask()]
    found: list[dict[str, int]] = [{}, {}]
    for key, distribution in SPACE.distributions().items():
        for trial, parameters in zip(trials, found, strict=True):
            parameters[key] = trial.suggest_categorical(key, distribution.choices)  # type: ignore[attr-defined]
    assert SPACE.candidate(found[0]) != SPACE.candidate(found[1])


@pytest.mark.parametrize("name", ["cost-aware", "exhaustive", "nsga2"])
def test_what_does_not_fit_is_left_out(name: str) -> None:
    """Costs say so before anything is asked."""
    limit = sorted(SWEEP.costs(candidate)[1] for candidate in SPACE)[SPACE.size // 2]
    fitting = {one for one in SPACE if SWEEP.costs(one)[1] <= limit}
    found = proposals(new_study(name, most_bytes=limit), len(fitting), limit)
    assert set(found) == fitting


@pytest.mark.parametrize("name", SAMPLERS)
def test_constraints_are_taken(name: str) -> None:
    """A study most of whose trials do not fit goes on."""
    limit = sorted(SWEEP.costs(candidate)[1] for candidate in SPACE)[2]
    assert len(proposals(new_study(name), 15, limit)) == 15


@pytest.mark.parametrize("name", SAMPLERS)
def test_failed_and_stopped_trials_do_no_harm(name: str) -> None:
    """They hold no values."""
    study = new_study(name)
    for state in (TrialState.FAIL, TrialState.PRUNED) * 4:
        study.tell(study.ask(SPACE.distributions()), state=state)
    assert proposals(study, 4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_queued_candidates_come_first(name: str) -> None:
    """And are not proposed besides."""
    study = new_study(name)
    queued = Candidate(10, (2, 8))
    study.enqueue_trial(SPACE.parameters(queued))
    found = proposals(study, 6)
    assert found[0] == queued
    assert name not in ONCE or queued not in found[1:]


@pytest.mark.parametrize("name", ["cost-aware", "exhaustive"])
def test_a_resumed_study_goes_on_the_same(name: str) -> None:
    """Another sampler object on the same study proposes what the first would have."""
    whole = proposals(new_study(name), 12)
    study = new_study(name)
    begun = proposals(study, 6)
    study.sampler = new_study(name).sampler
    assert begun + proposals(study, 6) == whole


@pytest.mark.parametrize("name", ONCE)
def test_spaces_too_large_to_list(name: str) -> None:
    """3^30: proposals come at once, each another."""
    space = Space((100,), tuple(f"layer{at}" for at in range(30)), ((8, 4, 2),) * 30)
    study = new_study(name, space=space)
    found = []
    for _ in range(8):
        trial = study.ask(space.distributions())
        candidate = space.candidate(trial.params)
        share = sum(candidate.bits) / 240
        study.tell(trial, (0.5 + share / 2, 240 * share, 240 * share))
        found.append(candidate)
    assert len(set(found)) == 8
    assert all(candidate in space for candidate in found)


def test_a_wrong_name_is_answered_with_the_names() -> None:
    """And the nearest."""
    with pytest.raises(StudyError, match=r"one of nsga2, .*did you mean tpe"):
        make_sampler("tpee", SPACE, SWEEP.costs, seed=0)


def test_directions_of_another_study_are_refused() -> None:
    """Accuracy is maximized, costs are minimized."""
    sampler = CostAwareSampler(SPACE, SWEEP.costs)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    with pytest.raises(ValueError, match="but are minimize, minimize"):
        study.ask(SPACE.distributions())


def test_accuracies_in_percent_are_refused() -> None:
    """The error would be negative."""
    study = new_study("cost-aware")
    study.tell(study.ask(SPACE.distributions()), (97.0, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\] but is 97 in trial 0"):
        study.ask(SPACE.distributions())
