# SPDX-License-Identifier: Apache-2.0
"""The one expensive objective: what candidates score."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from hardware.network import Network
from objectives.batches import Batches
from objectives.cache_folder import CacheFolder
from objectives.float_phase import FloatPrefix, TrainingError, train_float
from objectives.prefix_cache import Wanted, float_facts, kept_or_trained, origin_of
from objectives.recipe import Recipe
from objectives.stack_size import halves, largest_stack, members_at_once
from objectives.task import Split, Task, TaskData
from objectives.training import Trained, timed_step, train_quantized

logger = logging.getLogger(__name__)

PREFIXES_KEPT = 32
"""Float prefixes kept in memory; one of the indoor network at full length takes 2.5 MB."""


@dataclass(frozen=True)
class Score:
    """What a candidate scored.

    Attributes:
        candidate: What was trained.
        integers: The trained network, as the chip would hold it.
        rungs: Share of the QAT steps done and validation accuracy there, 0 to 1: before QAT, at
            every rung, and after each QAT epoch.
        validation_accuracy: Accuracy of `integers` on the validation split, 0 to 1.
        train_seconds: Wall time spent on it; what a stack or prefix took is shared evenly.
    """

    candidate: Candidate
    integers: IntegerNetwork
    rungs: tuple[tuple[float, float], ...]
    validation_accuracy: float
    train_seconds: float


@dataclass(frozen=True)
class Stopped:
    """A candidate whose training was stopped at a rung.

    Attributes:
        candidate: What was trained.
        rungs: As of a `Score`, up to where it was stopped.
        train_seconds: Wall time spent on it.
        saved_seconds: What the rest would have taken, by its steps.
    """

    candidate: Candidate
    rungs: tuple[tuple[float, float], ...]
    train_seconds: float
    saved_seconds: float


@dataclass(frozen=True)
class Failure:
    """A candidate that could not be scored, and why, in one line."""

    candidate: Candidate
    reason: str


Result = Score | Stopped | Failure
Stops = Callable[[float, Sequence[Candidate], Sequence[float]], Sequence[bool]]
"""Says at a rung which trainings are stopped: from the share of the QAT steps done, the candidates
there, and their accuracies."""


class AccuracyObjective:
    """Trains candidates of one task and recipe, and scores them as integers.

    Candidates of one input length share their float prefix and are trained as a stack. With a
    cache folder, float prefixes are kept there for other runs and studies.
    """

    def __init__(
        self,
        task: Task,
        data: TaskData,
        recipe: Recipe,
        *,
        device: torch.device | None = None,
        rungs: Sequence[float] = (),
        cache: CacheFolder | None = None,
    ) -> None:
        self.task = task
        self.data = data
        self.recipe = recipe
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.rungs = rungs
        self.cache = cache
        self._prefixes: OrderedDict[tuple[int, int], FloatPrefix] = OrderedDict()
        self._hopeless: dict[tuple[int, int], str] = {}
        self._wanted: dict[tuple[int, int], Wanted] = {}
        self._together: dict[int, tuple[int, int]] = {}

    def evaluate(
        self, candidates: Sequence[Candidate], *, seed: int, stops: Stops | None = None
    ) -> Iterator[Result]:
        """Scores candidates, giving each as soon as its stack is done.

        Longest inputs come first, but for those whose float phase another process is at.

        Args:
            candidates: What to train.
            seed: Seed of the trainings.
            stops: Says at each rung who is stopped; None: nobody.
        """
        lengths = sorted({candidate.input_length for candidate in candidates}, reverse=True)
        while lengths:
            free = (one for one in lengths[:-1] if not self._is_underway(one, seed))
            length = next(free, lengths[-1])
            lengths.remove(length)
            members = [one for one in candidates if one.input_length == length]
            network = self.task.checked_network(length)
            largest = largest_stack(network, self.recipe.batch_size, self.device)
            for start in range(0, len(members), largest):
                yield from self._evaluate_stack(members[start : start + largest], seed, stops)

    def _evaluate_stack(
        self, members: Sequence[Candidate], seed: int, stops: Stops | None
    ) -> Iterator[Result]:
        """Trains some candidates of one length; where they fail together, in two halves."""
        started = time.perf_counter()
        trained: list[Trained] = []
        reason = ""
        try:
            trained = self._train(members, seed, stops)
        except Exception as error:
            logger.debug("a stack of %d failed", len(members), exc_info=True)
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
        # Only out here is the error gone, and with it the memory of what it was raised in.
        if reason and len(members) > 1:
            logger.warning("a stack of %d failed (%s); trying halves", len(members), reason)
            for half in halves(members):
                yield from self._evaluate_stack(members[half], seed, stops)
        elif reason:
            yield Failure(members[0], reason)
        else:
            yield from _told(members, trained, time.perf_counter() - started)

    def _train(self, members: Sequence[Candidate], seed: int, stops: Stops | None) -> list[Trained]:
        length = members[0].input_length
        network = self.task.checked_network(length)
        train = self.cropped(self.data.train, length)
        batches = self.batches(train)
        prefix = self._prefix(network, train, batches, seed)
        return train_quantized(
            prefix,
            [member.bits for member in members],
            batches,
            self.cropped(self.data.validation, length),
            self.recipe,
            together=self._members_at_once(prefix, batches, members),
            rungs=self.rungs,
            stops=stops
            and (lambda share, there, found: stops(share, [members[one] for one in there], found)),
        )

    def _members_at_once(
        self, prefix: FloatPrefix, batches: Batches, members: Sequence[Candidate]
    ) -> int:
        """How many best take a step together: measured, and again where one more doubling fits."""
        length = members[0].input_length
        best, largest = self._together.get(length, (1, 1))
        if len(members) >= 2 * largest:
            bits = [member.bits for member in members]
            best = members_at_once(
                lambda size: timed_step(prefix, bits[:size], batches, self.recipe), len(bits)
            )
            largest = 1 << (len(bits).bit_length() - 1)  # powers of two are tried
            self._together[length] = best, largest
            logger.info("input length %d: %d take a step together", length, best)
        return best

    def float_prefix(self, input_length: int, seed: int) -> FloatPrefix:
        """What every training of a length and seed starts from; trained where it is not known.

        Raises:
            TrainingError: where its loss is not a number any more.
        """
        network = self.task.checked_network(input_length)
        train = self.cropped(self.data.train, input_length)
        return self._prefix(network, train, self.batches(train), seed)

    def batches(self, train: Split) -> Batches:
        """A cropped training split as it is trained on."""
        return Batches.of(train, self.recipe.batch_size, self.device)

    def _prefix(self, network: Network, train: Split, batches: Batches, seed: int) -> FloatPrefix:
        """The float prefix of a length and seed: from memory, from the cache, or trained."""
        key = (network.layers[0].in_size[0], seed)
        if key in self._hopeless:  # else every part of a stack would find out by training it again
            raise TrainingError(self._hopeless[key])
        if key not in self._prefixes:
            try:
                self._prefixes[key] = self._float_prefix(network, train, batches, seed)
            except TrainingError as error:
                self._hopeless[key] = str(error)
                raise
            while len(self._prefixes) > PREFIXES_KEPT:
                self._prefixes.popitem(last=False)
        return self._prefixes[key]

    def _float_prefix(
        self, network: Network, train: Split, batches: Batches, seed: int
    ) -> FloatPrefix:
        """Runs the float phase, unless the cache on disk has it."""

        def trained() -> FloatPrefix:
            length = network.layers[0].in_size[0]
            logger.info("float phase at input length %d, seed %d", length, seed)
            return train_float(network, batches, self.recipe, seed, self.device)

        if self.cache is None:
            return trained()
        return kept_or_trained(self.cache, self._asked_for(network, train, seed), trained)

    def _is_underway(self, input_length: int, seed: int) -> bool:
        """Whether another process runs the float phase of a length and seed now."""
        if self.cache is None or (input_length, seed) in self._prefixes:
            return False
        network = self.task.checked_network(input_length)
        train = self.cropped(self.data.train, input_length)
        return self.cache.is_held(self._asked_for(network, train, seed).key)

    def _asked_for(self, network: Network, train: Split, seed: int) -> Wanted:
        """A float prefix as the cache is asked for it; the data are hashed once."""
        key = (network.layers[0].in_size[0], seed)
        if key not in self._wanted:
            facts = float_facts(network, train, self.recipe, seed, self.device)
            origin = origin_of(self.task, network, self.recipe, seed)
            self._wanted[key] = Wanted(facts, origin, network, self.device)
        return self._wanted[key]

    def test_accuracy(self, integers: IntegerNetwork) -> float:
        """Accuracy on the test split, 0 to 1: for reporting, never for choosing."""
        split = self.cropped(self.data.test, integers.network.layers[0].in_size[0])
        return integers.accuracy(split.inputs, split.labels)

    def cropped(self, split: Split, input_length: int) -> Split:
        """A split with its inputs cut to a length."""
        return Split(self.task.crop(split.inputs, input_length), split.labels)


def _told(
    members: Sequence[Candidate], trained: Sequence[Trained], taken: float
) -> Iterator[Score | Stopped]:
    """What the members of a stack came to, which took so many seconds in all."""
    # what was stopped early has its share of the time up to there
    shares = [1.0 if one.finished else one.rungs[-1][0] for one in trained]
    whole = taken / max(sum(shares), 1e-9) if any(shares) else 0.0
    for candidate, result, share in zip(members, trained, shares, strict=True):
        spent, left = share * whole, (1 - share) * whole
        if not result.finished:
            yield Stopped(candidate, result.rungs, spent, left)
            continue
        accuracy = result.validation_accuracy
        yield Score(candidate, result.integers, result.rungs, accuracy, spent)
