# SPDX-License-Identifier: Apache-2.0
"""Every network we call feasible becomes a project of the real izer that holds what was scored."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.izer.project import Project
from hardware.izer.proof import differences
from hardware.izer.synthesis import read_synthesis
from hardware.layer import WEIGHT_BITS, Activation, Layer, NetworkError, Operation, Pool, PoolKind
from hardware.network import Network
from hardware.placement.bias_memory import quadrants_in_use
from hardware.placement.limits import DoesNotFit
from hardware.placement.packing import sound_bits
from hardware.placement.plan import place
from tests.hardware.izer_projects import Case, WarmIzer, integer_case, write_project

pytestmark = [pytest.mark.izer, pytest.mark.slow]

MOST_MACS = 10_000_000
"""Larger networks take the izer's simulator seconds."""
RANDOM_NETWORKS = 250


@st.composite
def layers(draw: st.DrawFn, name: str, channels: int, size: tuple[int, ...], most: int) -> Layer:
    """A conv1d, conv2d or linear layer on an input of this shape, where one is left of it."""
    convolves = bool(size) and draw(st.integers(0, 3)) > 0
    operation = (Operation.LINEAR, Operation.CONV1D, Operation.CONV2D)[convolves * len(size)]
    taps = draw(st.integers(1, 9) if len(size) == 1 else st.sampled_from((1, 3)))
    pool = None
    if convolves and draw(st.booleans()):
        kind = draw(st.sampled_from(PoolKind))
        pool = Pool(kind, draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    try:
        return Layer(
            name=name,
            operation=operation,
            in_channels=channels,
            in_size=size,
            out_channels=draw(st.integers(1, most)),
            kernel=(taps,) * operation.kernel_axes,
            padding=draw(st.integers(0, min(2, taps - 1))) if convolves else 0,
            pool=pool,
            activation=draw(st.sampled_from(Activation)),
            bias=draw(st.booleans()),
        )
    except NetworkError:
        assume(False)
        raise


@st.composite
def feasible_cases(draw: st.DrawFn) -> Case:
    """A chain of 1 to 6 layers with all widths mixed, which we say fits a chip."""
    axes = draw(st.sampled_from((1, 1, 2)))
    longest = (200, 32)[axes - 1]
    size = tuple(draw(st.integers(1, longest)) for _ in range(axes))
    most = draw(st.sampled_from((16, 128, 128)))  # one quadrant, or up to all four in two passes
    channels = draw(st.integers(1, most))
    found: list[Layer] = []
    count = draw(st.integers(1, 6))
    for index in range(count):
        layer = draw(layers(f"layer{index}", channels, size, most))
        found.append(layer)
        channels, size = layer.out_channels, layer.out_size
    if draw(st.integers(0, 3)):
        last = {**found[-1].__dict__, "wide": True, "activation": Activation.NONE}
        found[-1] = Layer(**last)
    network = Network(tuple(found))
    assume(network.macs <= MOST_MACS)
    bits = tuple(draw(st.sampled_from(WEIGHT_BITS)) for _ in found)
    chip: Chip = draw(st.sampled_from((MAX78000, MAX78002)))
    held = sound_bits(network, bits)
    try:
        places = place(network, held, chip)
    except DoesNotFit:
        assume(False)
        raise
    case = integer_case(network, bits, chip, places, draw(st.integers(0, 2**32 - 1)))
    return Case(case.integers.held_at(held), case.inputs, chip, places)


def test_every_feasible_network_synthesizes_and_holds_what_was_scored(
    warm_izer: WarmIzer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Known answer, sample, weights and biases in its files, bytes and MACs: all are ours."""
    seen: list[Case] = []

    @given(case=feasible_cases())
    @settings(
        max_examples=RANDOM_NETWORKS,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def proven(case: Case) -> None:
        folder = tmp_path_factory.mktemp("project") / "of a network"
        write_project(folder, case)
        answer = warm_izer.run(folder)
        assert answer.exit_code == 0, answer.console[-2000:]
        project = Project("project", "net", "a test", case.integers, case.inputs)
        made = read_synthesis(folder / case.chip.name / "project", answer.console)
        assert list(differences(project, case.chip, made)) == []
        for index, values in enumerate(project.outputs()):
            assert answer.outputs[index].ravel().tolist() == values.ravel().tolist(), index
        seen.append(case)

    proven()
    assert len(seen) >= 200
    kinds = {layer.operation for case in seen for layer in case.layers}
    assert kinds == {Operation.CONV1D, Operation.CONV2D, Operation.LINEAR}
    assert {case.chip for case in seen} == {MAX78000, MAX78002}
    assert sum(any(layer.pool for layer in case.layers) for case in seen) > RANDOM_NETWORKS // 4
    assert {len(case.layers) for case in seen} == {1, 2, 3, 4, 5, 6}
    single = [case for case in seen if quadrants_in_use(case.network, case.chip) == 1]
    assert len(single) > RANDOM_NETWORKS // 8
