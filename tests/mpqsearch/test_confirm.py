# SPDX-License-Identifier: Apache-2.0
"""Further seeds: where they can change the answer, once each, and the same after a break."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.candidate import Candidate
from mpqsearch.certainty import Certainty
from mpqsearch.confirm import Confirm, Confirmation, in_doubt, next_round
from mpqsearch.errors import RunFailed, StudyError
from mpqsearch.storage import confirm_round, name_of, records_of
from mpqsearch.target import parse_target
from mpqsearch.trials import TrialRecord
from objectives.accuracy import Failure, Score, Stopped
from tests.commands import Command
from tests.mpqsearch.searches import ScriptedObjective, make_search
from tests.mpqsearch.test_certainty import scored, unasked

SPREAD = 0.004
SAMPLES = 20_000
"""So many that one seed tells who is far behind."""


class Scattering:
    """Scores as the scripted objective does, and what a seed and a candidate add by chance.

    Attributes:
        failing: Bits whose further trainings fail.
        left: Trainings until it is interrupted.
        asked: Every training, as its candidate and seed.
    """

    def __init__(self, scripted: ScriptedObjective) -> None:
        self.scripted = scripted
        labels = range(SAMPLES)
        self.data = SimpleNamespace(
            validation=SimpleNamespace(labels=labels), class_names=("a", "b")
        )
        self.failing: Sequence[str] = ()
        self.left = 10_000
        self.asked: list[tuple[str, int]] = []

    def evaluate(
        self, candidates: Sequence[Candidate], *, seed: int, stops: object
    ) -> Iterator[Score | Stopped | Failure]:
        for result in self.scripted.evaluate(candidates, seed=seed, stops=stops or "nobody"):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.asked.append((str(result.candidate), seed))
            if result.candidate.bits_text in self.failing:
                yield Failure(result.candidate, "RuntimeError: told to")
                continue
            assert isinstance(result, Score)
            chance = random.Random(f"{result.candidate} {seed}").gauss(0, SPREAD)
            accuracy = result.validation_accuracy + chance
            yield Score(result.candidate, result.integers, result.rungs, accuracy, 0.1)


def confirmation(
    study_file: Path, runs: Path, seeds: int = 5, target: str = ""
) -> tuple[Confirmation, Scattering, list[str]]:
    """A searched study, and what confirms it."""
    search, scripted = make_search(study_file, runs, trials=18)
    objective = Scattering(scripted)
    search.objective = objective  # type: ignore[assignment]
    search._trainings.objective = objective  # type: ignore[assignment]
    search.run()
    objective.asked.clear()
    said: list[str] = []
    confirm = Confirm(seeds, parse_target([target]) if target else None, said.append)
    made = Confirmation(
        search.spec,
        search.study,
        objective,  # type: ignore[arg-type]
        search.folder,
        confirm,
    )
    return made, objective, said


def seeds_of(made: Confirmation) -> dict[str, TrialRecord]:
    return {str(one.candidate): one for one in records_of(made.study)}


def test_only_who_is_in_doubt_gets_further_seeds(tiny_study: Path, tmp_path: Path) -> None:
    """Some get five, some none; every training is one the records know of."""
    made, objective, said = confirmation(tiny_study, tmp_path)
    before = seeds_of(made)
    made.run()
    after = seeds_of(made)
    counts = [len(one.seed_accuracies) for one in after.values()]
    assert (min(counts), max(counts)) == (1, 5)
    assert made.runs == len(objective.asked) < 18 * 4
    further = [(name, seed) for name, seed in objective.asked if seed != made.spec.seed]
    assert len(set(further)) == len(further) == sum(counts) - 18
    for name, one in after.items():
        assert one.seed_accuracies[0] == before[name].seed_accuracies[0]
        assert one.accuracy == pytest.approx(sum(one.seed_accuracies) / len(one.seed_accuracies))
    assert said[-1].startswith(f"confirm: {made.runs} more trainings for the front: ")


def test_confirming_twice_trains_nothing_twice(tiny_study: Path, tmp_path: Path) -> None:
    """The second time finds it settled, or its seeds used up."""
    made, _, _ = confirmation(tiny_study, tmp_path)
    made.run()
    again, objective, said = confirmation(tiny_study, tmp_path)
    again.run()
    assert (again.runs, objective.asked) == (0, [])
    assert said[-1].startswith("confirm: 0 more trainings")


@pytest.mark.parametrize("after", [1, 5, 12])
def test_a_break_changes_nothing(tiny_study: Path, tmp_path: Path, after: int) -> None:
    """Interrupted in a round and begun again: the same trainings, none twice, the same records."""
    whole, every, _ = confirmation(tiny_study, tmp_path / "whole")
    whole.run()
    broken, first, _ = confirmation(tiny_study, tmp_path / "broken")
    first.left = after
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert confirm_round(broken.study)[1]
    resumed, second, _ = confirmation(tiny_study, tmp_path / "broken")
    resumed.run()
    assert sorted(first.asked + second.asked) == sorted(every.asked)
    assert seeds_of(resumed) == seeds_of(whole)


def test_a_target_spends_on_who_may_meet_it(tiny_study: Path, tmp_path: Path) -> None:
    """Who meets it for sure, and is larger than another that does, gets none."""
    made, objective, said = confirmation(tiny_study, tmp_path, target="accuracy >= 0.6")
    made.run()
    trained = {name for name, _ in objective.asked}
    assert trained
    assert not trained & {"8 8-8", "6 8-8"}
    assert "for accuracy >= 0.6: " in said[-1]


def test_a_candidate_that_fails_keeps_the_seeds_it_has(tiny_study: Path, tmp_path: Path) -> None:
    """The others go on."""
    made, objective, _ = confirmation(tiny_study, tmp_path)
    objective.failing = ["8-8"]
    made.run()
    after = seeds_of(made)
    assert {len(after[name].seed_accuracies) for name in ("8 8-8", "6 8-8")} == {1}
    assert max(len(one.seed_accuracies) for one in after.values()) == 5


def test_three_failures_in_a_row_end_it(tiny_study: Path, tmp_path: Path) -> None:
    """Something is broken then; what is finished is kept."""
    made, objective, _ = confirmation(tiny_study, tmp_path)
    objective.failing = ["8-8", "8-4", "4-8", "4-4", "8-2", "2-8", "4-2", "2-4", "2-2"]
    with pytest.raises(RunFailed, match="confirm: 3 trainings in a row failed, the last"):
        made.run()


def test_who_comes_back_to_the_front_has_its_network_again(
    tiny_study: Path, tmp_path: Path
) -> None:
    """Networks of who is beaten are deleted; the first seed is trained again, and is the same."""
    made, _, said = confirmation(tiny_study, tmp_path)
    for file in made.folder.checkpoints.glob("*.npz"):
        file.unlink()
    made.run()
    assert any("the first seed of" in line for line in said)
    front = [one for one in records_of(made.study) if one.number is not None]
    kept = {file.stem for file in made.folder.checkpoints.glob("*.npz")}
    assert kept
    assert kept <= {name_of(one) for one in front} | {"uniform-8", "uniform-4", "uniform-2"}


def test_a_lucky_first_seed_is_in_doubt() -> None:
    """On the front by its one seed, behind by far where the others had the same seed."""
    member = scored(0, 100, 0.97, 0.940, 0.941, 0.942, 0.943)
    other = scored(1, 90, 0.95, 0.920, 0.921, 0.923, 0.922)
    lucky = scored(2, 200, 0.96)
    many = [scored(3 + one, 95, 0.94 - one / 100, 0.91 - one / 100) for one in range(9)]
    certainty = Certainty([member, other, lucky, *many], unasked)
    mine = next(one for one in certainty.members if one.record is lucky)
    assert mine.by_mean
    assert mine.on_front < 0.05
    assert lucky in in_doubt(certainty)


def test_unknown_noise_of_seeds_is_measured_first() -> None:
    """With one seed each, the front and the best others get a second, however far they lead."""
    lone = [scored(0, 1, 0.99), *(scored(one, 100 + one, 0.9 - one / 50) for one in range(1, 30))]
    certainty = Certainty(lone, lambda: 1_000_000)
    assert [one.record.number for one in certainty.members] == [0]
    assert [one.number for one in next_round(certainty, 5)] == list(range(9))
    target = parse_target(["accuracy >= 0.8"])
    asked = {one.number for one in next_round(certainty, 5, target)}
    assert asked == {1, 2, 3, 4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize("seeds", [-1, 0, 1, 101])
def test_seeds_out_of_range_are_refused(seeds: int) -> None:
    """One seed confirms nothing."""
    with pytest.raises(StudyError, match=r"--confirm must be in 2\.\.100 seeds but is"):
        Confirm(seeds)


@pytest.mark.slow
def test_a_killed_confirmation_goes_on(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """SIGKILL in the middle of the further seeds, and the same command again: the same front."""

    def command(runs: Path) -> list[str]:
        wanted = ["--trials", "18", "--confirm", "5", "--json"]
        return ["run", "--study", str(tiny_study), "--runs", str(runs), *wanted]

    whole = mpqsearch(*command(tmp_path / "whole"))
    assert whole.code == 0, whole.err
    killed = subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", *command(tmp_path / "killed")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killed.stderr is not None
    for line in killed.stderr:
        if "confirm:" in line:
            break
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert killed.returncode == -signal.SIGKILL
    resumed = mpqsearch(*command(tmp_path / "killed"))
    assert resumed.code == 0, resumed.err

    def front(text: str) -> list[tuple[str, str]]:
        rows = json.loads(text)["front"]
        return [(row["bits"], str(row["seed_accuracies"])) for row in rows]

    assert front(resumed.out) == front(whole.out)
