# SPDX-License-Identifier: Apache-2.0
"""Limits of layers without weights and of operands combined element by element."""

from typing import Any

import pytest

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.layer import Activation, Combine, Layer, Operation, Pool, PoolKind
from hardware.network import Network
from hardware.placement.limits import demands


def broken(network: Network, chip: Chip) -> list[str]:
    found = demands(network, (8,) * len(network.layers), chip)
    return [str(demand) for demand in found if not demand.fits]


def joined(operation: Operation, channels: int, operands: int, **changes: Any) -> Network:
    """Layers that are combined by a last one."""
    taps = (1, 1) if operation is Operation.CONV2D else ()
    size = (6,) if operation is Operation.CONV1D else (6, 6)
    kernel = (1,) if operation is Operation.CONV1D else taps
    quiet = {"activation": Activation.NONE, "bias": False}
    shape = {"in_channels": channels, "in_size": size, "out_channels": channels, **quiet}
    parts = [Layer(f"a{index}", Operation.PASSTHROUGH, **shape) for index in range(operands)]
    sources = tuple(range(operands))
    last = Layer(
        "last",
        operation,
        kernel=kernel,
        sources=sources,
        combine=Combine.ADD,
        **(shape | changes),
    )
    return Network((*parts, last))


CONV, COPY = Operation.CONV2D, Operation.PASSTHROUGH
HALVE = Pool(PoolKind.MAX, 2, 2)
COMBINATIONS = [
    (CONV, 64, 2, {}, ("", "")),
    (CONV, 64, 2, {"bias": True}, ("", "last: operands of a layer with a bias is 2")),
    (CONV, 128, 2, {}, ("", "")),
    (CONV, 192, 2, {}, ("last: operands times passes is 6 but the limit is 4", "")),
    (COPY, 192, 2, {}, ("", "")),
    (COPY, 192, 2, {"pool": HALVE}, ("last: operands times passes is 6 but the limit is 4", "")),
    (COPY, 8, 3, {"pool": HALVE}, ("last: operands to pool is 3 but the limit is 2",) * 2),
    (COPY, 8, 17, {}, ("last: operands is 17 but the limit is 16",) * 2),
    (Operation.CONV1D, 8, 2, {}, ("last: operands of a conv1d is 2 but the limit is 1",) * 2),
    (Operation.LINEAR, 8, 2, {}, ("last: operands to flatten is 2 but the limit is 1",) * 2),
]


@pytest.mark.parametrize(("operation", "channels", "operands", "changes", "words"), COMBINATIONS)
def test_combined_operands_have_limits_of_their_own(
    operation: Operation,
    channels: int,
    operands: int,
    changes: dict[str, Any],
    words: tuple[str, str],
) -> None:
    """What the izer refuses for the MAX78000 and the MAX78002."""
    network = joined(operation, channels, operands, **changes)
    for chip, said in zip((MAX78000, MAX78002), words, strict=True):
        found = broken(network, chip)
        assert any(said in line for line in found) if said else found == []


def test_average_pooling_after_combined_operands_takes_a_layer_more() -> None:
    """The MAX78002 resets its pooling in between. Source: izer, tornadocnn.py."""
    before = joined(COPY, 8, 2)
    pool = Pool(PoolKind.AVERAGE, 2, 2)
    after = Layer("p", COPY, 8, (6, 6), 8, pool=pool, activation=Activation.NONE, bias=False)
    network = Network((*before.layers, after))
    counts = [demands(network, (8,) * 4, chip)[0].needed for chip in (MAX78000, MAX78002)]
    assert counts == [4, 5]


@pytest.mark.parametrize(("size", "fit"), [((6, 6), False), ((3, 3), True)])
def test_pooling_without_weights_has_one_pass_on_the_max78000(
    size: tuple[int, int], fit: bool
) -> None:
    """Over 64 channels it may only pool everything into one value."""
    quiet = {"activation": Activation.NONE, "bias": False}
    pool = Pool(PoolKind.MAX, 3, 3)
    network = Network((Layer("p", COPY, 72, size, 72, pool=pool, **quiet),))  # type: ignore[arg-type]
    assert (broken(network, MAX78000) == []) is fit
    assert broken(network, MAX78002) == []
