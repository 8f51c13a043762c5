# SPDX-License-Identifier: Apache-2.0
"""The network YAML: what is written, and that it reads back as the same network."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.cost.load_words import InputFormat
from hardware.izer.network_yaml import read_network_yaml
from hardware.izer.yaml_writer import network_yaml
from hardware.layer import Activation, Combine, Layer, Operation
from hardware.network import Network, conv, linear, max_pool
from hardware.placement.plan import place
from tests.hardware.izer_networks import Drawn, draw_fitting, draw_residual

Indoor = Callable[[int], Network]

INDOOR = """\
# a test
# Written by mpqsearch; export again instead of editing.
---
arch: indoor
dataset: none

layers:
  # 2x51 -> 10x51, 8-bit weights
  - name: conv1
    operation: conv1d
    kernel_size: 3
    pad: 1
    activate: ReLU
    quantization: 8
    data_format: CHW
    processors: 0x0000000000000011
    output_processors: 0x00000000000003ff
    in_offset: 0x0000
    out_offset: 0x00d0
  # 10x51 -> 10x51, 8-bit weights
  - name: conv2
    operation: conv1d
    kernel_size: 3
    pad: 1
    activate: ReLU
    quantization: 8
    processors: 0x00000000000003ff
    output_processors: 0x00000000000003ff
    in_offset: 0x00d0
    out_offset: 0x0000
  # 10x51 -> 200, 2-bit weights
  - name: fc1
    operation: MLP
    activate: ReLU
    quantization: 2
    flatten: true
    processors: 0x00000000000003ff
    output_processors: 0x000fffffffffffff
    in_offset: 0x0000
    out_offset: 0x00d0
  # 200 -> 4, 8-bit weights
  - name: fc2
    operation: MLP
    activate: None
    quantization: 8
    output_width: 32
    processors: 0x000fffffffffffff
    output_processors: 0x000000000000000f
    in_offset: 0x00d0
    out_offset: 0x0000
"""


def written(
    network: Network,
    bits: Sequence[int],
    chip: Chip = MAX78002,
    arch: str = "net",
    about: str = "a test",
) -> str:
    return network_yaml(network, bits, place(network, bits, chip), arch, about)


def entries(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["layers"]
    return found


def as_read(network: Network) -> Network:
    """What a reader can know: no names, no biases left out, no needless sources."""
    return Network(
        tuple(
            replace(
                layer,
                name=f"layer{index}",
                bias=bool(layer.weight_shape),
                sources=() if layer.sources == (index - 1,) else layer.sources,
            )
            for index, layer in enumerate(network.layers)
        )
    )


def check_round_trip(drawn: Drawn, file: Path) -> None:
    """It reads back as the same network and bits, and says what its reader would guess."""
    text = written(drawn.network, drawn.bits, drawn.chip)
    file.write_text(text)
    layers = drawn.network.layers
    shapes = [layer.weight_shape for layer in layers if layer.weight_shape]
    found = read_network_yaml(file, shapes, drawn.network.input_shape)
    assert found.network == as_read(drawn.network)
    assert found.bits == drawn.bits
    format_ = entries(text)[0]["data_format"]
    assert found.input_format is InputFormat(format_)
    assert (format_ == "CHW") == (layers[0].in_channels <= 16 and bool(layers[0].kernel))
    for layer, entry in zip(layers, entries(text), strict=True):
        assert ("pad" in entry) == bool(layer.kernel)
        assert ("quantization" in entry) == bool(layer.weight_shape)
        assert {"processors", "output_processors", "in_offset", "out_offset"} <= set(entry)
    assert sum("data_format" in entry for entry in entries(text)) == 1
    check_hexadecimal(text, len(layers))
    described = re.findall(r"\n  # (\S+) -> (\S+?)(?:, ([1248])-bit weights)?\n  - ", text)
    assert len(described) == len(layers)
    for layer, bits, (taken, given_, width) in zip(layers, drawn.bits, described, strict=True):
        assert taken.split("x") == [str(one) for one in (layer.in_channels, *layer.in_size)]
        assert given_.split("x") == [str(one) for one in (layer.out_channels, *layer.out_size)]
        assert width == (str(bits) if layer.weight_shape else "")


def check_hexadecimal(text: str, layers: int) -> None:
    for key in ("processors", "output_processors", "in_offset", "out_offset"):
        values = re.findall(rf"^ +(?:- )?{key}: (.+)$", text, re.MULTILINE)
        digits = 16 if key.endswith("processors") else 4
        assert len(values) == layers
        assert all(re.fullmatch(rf"0x[0-9a-f]{{{digits},}}", value) for value in values)


@pytest.mark.parametrize("draw", [draw_fitting, draw_residual])
def test_a_network_reads_back_as_itself(
    draw: Callable[[np.random.Generator], Drawn], tmp_path: Path
) -> None:
    """Chains with pooling, flattening and passing through, and residual blocks, on both chips."""

    @given(seed=st.integers(0, 2**32 - 1))
    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def round_trip(seed: int) -> None:
        check_round_trip(draw(np.random.default_rng(seed)), tmp_path / "network.yaml")

    round_trip()


def test_the_indoor_network_word_for_word(indoor: Indoor) -> None:
    """Tensors alternate between 0 and 208, which is 51 words of 4 channels, rounded up to 16."""
    text = written(indoor(51), (8, 8, 2, 8), arch="indoor")
    assert text == INDOOR


def test_three_operands_are_three_to_the_izer() -> None:
    """Its own default is two, whatever the sources."""
    image = {"in_size": (6, 6), "out_channels": 8, "kernel": (1, 1)}
    taken = [Layer("a", Operation.CONV2D, 3, **image)]  # type: ignore[arg-type]
    taken += [
        Layer(name, Operation.CONV2D, 8, sources=(0,), **image)  # type: ignore[arg-type]
        for name in "bcd"
    ]
    joined = Layer(
        "e",
        Operation.CONV2D,
        8,
        sources=(1, 2, 3),
        combine=Combine.ADD,
        activation=Activation.NONE,
        **image,  # type: ignore[arg-type]
    )
    last = entries(written(Network((*taken, joined)), (8,) * 5, MAX78000))[-1]
    assert (last["eltwise"], last["operands"], last["in_sequences"]) == ("add", 3, [1, 2, 3])


@pytest.mark.parametrize("arch", ["on", "null", "51", "1_0", "0x1f", "no", "net_51"])
def test_an_architecture_is_a_string_to_yaml(indoor: Indoor, arch: str) -> None:
    """The izer takes no number or truth value for a name."""
    text = written(indoor(5), (8,) * 4, arch=arch)
    assert yaml.safe_load(text)["arch"] == arch


@pytest.mark.parametrize("name", ["on", "yes", "null", "true", "Off"])
def test_a_layers_name_is_a_string_to_yaml(name: str) -> None:
    """It takes none for a layer's name either."""
    net = Network.chain(2, (9,), [conv(name, 4, kernel=3), linear("fc", 3)])
    assert [entry["name"] for entry in entries(written(net, (8, 8)))] == [name, "fc"]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("input", "Stop"), [None, None]),
        (("fc", "FC"), ["fc", None]),
        (("fc", "fc1"), ["fc", "fc1"]),
    ],
)
def test_names_the_izer_refuses_are_left_out(
    names: tuple[str, str], kept: list[str | None]
) -> None:
    """It reserves two, and takes capitals for small letters."""
    net = Network.chain(2, (9,), [conv(names[0], 4, kernel=3), linear(names[1], 3)])
    assert [entry.get("name") for entry in entries(written(net, (8, 8)))] == kept


@pytest.mark.parametrize("about", ["two\nlines: [", "a\u2028b", "bell \x07", "tab\there", "é"])
def test_what_it_is_about_stays_a_comment(indoor: Indoor, about: str) -> None:
    """One line whatever it says: nothing of it is read as YAML."""
    text = written(indoor(5), (8,) * 4, about=about)
    assert yaml.safe_load(text) == yaml.safe_load(written(indoor(5), (8,) * 4))
    assert text.splitlines()[1].startswith("# Written by mpqsearch")


def test_pooling_and_square_kernels_are_written() -> None:
    """The stride of a pool always, since its default is 1; a 2-D kernel as 3x3."""
    plans = [conv("a", 4, kernel=3, padding=1, pool=max_pool(2)), linear("b", 3)]
    first = entries(written(Network.chain(3, (8, 8), plans), (4, 8)))[0]
    assert (first["max_pool"], first["pool_stride"]) == (2, 2)
    assert (first["kernel_size"], first["pad"], first["quantization"]) == ("3x3", 1, 4)
    assert "pool_first" not in first
