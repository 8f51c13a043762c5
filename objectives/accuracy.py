# SPDX-License-Identifier: Apache-2.0
"""The one expensive objective: what candidates score."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from hardware.network import Network
from objectives.batches import Batches
from objectives.cache_folder import CacheFolder
from objectives.float_phase import FloatPrefix, train_float
from objectives.prefix_cache import Wanted, float_facts, kept_or_trained, origin_of
from objectives.recipe import Recipe
from objectives.task import Split, Task, TaskData
from objectives.training import Trained, train_quantized

logger = logging.getLogger(__name__)

PREFIXES_KEPT = 32
"""Float prefixes kept in memory; one of the indoor network at full length takes 2.5 MB."""


@dataclass(frozen=True)
class Score:
    """What a candidate scored.

    Attributes:
        candidate: What was trained.
        integers: The trained network, as the chip would hold it.
        rung_accuracies: Validation accuracies, 0 to 1: before QAT, and after each QAT epoch.
        validation_accuracy: Accuracy of `integers` on the validation split, 0 to 1.
        train_seconds: Wall time spent on it; what a stack or prefix took is shared evenly.
    """

    candidate: Candidate
    integers: IntegerNetwork
    rung_accuracies: tuple[float, ...]
    validation_accuracy: float
    train_seconds: float


@dataclass(frozen=True)
class Failure:
    """A candidate that could not be scored, and why, in one line."""

    candidate: Candidate
    reason: str


class AccuracyObjective:
    """Trains candidates of one task, seed and recipe, and scores them as integers.

    Candidates of one input length share their float prefix and are trained as a stack. With a
    cache folder, float prefixes are kept there for other runs and studies.
    """

    def __init__(
        self,
        task: Task,
        data: TaskData,
        recipe: Recipe,
        seed: int,
        *,
        device: torch.device | None = None,
        largest_stack: int = 4,
        cache: CacheFolder | None = None,
    ) -> None:
        self.task = task
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.largest_stack = largest_stack
        self.cache = cache
        self._prefixes: OrderedDict[int, FloatPrefix] = OrderedDict()

    def evaluate(self, candidates: Sequence[Candidate]) -> Iterator[Score | Failure]:
        """Scores candidates, giving each as soon as its stack is done, longest inputs first."""
        lengths = sorted({candidate.input_length for candidate in candidates}, reverse=True)
        for length in lengths:
            members = [one for one in candidates if one.input_length == length]
            for start in range(0, len(members), self.largest_stack):
                yield from self._evaluate_stack(members[start : start + self.largest_stack])

    def _evaluate_stack(self, members: Sequence[Candidate]) -> Iterator[Score | Failure]:
        """Trains some candidates of one length; where they fail together, one by one."""
        started = time.perf_counter()
        try:
            trained = self._train(members)
        except Exception as error:
            if len(members) > 1:
                logger.warning("a stack of %d failed (%s); trying each alone", len(members), error)
                for member in members:
                    yield from self._evaluate_stack([member])
                return
            logger.debug("candidate %s failed", members[0], exc_info=True)
            yield Failure(members[0], f"{type(error).__name__}: {error}".splitlines()[0])
            return
        seconds = (time.perf_counter() - started) / len(members)
        for candidate, result in zip(members, trained, strict=True):
            yield Score(
                candidate,
                result.integers,
                result.rung_accuracies,
                result.validation_accuracy,
                seconds,
            )

    def _train(self, members: Sequence[Candidate]) -> list[Trained]:
        length = members[0].input_length
        network = self.task.checked_network(length)
        train = self.cropped(self.data.train, length)
        batches = Batches.of(train, self.recipe.batch_size, self.device)
        if length not in self._prefixes:
            self._prefixes[length] = self._float_prefix(network, train, batches)
            while len(self._prefixes) > PREFIXES_KEPT:
                self._prefixes.popitem(last=False)
        return train_quantized(
            self._prefixes[length],
            [member.bits for member in members],
            batches,
            self.cropped(self.data.validation, length),
            self.recipe,
        )

    def _float_prefix(self, network: Network, train: Split, batches: Batches) -> FloatPrefix:
        """Runs the float phase, unless the cache on disk has it."""

        def trained() -> FloatPrefix:
            length = network.layers[0].in_size[0]
            logger.info("float phase at input length %d, seed %d", length, self.seed)
            return train_float(network, batches, self.recipe, self.seed, self.device)

        if self.cache is None:
            return trained()
        wanted = Wanted(
            float_facts(network, train, self.recipe, self.seed, self.device),
            origin_of(self.task, network, self.recipe, self.seed),
            network,
            self.device,
        )
        return kept_or_trained(self.cache, wanted, trained)

    def test_accuracy(self, integers: IntegerNetwork) -> float:
        """Accuracy on the test split, 0 to 1: for reporting, never for choosing."""
        split = self.cropped(self.data.test, integers.network.layers[0].in_size[0])
        return integers.accuracy(split.inputs, split.labels)

    def cropped(self, split: Split, input_length: int) -> Split:
        """A split with its inputs cut to a length."""
        return Split(self.task.crop(split.inputs, input_length), split.labels)
