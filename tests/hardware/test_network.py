# SPDX-License-Identifier: Apache-2.0
"""Networks: shapes, counts, and what is refused."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hardware
from hardware.layer import (
    WEIGHT_BITS,
    Activation,
    Combine,
    Layer,
    NetworkError,
    Operation,
    Pool,
    PoolKind,
)
from hardware.network import Network, average_pool, conv, format_bits, linear, max_pool

Indoor = Callable[[int], Network]


def one_line(error: pytest.ExceptionInfo[NetworkError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("length", "bits", "weight_bytes"),
    [
        (101, (8, 8, 2, 4), 51_260),
        (101, (8, 8, 8, 8), 203_160),
        (51, (8, 8, 2, 4), 26_260),
    ],
)
def test_the_indoor_network_has_the_published_weight_bytes(
    indoor: Indoor, length: int, bits: tuple[int, ...], weight_bytes: int
) -> None:
    """The indoor study publishes 51,260 and 203,160 bytes; the izer prints 26,260."""
    assert indoor(length).weight_bytes(bits) == weight_bytes


@pytest.mark.parametrize(("length", "macs"), [(101, 239_160), (51, 121_160)])
def test_the_indoor_network_has_the_published_macs(indoor: Indoor, length: int, macs: int) -> None:
    """The indoor study publishes 239,160 MACs at length 101; the izer prints 121,160 at 51."""
    assert indoor(length).macs == macs


def test_the_indoor_network_has_224_bytes_of_bias(indoor: Indoor) -> None:
    """The generated project holds 10 + 10 + 200 + 4 biases of one byte at every length."""
    assert {indoor(length).bias_bytes for length in (5, 51, 101)} == {224}


def test_published_networks_have_the_sizes_the_izer_prints(
    mnist: Network, kws: Network, cifar: Network
) -> None:
    """The izer prints 71,148, 169,472 and 301,760 bytes, and MACs, for three of its examples."""
    sizes = [
        (net.weight_bytes((8,) * len(net.layers)), net.bias_bytes, net.macs)
        for net in (mnist, kws, cifar)
    ]
    assert sizes == [
        (71_148, 10, 10_751_808),
        (169_472, 0, 8_345_344),
        (301_760, 842, 36_180_992),
    ]


def test_a_layer_rounds_its_bytes_down_alone() -> None:
    """Three 4-bit weights and three more are 1 + 1 bytes, not 3: the izer rounds each layer."""
    net = Network.chain(3, (1,), [linear("a", 1), conv("b", 3, kernel=1)][:1])
    assert net.weight_bytes((4,)) == 1
    two = Network.chain(1, (3,), [conv("a", 1, kernel=3), conv("b", 3, kernel=1)])
    assert two.weight_bytes((4, 4)) == 2


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=100)
def test_fewer_bits_never_cost_more_weight_bytes(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """Taking bits from any layer leaves the weight bytes the same or smaller."""
    net = data.draw(networks)
    more = data.draw(st.tuples(*[st.sampled_from(WEIGHT_BITS)] * len(net.layers)))
    fewer = tuple(data.draw(st.sampled_from([b for b in WEIGHT_BITS if b <= w])) for w in more)
    assert net.weight_bytes(fewer) <= net.weight_bytes(more)


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_layer_takes_what_the_one_before_gives(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """A chain can be taken apart and put together again from its layers."""
    net = data.draw(networks)
    assert Network(net.layers) == net
    for before, after in zip(net.layers, net.layers[1:], strict=False):
        assert (before.out_channels, before.out_size) == (after.in_channels, after.in_size)


def test_the_last_layer_is_wide_and_has_no_activation() -> None:
    """The logits are the last layer's raw accumulators, whatever activation was asked for."""
    net = Network.chain(1, (4,), [linear("a", 2), linear("b", 2, activation=Activation.ABS)])
    assert [(layer.wide, layer.activation) for layer in net.layers] == [
        (False, Activation.RELU),
        (True, Activation.NONE),
    ]


def test_pooling_drops_what_no_whole_window_covers() -> None:
    """A window of 3 every 2 over 8 values gives 3 values; a kernel of 3 padded by 1 keeps them."""
    layer = Network.chain(1, (8,), [conv("a", 1, kernel=3, padding=1, pool=max_pool(3, 2))])
    assert (layer.layers[0].pooled_size, layer.layers[0].out_size) == ((3,), (3,))


def test_a_pool_moves_by_its_own_size_unless_told() -> None:
    """Without a stride, windows lie side by side."""
    assert max_pool(3) == Pool(PoolKind.MAX, 3, 3)
    assert average_pool(3, 1) == Pool(PoolKind.AVERAGE, 3, 1)


def test_a_flattening_layer_has_a_weight_for_every_value() -> None:
    """10 channels of length 101 into 200 features are 200 x 1,010 weights."""
    layer = Network.chain(10, (101,), [linear("fc", 200)]).layers[0]
    assert (layer.flatten, layer.weight_shape) == (True, (200, 1010))


def test_a_linear_layer_after_another_does_not_flatten() -> None:
    """Only the first linear layer after spatial data flattens."""
    net = Network.chain(1, (4,), [linear("a", 2), linear("b", 2)])
    assert [layer.flatten for layer in net.layers] == [True, False]


def test_the_kernel_is_square_on_images() -> None:
    """A convolution is a conv1d on (length,) and a conv2d on (height, width)."""
    line = Network.chain(1, (5,), [conv("a", 1, kernel=3)]).layers[0]
    image = Network.chain(1, (5, 4), [conv("a", 1, kernel=3)]).layers[0]
    assert (line.operation, line.kernel) == (Operation.CONV1D, (3,))
    assert (image.operation, image.kernel, image.out_size) == (Operation.CONV2D, (3, 3), (3, 2))


def test_bits_are_written_in_layer_order() -> None:
    """Bits read 8-8-2-4 everywhere."""
    assert format_bits((8, 8, 2, 4)) == "8-8-2-4"


@pytest.mark.parametrize("pool", [max_pool(4, 2), average_pool(4, 1)])
def test_a_pool_larger_than_its_input_is_refused(pool: Pool) -> None:
    """A window of 4 over 3 values is refused even where padding would leave an output."""
    with pytest.raises(NetworkError, match=r"'a': an input of size \(3,\) leaves nothing") as error:
        Network.chain(1, (3,), [conv("a", 1, kernel=3, padding=2, pool=pool)])
    assert "pool 4 stride" in one_line(error)


def test_a_kernel_larger_than_its_input_is_refused() -> None:
    """A kernel of 9 over 3 values padded by 2 leaves nothing."""
    with pytest.raises(NetworkError, match=r"kernel \(9,\) with padding 2"):
        Network.chain(1, (3,), [conv("a", 1, kernel=9, padding=2)])


@pytest.mark.parametrize(
    ("size", "stride", "words"), [(0, 1, "0 and 1"), (2, 0, "2 and 0"), (-1, -1, "-1 and -1")]
)
def test_a_pool_without_extent_is_refused(size: int, stride: int, words: str) -> None:
    """The message gives both values and the least allowed."""
    with pytest.raises(NetworkError, match=f"at least 1 but are {words}"):
        max_pool(size, stride)


def test_bits_of_a_wrong_count_are_refused(indoor: Indoor) -> None:
    """The message names the layers, and what was given."""
    with pytest.raises(NetworkError, match=r"4 widths \(conv1, conv2, fc1, fc2\)") as error:
        indoor(5).weight_bytes((8, 8))
    assert one_line(error).endswith("2 were given: 8-8")


@pytest.mark.parametrize("width", [0, 3, 16, -8])
def test_bits_the_chip_has_not_are_refused(indoor: Indoor, width: int) -> None:
    """The message names the layer, the allowed widths and the value."""
    with pytest.raises(NetworkError, match=f"'fc1' must be one of 1, 2, 4, 8 but are {width}"):
        indoor(5).weight_bytes((8, 8, width, 8))


def test_a_network_without_layers_is_refused() -> None:
    """There is nothing to compute."""
    with pytest.raises(NetworkError, match="at least one layer"):
        Network(())


def test_two_layers_of_one_name_are_refused() -> None:
    """Names stand for layers in files, so they must differ."""
    with pytest.raises(NetworkError, match="two layers are called 'a'"):
        Network.chain(1, (4,), [conv("a", 2, kernel=1), linear("a", 2)])


def test_layers_that_do_not_meet_are_refused() -> None:
    """The message gives what one layer gives and the other takes."""
    first = Layer("a", Operation.LINEAR, 3, (), 5)
    second = Layer("b", Operation.LINEAR, 4, (), 2, activation=Activation.NONE, wide=True)
    with pytest.raises(NetworkError, match=r"'b' takes channels and size \(4, \(\)\)") as error:
        Network((first, second))
    assert one_line(error).endswith("is given (5, ())")


def test_only_the_last_layer_may_be_wide() -> None:
    """A wide layer in the middle is refused by name; logits that are not wide cannot be trained."""
    wide = Layer("a", Operation.LINEAR, 3, (), 5, activation=Activation.NONE, wide=True)
    narrow = Layer("b", Operation.LINEAR, 5, (), 2)
    with pytest.raises(NetworkError, match="'a': only the last layer may be wide"):
        Network((wide, narrow))
    assert not Network((narrow,)).is_plain_chain
    assert Network((wide,)).is_plain_chain


def residual(**fields: object) -> Network:
    """A convolution, and its sum with its own input passed through."""
    shape: dict[str, object] = {"in_channels": 4, "in_size": (6,), "out_channels": 4}
    first = Layer("a", Operation.CONV1D, kernel=(3,), padding=1, **shape)  # type: ignore[arg-type]
    last = {"sources": (-1, 0), "combine": Combine.ADD, "kernel": (1,), **fields}
    return Network((first, Layer("b", Operation.CONV1D, **{**shape, **last})))  # type: ignore[arg-type]


def test_a_layer_may_add_or_concatenate_earlier_ones() -> None:
    """Channels count once where outputs are added, and together where they are concatenated."""
    added = residual()
    assert added.layers[1].operands == 2
    assert added.sources(0) == (-1,)
    assert not added.is_plain_chain
    joined = residual(combine=Combine.CONCATENATE, in_channels=8)
    assert joined.layers[1].operands == 1
    assert joined.layers[1].weight_shape == (4, 8, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"in_channels": 8}, r"'b' takes channels and size \(8, \(6,\)\) but is given"),
        ({"combine": Combine.CONCATENATE}, r"'b' takes channels and size \(4, \(6,\)\)"),
        ({"sources": (0, 1)}, "must be layers before it, -1 to 0, but one is 1"),
        ({"sources": (-2,)}, "but one is -2"),
        ({"groups": 3}, "3 groups do not divide the channels 4 -> 4"),
    ],
)
def test_sources_that_do_not_fit_are_refused(fields: dict[str, object], words: str) -> None:
    """The message names the layer and what it was given."""
    with pytest.raises(NetworkError, match=words):
        residual(**fields)


def test_a_transposed_convolution_doubles_and_a_passthrough_keeps() -> None:
    """A 5x7 image becomes 10x14; a passthrough has no weights and only pools."""
    up = Layer("up", Operation.CONVTRANSPOSE2D, 3, (5, 7), 2, kernel=(3, 3), padding=1)
    assert up.out_size == (10, 14)
    passed = {"bias": False, "activation": Activation.NONE}
    through = Layer("p", Operation.PASSTHROUGH, 2, (10, 14), 2, pool=max_pool(2), **passed)  # type: ignore[arg-type]
    assert (through.out_size, through.weight_count, through.macs) == ((5, 7), 0, 0)
    assert Network((up, through)).weight_bytes((8, 8)) == up.weight_count
    with pytest.raises(NetworkError, match="gives the 2 channels it takes"):
        Layer("p", Operation.PASSTHROUGH, 2, (10, 14), 3, **passed)  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="a passthrough has no activation"):
        Layer("p", Operation.PASSTHROUGH, 2, (10, 14), 2, bias=False)


def test_a_depthwise_layer_has_one_kernel_a_channel() -> None:
    """Weights and MACs are those of one group times the groups."""
    layer = Layer("d", Operation.CONV2D, 8, (6, 6), 8, kernel=(3, 3), padding=1, groups=8)
    assert layer.weight_shape == (8, 1, 3, 3)
    assert layer.macs == 72 * 36


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "a b"}, "must be an identifier but is 'a b'"),
        ({"out_channels": 0}, "at least 1 but are 3 -> 0"),
        ({"in_size": (0,)}, r"at least 1 but are 3 -> 5, \(0,\)"),
        ({"kernel": (3,)}, r"along 0 axes but the kernel is \(3,\)"),
        ({"padding": 1}, "MLP takes no padding of 1"),
        ({"pool": Pool(PoolKind.MAX, 2, 2)}, "a linear layer takes no pooling"),
        ({"wide": True}, "a wide layer has no activation but asks for ReLU"),
        ({"operation": Operation.CONV1D}, r"along 1 axes but the kernel is \(\)"),
    ],
)
def test_a_layer_that_contradicts_itself_is_refused(fields: dict[str, object], words: str) -> None:
    """The message names the layer and gives the value that cannot be."""
    sound: dict[str, object] = {
        "name": "fc",
        "operation": Operation.LINEAR,
        "in_channels": 3,
        "in_size": (),
        "out_channels": 5,
    }
    with pytest.raises(NetworkError, match=words) as error:
        Layer(**(sound | fields))  # type: ignore[arg-type]
    one_line(error)


def test_a_convolution_after_a_linear_layer_is_refused() -> None:
    """A linear layer leaves no axes to move along."""
    with pytest.raises(NetworkError, match=r"'b': a convolution needs .* leaves 0"):
        Network.chain(1, (4,), [linear("a", 2), conv("b", 2, kernel=1)])


def test_hardware_imports_neither_torch_nor_optuna_nor_the_rooms_above() -> None:
    """Prices, limits and the integer reference are to be had without them."""
    forbidden = {"torch", "optuna", "objectives", "mpqsearch"}
    package = Path(hardware.__file__).parent
    seen = set()
    for file in package.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                seen |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                seen.add((node.module or "").split(".")[0])
    assert "numpy" in seen
    assert not seen & forbidden
