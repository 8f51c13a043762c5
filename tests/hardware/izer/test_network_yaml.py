# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from hardware.izer.network_yaml import read_network_yaml
from hardware.layer import Combine, NetworkError, Operation

INDOOR = """\
arch: indoor
dataset: CTF
layers:
  - {operation: conv1d, kernel_size: 3, pad: 1, activate: ReLU, quantization: 8,
     processors: 0x11, out_offset: 0x100, data_format: CHW}
  - {op: Conv1d, kernel_size: 3, pad: 1, activate: ReLU, quantization: 8, processors: 0x3ff}
  - {operation: MLP, flatten: true, activate: ReLU, quantization: 2, processors: 0x3ff}
  - {operation: linear, output_width: 32, activate: None, quantization: 4, processors: 0xf}
"""
SHAPES = [(10, 2, 3), (10, 10, 3), (200, 510), (4, 200)]
RESIDUAL = """\
layers:
  - {op: conv2d, pad: 1, activate: ReLU, name: one}
  - {op: passthrough, max_pool: 2, pool_stride: 2}
  - {op: conv2d, kernel_size: 1x1, pad: 0, in_sequences: one, max_pool: 2, pool_stride: 2}
  - {op: conv2d, pad: 1, in_sequences: [1, 2], eltwise: add, write_gap: 1}
  - {op: convtranspose2d, pad: 1}
  - {op: conv2d, kernel_size: 1x1, pad: 0, in_sequences: [4, 0], output_width: 32}
"""
RESIDUAL_SHAPES = [(8, 3, 3, 3), (8, 8, 1, 1), (8, 8, 3, 3), (8, 6, 3, 3), (2, 14, 1, 1)]


def written(folder: Path, text: str) -> Path:
    file = folder / "network.yaml"
    file.write_text(text)
    return file


def test_indoor_yaml_gives_the_indoor_network(tmp_path: Path) -> None:
    """Shapes, bits and the wide last layer; bytes and MACs as published for L = 51 8-8-2-4."""
    found = read_network_yaml(written(tmp_path, INDOOR), SHAPES, (2, 51))
    assert found.bits == (8, 8, 2, 4)
    assert found.network.weight_bytes(found.bits) == 26_260
    assert found.network.macs == 121_160
    assert found.network.is_plain_chain
    assert found.network.layers[2].flatten


def test_skips_additions_and_transposed_convolutions_are_read(tmp_path: Path) -> None:
    """Names and places both name sources; a passthrough takes no weights."""
    found = read_network_yaml(written(tmp_path, RESIDUAL), RESIDUAL_SHAPES, (3, 16, 16)).network
    assert [layer.operation for layer in found.layers][1] is Operation.PASSTHROUGH
    assert found.layers[2].sources == (0,)
    added, up, joined = found.layers[3:]
    assert (added.combine, added.operands, added.in_size) == (Combine.ADD, 2, (8, 8))
    assert (up.in_channels, up.out_channels, up.out_size) == (8, 6, (16, 16))
    assert (joined.in_channels, joined.wide) == (14, True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("operation: MLP", "operation: MPL", r"layer 2: operation 'MPL' is not known"),
        (
            "flatten: true",
            "flaten: true",
            r"layer 2: unknown key 'flaten'; did you mean flatten\?",
        ),
        (
            "kernel_size: 3, pad: 1, activate: ReLU, quantization: 8,\n",
            "dilation: 2,\n",
            "dilation",
        ),
        ("activate: None", "activate: Tanh", "activation 'Tanh' must be one of none, relu, abs"),
        ("quantization: 4,", "eltwise: add, quantization: 4,", "in_sequences names 0"),
        ("quantization: 4,", "in_sequences: 7,", "names layer 7, which is not before it"),
        ("quantization: 4,", "in_sequences: first,", "in_sequences names 'first'"),
        ("quantization: 4,", "in_dim: [3, 4],", "does not hold"),
        ("layers:", "layer:", "must hold a list `layers:`"),
        ("arch: indoor", "arch: [", "cannot be read"),
        ("  - {operation: linear", "  - 7\n  - {operation: linear", "must be a mapping but is 7"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """The message names the file, the layer and what it said."""
    assert old in INDOOR
    file = written(tmp_path, INDOOR.replace(old, new))
    with pytest.raises(NetworkError, match=words) as error:
        read_network_yaml(file, SHAPES, (2, 51))
    assert "\n" not in str(error.value)
    assert "network.yaml" in str(error.value)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (SHAPES[:3], "layer 3: the checkpoint has no more weights"),
        ([*SHAPES, (4, 4)], "has 5 weights but the layers take 4"),
        ([(10, 3, 3), *SHAPES[1:]], r"weights \(10, 3, 3\) do not take 2 inputs"),
        ([(10,), *SHAPES[1:]], "do not take 2 inputs"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    tmp_path: Path, shapes: list[tuple[int, ...]], words: str
) -> None:
    """Counts and shapes must be the network's."""
    with pytest.raises(NetworkError, match=words):
        read_network_yaml(written(tmp_path, INDOOR), shapes, (2, 51))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A path that leads nowhere is one line."""
    with pytest.raises(NetworkError, match="cannot be read"):
        read_network_yaml(tmp_path / "none.yaml", SHAPES, (2, 51))
