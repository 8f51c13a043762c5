# SPDX-License-Identifier: Apache-2.0
"""More seeds where they can change the answer, and nowhere else: `run --confirm`."""

import dataclasses
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from optuna.study import Study

from hardware.candidate import Candidate
from mpqsearch.certainty import SURE, Certainty
from mpqsearch.errors import RunFailed, StudyError
from mpqsearch.front import shown_of
from mpqsearch.racing import FEWEST_DEGREES
from mpqsearch.run_folder import RunFolder
from mpqsearch.seed_noise import Source
from mpqsearch.storage import confirm_round, keep_confirm_round, keep_seed, name_of, records_of
from mpqsearch.study_file import StudySpec
from mpqsearch.target import Target, answer_to
from mpqsearch.trials import Outcome, TrialRecord
from objectives.accuracy import AccuracyObjective, Score

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
MOST_SEEDS = 100
PILOTS = FEWEST_DEGREES + 1
"""Candidates whose second seed tells how far seeds scatter accuracies."""


@dataclass(frozen=True)
class Confirm:
    """What is confirmed.

    Attributes:
        seeds: Seeds a candidate gets at most, those of the search included.
        target: What must be settled: who meets it; None: who is on the front.
        say: Told what is done, a line each.

    Raises:
        StudyError: for a number of seeds outside its range.
    """

    seeds: int
    target: Target | None = None
    say: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        if not 2 <= self.seeds <= MOST_SEEDS:
            raise StudyError(f"--confirm must be in 2..{MOST_SEEDS} seeds but is {self.seeds}")


class Confirmation:
    """Trains candidates at further seeds until the answer is settled or they have enough.

    Round by round: of those whose place is in doubt, the ones with the fewest seeds are trained at
    their next seed, so that rivals are compared at the same ones. A round is written down before
    it is begun, and a run that died goes on with it; so the trainings are the same as without a
    break.

    Attributes:
        runs: Trainings so far, in this process.
    """

    def __init__(
        self,
        spec: StudySpec,
        study: Study,
        objective: AccuracyObjective,
        folder: RunFolder,
        confirm: Confirm,
    ) -> None:
        self.spec = spec
        self.study = study
        self.objective = objective
        self.folder = folder
        self.confirm = confirm
        self.runs = 0
        self._seeds = dataclasses.replace(spec, seeds=max(confirm.seeds, spec.seeds)).seed_list
        self._given_up: set[Candidate] = set()
        self._failures = 0

    def run(self) -> None:
        """Spends trainings while they can change the answer, and says what came of it.

        Raises:
            RunFailed: after three failures in a row.
        """
        if not any(one.outcome is Outcome.SCORED for one in records_of(self.study)):
            self.confirm.say("confirm: nothing is scored, so nothing can be confirmed")
            return
        number, names = confirm_round(self.study)  # what an earlier run left
        while True:
            if names:
                self._train(number, names)
            number, names = self._next_round()
            keep_confirm_round(self.study, number, names)
            if not names:
                break
        self._restore_networks()
        self._say_result()

    def _certainty(self) -> Certainty:
        return Certainty(records_of(self.study), lambda: len(self.objective.data.validation.labels))

    def _next_round(self) -> tuple[int, list[str]]:
        """Which seed is trained next, counted from 0, and of whom; nobody where all is done."""
        found = next_round(
            self._certainty(), self.confirm.seeds, self.confirm.target, self._given_up
        )
        number = len(found[0].seed_accuracies) if found else 0
        return number, [name_of(one) for one in found]

    def _train(self, number: int, names: Sequence[str]) -> None:
        """Trains a round; who has that seed already, from before a break, is left out."""
        every = {name_of(one): one for one in records_of(self.study)}
        members = [every[name] for name in names if name in every]
        members = [one for one in members if len(one.seed_accuracies) == number]
        count = f"{len(members)} candidate{'s' if len(members) > 1 else ''}"
        self.confirm.say(f"confirm: {count} in doubt trained at seed {number + 1}")
        waiting = {one.candidate: one for one in members}
        candidates = list(waiting)
        for result in self.objective.evaluate(candidates, seed=self._seeds[number], stops=None):
            self.runs += 1
            record = waiting.pop(result.candidate)
            if isinstance(result, Score):
                keep_seed(self.study, record, result.validation_accuracy)
                self._failures = 0
            else:
                self._give_up(record, getattr(result, "reason", "it was stopped"))
        for record in waiting.values():
            self._give_up(record, "the training gave no result")

    def _give_up(self, record: TrialRecord, reason: str) -> None:
        """Leaves a candidate at the seeds it has.

        Raises:
            RunFailed: where it is the third in a row.
        """
        logger.warning("no further seed of %s: %s", record.candidate, reason)
        self._given_up.add(record.candidate)
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise RunFailed(
                f"confirm: {self._failures} trainings in a row failed, the last"
                f" ({record.candidate}) with: {reason}; everything finished is kept,"
                f" {self.folder.log_path} says more"
            )

    def _restore_networks(self) -> None:
        """Trains the first seed again of who has come back to the front without a network."""
        missing = []
        for record in shown_of(records_of(self.study)):
            if not self.folder.checkpoint_path(name_of(record)).is_file():
                missing.append(record)
        if not missing:
            return
        self.confirm.say(f"confirm: the first seed of {len(missing)} again, now on the front")
        named = {one.candidate: one for one in missing}
        for result in self.objective.evaluate(list(named), seed=self._seeds[0], stops=None):
            self.runs += 1
            record = named[result.candidate]
            if not isinstance(result, Score):
                logger.warning("no network of %s", record.candidate)
            elif result.validation_accuracy != record.seed_accuracies[0]:
                logger.warning(
                    "the network of %s, trained again, gives %.2f %%, not %.2f %%; it is not kept",
                    record.candidate,
                    100 * result.validation_accuracy,
                    100 * record.seed_accuracies[0],
                )
            else:
                self.folder.save_checkpoint(name_of(record), result.integers)

    def _say_result(self) -> None:
        left = len(in_doubt(self._certainty(), self.confirm.target))
        what = "the front" if self.confirm.target is None else str(self.confirm.target)
        ended = "settled"
        if left:
            most = self.confirm.seeds
            ended = f"{left} candidate{'s' if left > 1 else ''} still in doubt at {most} seeds"
        self.confirm.say(f"confirm: {self.runs} more trainings for {what}: {ended}")


def next_round(
    certainty: Certainty,
    seeds: int,
    target: Target | None = None,
    without: Collection[Candidate] = (),
) -> list[TrialRecord]:
    """Who is trained at the next seed: all of them have the same seeds so far.

    Args:
        certainty: What is known.
        seeds: Seeds a candidate gets at most.
        target: What is to be settled; None: the front.
        without: Who gets none.
    """
    found: dict[Candidate, TrialRecord] = {}
    for one in in_doubt(certainty, target):
        deciding = [] if target else certainty.rivals(one)
        found.update({other.candidate: other for other in (one, *deciding)})
    left = [
        one
        for one in found.values()
        if len(one.seed_accuracies) < seeds and one.candidate not in without
    ]
    fewest = min((len(one.seed_accuracies) for one in left), default=0)
    return [one for one in left if len(one.seed_accuracies) == fewest]


def in_doubt(certainty: Certainty, target: Target | None = None) -> list[TrialRecord]:
    """Candidates whose place, on the front or in the answer to a target, is not settled."""
    return _front_doubts(certainty) if target is None else _target_doubts(target, certainty)


def _front_doubts(certainty: Certainty) -> list[TrialRecord]:
    """Members and contenders of which it is not known on which side of the front they are.

    Also those whose mean says otherwise than the comparison at common seeds: they have fewer seeds
    than others, and luckier or unluckier ones. Where the noise of seeds is not known yet, all of
    them, and the best of the others until there are `PILOTS`.
    """
    members = certainty.members
    if certainty.noise.source is not Source.SAMPLES:
        return [
            one.record
            for one in members
            if not one.settled(SURE) or one.by_mean is not (one.on_front > 0.5)
        ]
    best = sorted(certainty.scored, key=lambda one: -one.accuracy)
    known = {one.record.candidate: one.record for one in members}
    others = [one for one in best if one.candidate not in known]
    return [*known.values(), *others[: max(PILOTS - len(known), 0)]]


def _target_doubts(target: Target, certainty: Certainty) -> list[TrialRecord]:
    """Who may be the smallest that meets a target; also who meets it by a mean of lucky seeds.

    Where the noise of seeds is not known yet, also the `PILOTS` nearest to the target.
    """
    answer = answer_to(target, certainty)
    found = [one.record for one in answer.open]
    if answer.by_mean is not None and answer.by_mean.meets <= 1 - SURE:
        found.append(answer.by_mean.record)
    floor = target.floor
    if certainty.noise.source is Source.SAMPLES and floor is not None:
        found += sorted(certainty.scored, key=lambda one: abs(one.accuracy - floor))[:PILOTS]
    return list({one.candidate: one for one in found}.values())
