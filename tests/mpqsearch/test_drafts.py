# SPDX-License-Identifier: Apache-2.0
"""A sampler's proposal before it is written is the one that Optuna itself would have written."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hardware.candidate import Candidate
from mpqsearch.claims import claim_of, finish_trial, make_trial
from mpqsearch.database import StudyDatabase
from mpqsearch.drafts import DRAFT, Draft
from mpqsearch.samplers.factory import make_sampler
from mpqsearch.space import Space

SPACE = Space((8, 6), ("conv", "fc"), ((8, 4, 2), (8, 4, 2)))
POPULATION = 4


def costs(candidate: Candidate) -> tuple[float, ...]:
    return candidate.input_length * 1.0, float(sum(candidate.bits))


def values_of(candidate: Candidate) -> tuple[float, ...]:
    accuracy = 0.5 + sum(candidate.bits) / 40 + candidate.input_length / 100
    return accuracy, *costs(candidate)


def new_study(name: str, storage: optuna.storages.BaseStorage | None = None) -> optuna.Study:
    sampler = make_sampler(name, SPACE, costs, seed=3, population=POPULATION, screen=False)
    directions = ["maximize", "minimize", "minimize"]
    return optuna.create_study(sampler=sampler, directions=directions, storage=storage)


def proposals_of_optuna(name: str, count: int) -> list[Candidate]:
    """What `ask` gives, trial by trial."""
    study = new_study(name)
    found = []
    for _ in range(count):
        trial = study.ask(SPACE.distributions())
        found.append(SPACE.candidate(trial.params))
        study.tell(trial, values_of(found[-1]))
    return found


@pytest.mark.parametrize("name", ["random", "nsga2", "tpe", "cost-aware", "exhaustive"])
def test_proposals_are_those_of_optunas_ask(name: str, tmp_path: Path) -> None:
    """Over several generations, attributes that NSGA-II keeps of its trials included."""
    study = new_study(name, StudyDatabase(f"sqlite:///{tmp_path / 'study.db'}"))
    found = []
    for _ in range(14):
        draft = Draft(study, SPACE, study.get_trials(deepcopy=False))
        found.append(draft.propose())
        claim = claim_of(SPACE, found[-1], overflow=0.0, system_attrs=draft.system_attrs)
        trial_id = make_trial(study, claim)
        trial = study._storage.get_trial(trial_id)
        finish_trial(study, trial, TrialState.COMPLETE, values_of(found[-1]))
    assert found == proposals_of_optuna(name, 14)
    if name == "nsga2":
        generations = [one.system_attrs["NSGAIISampler:generation"] for one in study.trials]
        assert sorted(set(generations)) == [0, 1, 2, 3]


def test_a_draft_writes_nothing(tmp_path: Path) -> None:
    """Neither a trial nor an attribute of one, however often it is asked."""
    study = new_study("nsga2", StudyDatabase(f"sqlite:///{tmp_path / 'study.db'}"))
    draft = Draft(study, SPACE, [])
    for _ in range(20):
        assert draft.propose() in SPACE
    assert draft.system_attrs == {"NSGAIISampler:generation": 0}
    assert study.trials == []


def test_a_draft_sees_what_was_read_and_reads_nothing_more() -> None:
    """A trial that was added since does not count yet."""
    study = new_study("random")
    trials = study.get_trials(deepcopy=False)
    study.add_trial(create_trial(values=[1, 1, 1]))
    draft = Draft(study, SPACE, trials)
    assert draft._study.get_trials() == []
    assert draft._study._storage.get_trial(DRAFT).number == DRAFT
    assert len(study.trials) == 1
