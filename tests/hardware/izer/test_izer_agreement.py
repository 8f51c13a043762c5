# SPDX-License-Identifier: Apache-2.0
"""Our arithmetic, limits, places and counts against the real izer, on networks of both chips."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from hardware.chips import MAX78000
from hardware.cost.latency import layer_cycles
from hardware.layer import Layer
from hardware.placement.bias_memory import bias_bytes_by_quadrant
from hardware.placement.limits import DoesNotFit
from hardware.placement.plan import place
from tests.hardware.izer_edges import edges
from tests.hardware.izer_networks import Drawn, draw_fitting, draw_pair, draw_residual
from tests.hardware.izer_projects import Answer, Case, WarmIzer, integer_case, run_izer

pytestmark = [pytest.mark.izer, pytest.mark.slow]

RANDOM_NETWORKS = 24
RESIDUAL_NETWORKS = 8
PAIRS = 20

STRICTER = {
    "flattened pixels times passes",
    "channels to flatten, uneven over the passes,",
}
"""Limits of ours that the izer lacks: it takes such networks and programs another one."""

Izer = Callable[[Sequence[Case]], list[Answer]]


def placed(drawn: Drawn, seed: int = 1) -> Case:
    places = place(drawn.network, drawn.bits, drawn.chip)
    return integer_case(drawn.network, drawn.bits, drawn.chip, places, seed)


def placed_regardless(drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Where a network would lie if every limit were higher."""
    with pytest.raises(DoesNotFit):
        place(drawn.network, drawn.bits, drawn.chip)
    with monkeypatch.context() as patched:
        patched.setattr("hardware.placement.plan.check_fit", lambda *_: None)
        return placed(drawn)


@pytest.fixture(scope="module")
def izer(warm_izer: WarmIzer, tmp_path_factory: pytest.TempPathFactory) -> Izer:
    return lambda cases: run_izer(tmp_path_factory.mktemp("izer"), cases, warm_izer)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Drawn, Drawn]]:
    """The last that fits and the first that does not, of networks growing by ones."""
    found = [draw_pair(np.random.default_rng([seed, 2])) for seed in range(PAIRS)]
    return [(last, beyond) for last, beyond in found if last.packs]


@pytest.fixture(scope="module")
def answered(izer: Izer, pairs: list[tuple[Drawn, Drawn]]) -> list[tuple[Case, Answer]]:
    drawn = [draw_fitting(np.random.default_rng([seed, 3])) for seed in range(RANDOM_NETWORKS)]
    drawn += [draw_residual(np.random.default_rng([seed, 4])) for seed in range(RESIDUAL_NETWORKS)]
    drawn += [last for last, _ in pairs]
    drawn += [Drawn(*edge) for edge in edges(True)]
    cases = [placed(one, seed) for seed, one in enumerate(drawn)]
    return list(zip(cases, izer(cases), strict=True))


def test_the_izer_takes_what_we_say_fits(answered: list[tuple[Case, Answer]]) -> None:
    """No network that our limits let through is refused, up to the last step before a limit."""
    assert [answer.console[-500:] for _, answer in answered if answer.exit_code] == []


def test_the_izer_refuses_what_we_say_does_not_fit(
    izer: Izer, pairs: list[tuple[Drawn, Drawn]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step over a limit it refuses too, save where it would program another network."""
    beyond = [Drawn(*edge) for edge in edges(False)]
    beyond += [one for _, one in pairs if not one.broken & STRICTER]
    answers = izer([placed_regardless(one, monkeypatch) for one in beyond])
    taken = [one for one, answer in zip(beyond, answers, strict=True) if not answer.exit_code]
    assert taken == []
    assert len(beyond) > 30


def test_every_layer_of_the_integer_reference_equals_the_izers(
    answered: list[tuple[Case, Answer]],
) -> None:
    """Every value that every layer puts out is the izer's, bit for bit."""
    spread: set[Any] = set()
    for case, answer in answered:
        ours = case.integers.layer_outputs(case.inputs[np.newaxis])
        assert len(answer.outputs) == len(ours)
        for index, values in enumerate(ours):
            theirs = answer.outputs[index].ravel().tolist()
            assert values.ravel().tolist() == theirs, (index, case.network)
            spread.update(theirs)
    assert len(spread) > 1000


def test_weights_and_biases_lie_where_the_izer_puts_them(
    answered: list[tuple[Case, Answer]],
) -> None:
    """Kernel words and offsets of every layer, biases of every quadrant, stand in its log."""
    for case, answer in answered:
        weighted = [index for index, layer in enumerate(case.layers) if layer.weight_shape]
        words, offsets = answer.logged("Kernel length"), answer.logged("Kernel offset")
        assert [one.kernel_words for one in case.places] == words, case.network
        ours = [case.places[index].kernel_offset for index in weighted]
        assert ours == [offsets[index] for index in weighted], case.network
        used = bias_bytes_by_quadrant(case.network, case.chip)
        assert used + [0] * (4 - len(used)) == answer.logged("Used bias memory")


def test_data_lie_where_we_say(answered: list[tuple[Case, Answer]]) -> None:
    """It reads and writes at the offsets of the plan: none of them is changed by a default."""
    for case, answer in answered:
        assert [one.read.offset for one in case.places] == answer.logged("Input offset")
        assert [one.write.offset for one in case.places] == answer.logged("Output offset")


def test_the_bytes_equal_the_izers(answered: list[tuple[Case, Answer]]) -> None:
    """Bytes of weights and biases as it counts them."""
    for case, answer in answered:
        network, bits = case.network, case.integers.bits
        assert network.weight_bytes(bits) == answer.logged_bytes("Weight memory")
        assert network.bias_bytes == answer.logged_bytes("Bias memory")


def counted_alike(layer: Layer) -> bool:
    """Not where operands are combined and pooled: those follow the order of pooling first."""
    return layer.pool is None or layer.operands == 1


def test_the_cycles_equal_the_izers(answered: list[tuple[Case, Answer]]) -> None:
    """It reports every layer's cycles for the MAX78000."""
    compared = 0
    for case, answer in answered:
        if case.chip is MAX78000:
            for layer, logged in zip(case.layers, answer.logged_cycles(), strict=True):
                if counted_alike(layer):
                    assert layer_cycles(layer) == logged, layer
                    compared += 1
    assert compared > RANDOM_NETWORKS // 2
