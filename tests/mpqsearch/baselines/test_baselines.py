# SPDX-License-Identifier: Apache-2.0
"""What each baseline proposes, against examples worked out by hand."""

import dataclasses
import itertools
import logging
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hardware.candidate import Candidate
from hardware.network import Network, linear
from mpqsearch.baselines.entropy import Entropy
from mpqsearch.baselines.factory import BASELINES, make_baseline
from mpqsearch.baselines.forgiving import Forgiving
from mpqsearch.baselines.hawq import Hawq
from mpqsearch.baselines.memory_driven import MemoryDriven
from mpqsearch.baselines.uniform import Uniform
from mpqsearch.errors import StudyError
from mpqsearch.forgiving import forgiving_score
from mpqsearch.space import Space
from objectives.accuracy import AccuracyObjective
from objectives.float_phase import FloatPrefix
from objectives.sensitivity import Trace, rounding_losses
from objectives.tasks.indoor import IndoorTask
from tests.objectives.networks import SHORT, one_axis
from tests.objectives.test_stacked import prefix_of
from tests.tiny_task import TinyTask

INDOOR = IndoorTask()
SPACE = Space((101, 5), INDOOR.network(5).names, ((8, 4, 2),) * 4)
NETWORK = one_axis()
OWN = Space((16,), NETWORK.names, ((8, 4, 2),) * 4)
SINGLE = Network.chain(2, (3,), [linear("only", 3)])
ONE_LAYER = Space((3,), ("only",), ((8, 4, 2),))


def texts(candidates: Sequence[Candidate]) -> list[str]:
    assert len({candidate.input_length for candidate in candidates}) <= 1
    return [candidate.bits_text for candidate in candidates]


def hawq(space: Space, network: Network, prefix: FloatPrefix, traces: Sequence[float]) -> Hawq:
    known = [Trace(mean, 0.1) for mean in traces]
    return Hawq(space, lambda _: network, lambda _: prefix, lambda *_: known, SHORT)


def test_uniform_proposes_the_widths_all_layers_share() -> None:
    """Widest first; none where there is none."""
    found = Uniform(SPACE).ranked(5)
    assert texts(found) == ["8-8-8-8", "4-4-4-4", "2-2-2-2"]
    assert found[0].input_length == 5
    some = Space((5,), ("a", "b"), ((8, 4, 2), (4, 2, 1)))
    assert texts(Uniform(some).ranked(5)) == ["4-4", "2-2"]
    assert Uniform(Space((5,), ("a", "b"), ((8,), (4, 2)))).ranked(5) == []


def test_memory_driven_cuts_the_largest_share() -> None:
    """Shares of 60, 300, 202,000 and 800 bytes, of which the first layers tie within 5 points."""
    found = MemoryDriven(SPACE, INDOOR.network).ranked(101)
    # fc1 holds nearly everything; when it is at 2 bits the others are within 5 points of each other
    assert texts(found) == [
        "8-8-8-8",
        "8-8-4-8",
        "8-8-2-8",
        "4-8-2-8",
        "2-8-2-8",
        "2-4-2-8",
        "2-2-2-8",
        "2-2-2-4",
        "2-2-2-2",
    ]
    # of 60, 300, 2,500 and 800 bytes, with fc1 at 2 bits, fc2 has 22 %, conv2 8 %
    assert texts(MemoryDriven(SPACE, INDOOR.network).ranked(5))[3] == "8-8-2-4"


def test_memory_driven_leaves_a_layer_at_its_narrowest() -> None:
    """One with a single width is never cut, however large."""
    space = Space((101,), SPACE.layer_names, ((8,), (8, 1), (8,), (4, 2)))
    found = MemoryDriven(space, INDOOR.network).ranked(101)
    assert texts(found) == ["8-8-8-4", "8-1-8-4", "8-1-8-2"]


def test_hawq_gives_the_front_of_its_formula() -> None:
    """No other assignment has less Omega and fewer bytes, each computed anew."""
    prefix, _ = prefix_of(NETWORK)
    traces = [5.0, 0.5, 3.0, 0.1]
    found = hawq(OWN, NETWORK, prefix, traces).ranked(16)
    moved = rounding_losses(prefix, SHORT, (8, 4, 2))
    counts = [layer.weight_count for layer in NETWORK.layers]

    def omega(bits: tuple[int, ...]) -> float:
        at = [(8, 4, 2).index(width) for width in bits]
        return sum(traces[i] / counts[i] * moved[i, at[i]] for i in range(4))

    front = {one.bits: (NETWORK.weight_bytes(one.bits), omega(one.bits)) for one in found}
    assert list(front.values()) == sorted(front.values(), reverse=True)
    for other in OWN:
        size, loss = NETWORK.weight_bytes(other.bits), omega(other.bits)
        dominates = [
            size <= mine and loss <= its and (size, loss) != (mine, its)
            for mine, its in front.values()
        ]
        assert not any(dominates)
        assert other.bits in front or any(
            mine <= size and its <= loss + 1e-12 for mine, its in front.values()
        )


def test_hawq_keeps_the_bits_of_curved_layers() -> None:
    """Of two layers, the one without curvature is narrowed first, whichever it is."""
    prefix, _ = prefix_of(NETWORK)
    for flat in (2, 3):
        traces = [100.0] * 4
        traces[flat] = 0.001
        second = hawq(OWN, NETWORK, prefix, traces).ranked(16)[1]
        assert second.bits[flat] < 8
        assert all(width == 8 for at, width in enumerate(second.bits) if at != flat)


def test_hawq_counts_negative_traces_as_zero_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """A layer that seems to lie on a ridge is narrow in all it proposes."""
    prefix, _ = prefix_of(NETWORK)
    with caplog.at_level(logging.WARNING):
        found = hawq(OWN, NETWORK, prefix, [5.0, -0.5, 3.0, 1.0]).ranked(16)
    assert {one.bits[1] for one in found} == {2}
    assert "the trace of conv2 is below 0 and counts as 0" in caplog.text
    found = hawq(OWN, NETWORK, prefix, [-1.0] * 4).ranked(16)
    assert texts(found) == ["2-2-2-2"]


def test_entropy_narrows_a_layer_that_loses_nothing_first() -> None:
    """Weights of two values say the same at any width; the others go by what they lose a byte."""
    prefix, _ = prefix_of(NETWORK)
    layers = list(prefix.layers)
    signs = torch.where(layers[2].weights > 0, 0.25, -0.25)
    layers[2] = dataclasses.replace(layers[2], weights=signs, biases=None)
    two_values = dataclasses.replace(prefix, layers=tuple(layers))
    found = Entropy(OWN, lambda _: NETWORK, lambda _: two_values, SHORT).ranked(16)
    assert {one.bits[2] for one in found} == {2}
    assert found[0].bits == (8, 8, 2, 8)
    assert found[-1].bits == (2, 2, 2, 2)
    sizes = [NETWORK.weight_bytes(one.bits) for one in found]
    assert sizes == sorted(sizes, reverse=True)


def test_forgiving_ranks_what_it_scored_by_score() -> None:
    """fc1 first, then fc2, conv2 and conv1; each layer keeps its best width."""
    penalty = {0: {8: 0.0, 4: 0.30, 2: 0.4}, 2: {8: 0.0, 4: 0.01, 2: 0.5}}
    asked: list[tuple[int, ...]] = []

    def accuracies(length: int, bits: Sequence[tuple[int, ...]]) -> list[float]:
        assert length == 101
        asked.extend(bits)
        return [
            0.9 - sum(table[one[layer]] for layer, table in penalty.items()) * 0.9 for one in bits
        ]

    found = Forgiving(SPACE, INDOOR.network, accuracies).ranked(101)
    eight = (8, 8, 8, 8)
    assert asked[:3] == [eight, (8, 8, 4, 8), (8, 8, 2, 8)]
    assert asked[3:5] == [(8, 8, 4, 4), (8, 8, 4, 2)]  # fc1 halved: +8 % for 1 % of accuracy
    assert len(asked) == 9 == len(set(asked)) == len(found)
    assert found[0].bits == (8, 2, 4, 2)  # conv1 would lose a third for a few bytes
    assert found[-1].bits == (8, 8, 2, 8)  # 0.45, though a quarter of the size: +16 %
    network = INDOOR.network(101)
    sizes = {one: network.weight_bytes(one) + network.bias_bytes for one in asked}
    for one, after in itertools.pairwise(found):
        scores = [
            forgiving_score(accuracies(101, [it.bits])[0], sizes[it.bits], sizes[eight])
            for it in (one, after)
        ]
        assert scores[0] >= scores[1]


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_serves_a_real_task(name: str) -> None:
    """Through the factory: members of the space, each once, for every length."""
    task = TinyTask()
    objective = AccuracyObjective(task, task.load(), task.recipe, device=torch.device("cpu"))
    space = Space((8, 6), ("conv1", "fc1"), ((8, 4, 2),) * 2)
    baseline = make_baseline(name, space, objective, 1)
    assert baseline.name == name
    for length in space.input_lengths:
        found = baseline.ranked(length)
        assert found
        assert len(set(found)) == len(found)
        assert all(one in space and one.input_length == length for one in found)


@pytest.mark.parametrize("name", ["uniform", "memory-driven", "hawq", "entropy", "forgiving"])
def test_a_network_of_one_layer_has_baselines(name: str) -> None:
    """Its widths, in some order."""
    prefix, _ = prefix_of(SINGLE)
    made = {
        "uniform": Uniform(ONE_LAYER),
        "memory-driven": MemoryDriven(ONE_LAYER, lambda _: SINGLE),
        "hawq": hawq(ONE_LAYER, SINGLE, prefix, [1.0]),
        "entropy": Entropy(ONE_LAYER, lambda _: SINGLE, lambda _: prefix, SHORT),
        "forgiving": Forgiving(ONE_LAYER, lambda _: SINGLE, lambda _, bits: [0.5] * len(bits)),
    }
    found = texts(made[name].ranked(3))
    assert set(found) <= {"8", "4", "2"}
    assert len(found) == len(set(found)) >= 2


def test_no_weights_left_to_tell_apart_is_no_error() -> None:
    """All weights equal: entropy loses nothing, and everything is narrow."""
    prefix, _ = prefix_of(SINGLE)
    (layer,) = prefix.layers
    flat = dataclasses.replace(layer, weights=torch.zeros_like(layer.weights), biases=None)
    equal = dataclasses.replace(prefix, layers=(flat,))
    found = Entropy(ONE_LAYER, lambda _: SINGLE, lambda _: equal, SHORT).ranked(3)
    assert texts(found) == ["2"]
    assert texts(hawq(ONE_LAYER, SINGLE, equal, [1.0]).ranked(3)) == ["2"]
    assert np.isfinite(rounding_losses(equal, SHORT, (8, 2))).all()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """In one line that lists them all."""
    task = TinyTask()
    objective = AccuracyObjective(task, task.load(), task.recipe)
    with pytest.raises(StudyError) as caught:
        make_baseline("hawk", SPACE, objective, 1)
    assert str(caught.value) == (
        "baseline must be one of uniform, memory-driven, hawq, entropy, forgiving but is 'hawk';"
        " did you mean hawq?"
    )
