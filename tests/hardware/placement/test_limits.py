# SPDX-License-Identifier: Apache-2.0
"""What fits the chips, against the izer's own decisions and resource reports."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.layer import WEIGHT_BITS, Activation, Layer, Operation, Pool, PoolKind
from hardware.network import LayerPlan, Network, conv, linear, max_pool
from hardware.placement.bias_memory import bias_bytes_by_quadrant
from hardware.placement.limits import (
    Demand,
    DoesNotFit,
    demands,
    kernel_words,
    occupied_words,
)
from hardware.placement.nearest_fit import check_fit
from hardware.placement.processors import passes, processors_used

Indoor = Callable[[int], Network]


def single(channels: int, size: Sequence[int], plan: LayerPlan) -> Layer:
    return Network.chain(channels, size, [plan]).layers[0]


def fits(network: Network, bits: Sequence[int], chip: Chip) -> bool:
    return all(demand.fits for demand in demands(network, bits, chip))


def refusal(network: Network, bits: Sequence[int], chip: Chip) -> str:
    with pytest.raises(DoesNotFit) as error:
        check_fit(network, bits, chip)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("channels", "rounds", "used"),
    [(1, 1, 1), (10, 1, 10), (64, 1, 64), (66, 2, 36), (100, 2, 52), (200, 4, 52), (1024, 16, 64)],
)
def test_channels_spread_over_processors_as_the_izer_demands(
    channels: int, rounds: int, used: int
) -> None:
    """Its maps have these bit counts: over 64 channels, a multiple of 4 in equal passes."""
    assert (passes(channels), processors_used(channels)) == (rounds, used)


def test_kernel_words_are_those_the_izer_logs(mnist: Network, kws: Network, cifar: Network) -> None:
    """The lines `Kernel length` of its log for three of its examples, all at 8 bits."""
    lengths = [[kernel_words(layer, 8) for layer in net.layers] for net in (mnist, kws, cifar)]
    assert lengths == [
        [60, 60, 56, 12, 18],
        [24, 64, 43, 16, 22, 32, 70, 86, 10],
        [64, 4, 64, 32, 8, 128, 29, 128, 128, 29, 9],
    ]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [(7, (7, 4, 3, 7)), (8, (8, 4, 2, 1)), (15, (15, 8, 5, 8)), (47, (47, 24, 13, 12))],
)
def test_kernel_words_below_8_bits_are_those_the_izer_logs(
    outputs: int, words: tuple[int, ...]
) -> None:
    """A conv1d 4 -> n with kernel 9 at 8, 4, 2 and 1 bits: 1 bit can take more than 2."""
    layer = single(4, (20,), conv("a", outputs, kernel=9))
    assert tuple(kernel_words(layer, bits) for bits in (8, 4, 2, 1)) == words


@pytest.mark.parametrize(
    ("channels", "size", "plan", "bits", "words"),
    [
        (1024, (66,), conv("a", 12, kernel=3), 1, (8, 12)),
        (1024, (33,), conv("a", 1, kernel=5), 2, (3, 12)),
        (1024, (5, 3), conv("a", 22, kernel=3), 2, (88, 96)),
        (64, (9,), conv("a", 64, kernel=9), 8, (64, 64)),
    ],
)
def test_zeros_at_the_end_of_several_passes_take_room(
    channels: int, size: tuple[int, ...], plan: LayerPlan, bits: int, words: tuple[int, int]
) -> None:
    """Words the izer logs, and where it puts the next layer's: further on, for uneven outputs."""
    layer = single(channels, size, plan)
    assert (kernel_words(layer, bits), -(-occupied_words(layer, bits) // 4) * 4) == words


def test_a_flattening_layer_at_8_bits_fills_its_empty_slots() -> None:
    """66 outputs take 72 slots: the izer logs 8 words for one channel of one pixel, not 7.33."""
    layer = single(1, (1,), linear("fc", 66))
    assert (kernel_words(layer, 8), kernel_words(layer, 4)) == (8, 4)


def test_the_indoor_network_fills_the_weight_memory_as_the_izer_says(indoor: Indoor) -> None:
    """It logs 4, 4, 284, 1 words at length 51 and 8-8-2-4, and 4, 4, 4068, 2 at 183 and 8 bits.

    At 101 and 8 bits fc1 needs 2,245 words by its message, and a part of one for empty slots.
    """
    layers = indoor(51).layers
    words = [kernel_words(layer, bits) for layer, bits in zip(layers, (8, 8, 2, 4), strict=True)]
    assert words == [4, 4, 284, 1]
    assert [kernel_words(layer, 8) for layer in indoor(183).layers] == [4, 4, 4068, 2]
    assert kernel_words(indoor(101).layers[2], 8) == 2245 + 1


@pytest.mark.parametrize(
    ("length", "bits", "chip", "fit"),
    [
        (183, 8, MAX78002, True),
        (185, 8, MAX78002, False),
        (256, 4, MAX78002, True),
        (257, 4, MAX78002, False),
        (101, 8, MAX78000, False),
        (101, 2, MAX78000, True),
    ],
)
def test_the_indoor_network_fits_where_the_izer_takes_it(
    indoor: Indoor, length: int, bits: int, chip: Chip, fit: bool
) -> None:
    """8 bits: up to 183 samples on the MAX78002, not 101 on the MAX78000; flatten stops at 256."""
    assert fits(indoor(length), (bits,) * 4, chip) is fit


def test_a_network_too_large_is_refused_in_one_line(indoor: Indoor) -> None:
    """The message names the chip, the limit, what is needed and what there is, and the way out."""
    message = refusal(indoor(101), (8, 8, 8, 8), MAX78000)
    assert message == (
        "does not fit the MAX78000: network: kernel words of the busiest processor is 2260 but"
        " the limit is 768, 1492 too many; it fits with bits 8-8-2-8"
    )


def test_published_networks_fit(mnist: Network, kws: Network, cifar: Network) -> None:
    """All three run on the MAX78000; the padded conv1d of kws20_v3 only there."""
    nets = (mnist, kws, cifar)
    assert [fits(net, (8,) * len(net.layers), MAX78000) for net in nets] == [True, True, True]
    assert [fits(net, (8,) * len(net.layers), MAX78002) for net in nets] == [True, False, True]
    assert "padding of a conv1d with over 64 channels in is 1" in refusal(kws, (8,) * 9, MAX78002)


def test_one_input_channel_uses_the_larger_memory() -> None:
    """512 + 3,584 + 56 words fit a MAX78002, as the izer places them, at 4,608, 0 and 3,584."""
    plans = [conv(name, n, kernel=3, padding=1) for name, n in (("a", 512), ("b", 448), ("c", 8))]
    one = Network.chain(1, (4, 4), plans)
    two = Network.chain(2, (4, 4), plans)
    assert fits(one, (8, 8, 8), MAX78002)
    assert "is 4152 but the limit is 4096" in refusal(two, (8, 8, 8), MAX78002)
    full = Network.chain(1, (4, 4), [conv("z", 1024, kernel=3, padding=1), *plans[1:]])
    assert not fits(full, (8, 8, 8), MAX78002)


def test_biases_are_spread_as_the_izer_does(cifar: Network, indoor: Indoor) -> None:
    """Its log says `Used bias memory = [202, 224, 224, 192]` and, for L=51, [200, 10, 10, 4]."""
    assert bias_bytes_by_quadrant(cifar, MAX78000) == [202, 224, 224, 192]
    assert bias_bytes_by_quadrant(indoor(51), MAX78002) == [200, 10, 10, 4]


def test_biases_must_fit_a_quadrant_not_only_the_chip() -> None:
    """Five layers of 400 biases are under 2,048 bytes in all, but two of them share 512."""
    names = ("a", "b", "c", "d", "e")
    net = Network.chain(64, (1,), [conv(name, 400, kernel=1) for name in names])
    assert net.bias_bytes < 2048
    found = {str(demand) for demand in demands(net, (1,) * 5, MAX78000) if not demand.fits}
    assert (
        "network: bias bytes of the fullest quadrant is 800 but the limit is 512, 288 too many"
        in found
    )


def test_biases_stay_in_quadrants_that_are_used() -> None:
    """A network on processors 0 to 15 has one quadrant's bias memory, 512 bytes."""
    plans = [conv(f"a{i}", 16, kernel=1) for i in range(31)]
    narrow = Network.chain(4, (1,), plans)
    assert bias_bytes_by_quadrant(narrow, MAX78000) == [31 * 16]
    wider = Network.chain(16, (1,), plans)  # CHW: one channel in 4 processors, up to number 60
    assert bias_bytes_by_quadrant(wider, MAX78000) == [128, 128, 128, 112]


def test_flattening_layers_choose_their_quadrant_first_on_the_max78000() -> None:
    """The izer places their biases before larger ones there, on the MAX78002 by size alone."""
    plans = [conv("a", 30, kernel=1), conv("b", 40, kernel=1), linear("c", 5), linear("d", 20)]
    net = Network.chain(1, (4,), plans)  # quadrants 0 to 2
    assert bias_bytes_by_quadrant(net, MAX78002) == [40, 30, 25]
    assert bias_bytes_by_quadrant(net, MAX78000) == [25, 40, 30]


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=150)
def test_fewer_bits_never_cost_more_kernel_words(data: st.DataObject) -> None:
    """From 8 to 4 to 2 bits always; to 1 bit where kernels fill whole bytes."""
    outputs = data.draw(st.integers(1, 1024))
    channels = data.draw(st.integers(1, 1024))
    plan = data.draw(
        st.sampled_from(
            [conv("a", outputs, kernel=3), conv("a", outputs, kernel=1), linear("a", outputs)]
        )
    )
    layer = single(channels, (5,), plan)
    words = [kernel_words(layer, bits) for bits in (2, 4, 8)]
    assert words == sorted(words)
    whole = single(channels, (5,), conv("a", -(-outputs // 8) * 8, kernel=3))
    if passes(whole.out_channels) * processors_used(whole.out_channels) % 8 == 0:
        assert kernel_words(whole, 1) <= kernel_words(whole, 2)


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=80)
def test_kernel_words_hold_all_weights(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """The words of all processors of a layer are never fewer than its weights' bits."""
    net = data.draw(networks)
    for layer in net.layers:
        bits = data.draw(st.sampled_from(WEIGHT_BITS))
        room = 72 * kernel_words(layer, bits) * processors_used(layer.in_channels)
        assert room >= layer.weight_count * bits


LINE = (32,)
IMAGE = (8, 8)
LIMITS = [
    (4, LINE, conv("a", 4, kernel=10), MAX78002, "a: kernel size is 10 but the limit is 9"),
    (4, LINE, conv("a", 4, kernel=5, padding=3), MAX78002, "a: padding is 3 but the limit is 2"),
    (4, LINE, conv("a", 4, kernel=1, padding=1), MAX78002, "a: padding is 1 but the limit is 0"),
    (4, IMAGE, conv("a", 4, kernel=5), MAX78002, "a: kernel size is 5 but the limit is 3"),
    (4, IMAGE, conv("a", 4, kernel=2), MAX78002, "kernel size (1x1 or 3x3) is 2 but the limit"),
    (72, LINE, conv("a", 4, kernel=3, padding=1), MAX78002, "channels in is 1 but the limit is 0"),
    (4, LINE, conv("a", 4, kernel=1, pool=max_pool(17)), MAX78002, "size is 17 but the limit is"),
    (4, LINE, conv("a", 4, kernel=1, pool=max_pool(2, 17)), MAX78002, "stride is 17 but the limit"),
    (1025, (1,), conv("a", 4, kernel=1), MAX78002, "channels in is 1025 but the limit is 1024"),
    (4, (1,), conv("a", 1025, kernel=1), MAX78002, "channels out is 1025 but the limit is 1024"),
    (1, (2049,), conv("a", 1, kernel=1), MAX78002, "rows or columns is 2049 but the limit is 2048"),
    (1, (1025,), conv("a", 1, kernel=1), MAX78000, "rows or columns is 1025 but the limit is 1024"),
    (10, (257,), linear("a", 4), MAX78002, "flattened pixels times passes is 257 but the limit"),
    (72, (129,), linear("a", 4), MAX78002, "flattened pixels times passes is 258 but the limit"),
    (100, (2,), linear("a", 4), MAX78002, "channels to flatten, uneven over the passes, is 100"),
    (4, (1,), conv("a", 513, kernel=1), MAX78000, "bias bytes in one quadrant is 513 but the"),
    (3, (300, 300), conv("a", 1, kernel=3), MAX78002, "bytes of data memory of 4 processors is"),
]


@pytest.mark.parametrize(("channels", "size", "plan", "chip", "words"), LIMITS)
def test_each_limit_is_reported_with_both_figures(
    channels: int, size: tuple[int, ...], plan: LayerPlan, chip: Chip, words: str
) -> None:
    """What the izer refuses is listed by layer, with what is asked for and the limit."""
    net = Network.chain(channels, size, [plan])
    found = [str(demand) for demand in demands(net, (8,), chip) if not demand.fits]
    assert any(words in line for line in found), found
    refusal(net, (8,), chip)


@pytest.mark.parametrize(
    ("length", "padding", "chip", "fit"),
    [
        (1022, 1, MAX78000, True),
        (1023, 1, MAX78000, False),
        (1020, 2, MAX78000, True),
        (1021, 2, MAX78000, False),
        (1024, 0, MAX78000, True),
        (2048, 1, MAX78002, True),
    ],
)
def test_padding_counts_in_the_rows_of_the_max78000(
    length: int, padding: int, chip: Chip, fit: bool
) -> None:
    """It asserts length - 1 + 2 padding < 1,024; the MAX78002 has no such limit."""
    net = Network.chain(1, (length,), [conv("a", 1, kernel=3, padding=padding)])
    assert fits(net, (8,), chip) is fit


def test_a_layer_may_not_grow_past_the_largest_size() -> None:
    """A padding of 2 around a kernel of 3 leaves 2 rows more than came in."""
    net = Network.chain(1, (2047,), [conv("a", 1, kernel=3, padding=2)])
    assert "a: rows or columns is 2049 but the limit is 2048" in refusal(net, (8,), MAX78002)


def test_a_kernel_that_is_not_square_is_refused() -> None:
    """The chip has no 1x3 kernels, described by hand or not."""
    layer = Layer("a", Operation.CONV2D, 4, IMAGE, 4, (1, 3), activation=Activation.NONE, wide=True)
    assert "kernel size (1x1 or 3x3) is 3" in refusal(Network((layer,)), (8,), MAX78002)


def test_layers_are_limited() -> None:
    """The MAX78000 has registers for 32 layers."""
    plans = [linear(f"a{i}", 2) for i in range(33)]
    assert "number of layers is 33 but the limit is 32" in refusal(
        Network.chain(2, (1,), plans), (8,) * 33, MAX78000
    )
    assert fits(Network.chain(2, (1,), plans), (8,) * 33, MAX78002)


def test_weights_that_the_izer_would_lay_over_others_do_not_fit() -> None:
    """Two layers of one channel in and one word each: it puts both at the same place."""
    net = Network.chain(1, (1,), [linear("a", 1), linear("b", 1)])
    assert "one channel in whose weights the izer lays over others' is 1" in refusal(
        net, (8, 8), MAX78002
    )
    assert fits(net, (8, 8), MAX78000)


@pytest.mark.parametrize(("columns", "fit"), [(64, True), (65, False)])
def test_tensors_take_turns_at_both_ends_of_the_data_memory(columns: int, fit: bool) -> None:
    """64 x 64 wide outputs of 16 bytes and hidden values of 4 fill 81,920 bytes to the last."""
    net = Network.chain(1, (64, columns), [conv("a", 4, kernel=1), conv("b", 1, kernel=1)])
    assert fits(net, (8, 8), MAX78002) is fit


def test_the_worst_limit_is_the_one_reported() -> None:
    """Of several limits exceeded, the message names the one exceeded by the largest share."""
    plan = conv("a", 4, kernel=1, pool=Pool(PoolKind.MAX, 17, 64))
    message = refusal(Network.chain(4, LINE, [plan]), (8,), MAX78002)
    assert "pooling stride is 64 but the limit is 16" in message


def test_excess_is_the_share_over_the_limit() -> None:
    """24 of 16 is half too much, 8 of 16 half of it free, 1 of 0 once too much."""
    shares = [Demand("x", "y", *pair).excess for pair in ((24, 16), (8, 16), (1, 0))]
    assert shares == [0.5, -0.5, 1.0]
