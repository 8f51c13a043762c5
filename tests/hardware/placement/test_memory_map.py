# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.layer import Activation, Combine, Layer, Operation
from hardware.network import Network, conv, linear
from hardware.placement.memory_map import data_bytes, map_tensors
from tests.hardware.measured_networks import aisegment_network


def overlapping(network: Network) -> list[tuple[int, int]]:
    """Pairs of tensors (0 is the input) that share bytes while both are needed."""
    tensors = map_tensors(network)
    clashes = []
    for written in range(1, len(tensors)):
        needed = {
            source + 1
            for later in range(written - 1, len(network.layers))
            for source in network.sources(later)
            if source + 1 < written
        }
        for held in needed:
            one, other = tensors[held], tensors[written]
            step = 4 * (one.gap + 1)
            in_turn = one.gap == other.gap and 0 < abs(one.offset - other.offset) < step
            if one.offset < other.end and other.offset < one.end and not in_turn:
                clashes.append((held, written))
    return clashes


def test_a_chain_goes_back_and_forth() -> None:
    """Indoor, L = 101: 202 bytes of CHW input... in one group 101; then 404, 404, 800 and 16."""
    plans = [conv("a", 10, kernel=3, padding=1), conv("b", 10, kernel=3, padding=1)]
    network = Network.chain(2, (101,), [*plans, linear("c", 200), linear("d", 4)])
    tensors = map_tensors(network)
    assert [tensor.size for tensor in tensors] == [101, 404, 404, 16, 16]
    assert [tensor.offset for tensor in tensors] == [0, 416, 0, 416, 0]
    assert data_bytes(network) == 820


@settings(deadline=None, max_examples=100, derandomize=True)
@given(
    st.lists(st.integers(1, 130), min_size=1, max_size=6),
    st.integers(1, 90),
    st.integers(1, 130),
)
def test_no_tensor_is_overwritten_while_it_is_needed(
    channels: list[int], length: int, first: int
) -> None:
    """A layer's output never shares bytes with its own input."""
    plans = [conv(f"c{index}", count, kernel=1) for index, count in enumerate(channels)]
    assert overlapping(Network.chain(first, (length,), plans)) == []


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.integers(-1, 4), min_size=5, max_size=5))
def test_tensors_that_are_added_later_stay(sources: list[int]) -> None:
    """With skips, an output stays untouched until its last reader has read it."""
    shape = {"in_channels": 8, "in_size": (20,), "out_channels": 8, "kernel": (1,)}
    layers = [Layer("first", Operation.CONV1D, **shape)]  # type: ignore[arg-type]
    for index, source in enumerate(sources, start=1):
        skip = (min(source, index - 1), index - 1)
        layers.append(
            Layer(f"l{index}", Operation.CONV1D, sources=skip, combine=Combine.ADD, **shape)  # type: ignore[arg-type]
        )
    network = Network(tuple(layers))
    assert overlapping(network) == []
    assert data_bytes(network) >= 2 * 80


def test_a_streaming_input_takes_no_data_memory() -> None:
    """What streams in through a FIFO is counted by what comes out."""
    shape = {"in_channels": 3, "in_size": (100, 100), "out_channels": 4, "kernel": (3, 3)}
    rows = {"activation": Activation.NONE, "wide": False}
    lying = Network((Layer("a", Operation.CONV2D, **shape, **rows),))  # type: ignore[arg-type]
    streaming = Network((Layer("a", Operation.CONV2D, streaming=True, **shape, **rows),))  # type: ignore[arg-type]
    assert map_tensors(lying)[0].size == 10_000
    assert map_tensors(streaming)[0].size == 0


@pytest.mark.parametrize(("channels", "expected"), [((28, 28), (0, 0)), ((56, 56), (0, 4))])
def test_concatenated_tensors_share_bytes_only_of_different_processors(
    channels: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Up to 64 channels lie side by side at one offset; more lie word by word in turn.

    Source: the izer's networks/aisegment-unet-large-fakept.yaml, dec2 and dec3.
    """
    shape = {"in_size": (6, 6), "kernel": (1, 1)}
    first = Layer("a", Operation.CONV2D, in_channels=40, out_channels=channels[0], **shape)  # type: ignore[arg-type]
    other = Layer(
        "b",
        Operation.CONV2D,
        in_channels=channels[0],
        out_channels=channels[1],
        **shape,  # type: ignore[arg-type]
    )
    both = Layer(
        "c",
        Operation.CONV2D,
        in_channels=sum(channels),
        out_channels=4,
        sources=(0, 1),
        **shape,  # type: ignore[arg-type]
    )
    tensors = map_tensors(Network((first, other, both)))
    assert tuple(one.offset - tensors[1].offset for one in tensors[1:3]) == expected
    assert tensors[3].offset >= max(one.end for one in tensors[1:3]) or tensors[3].end <= 144


def test_a_published_unet_fits_the_data_memory() -> None:
    """Two tensors of 48 x 48 pixels at a time: its skips wait where they are concatenated."""
    assert data_bytes(aisegment_network()) == 2 * 48 * 48 * 4
