# SPDX-License-Identifier: Apache-2.0
"""The quantized checkpoint: what stands in it, and that it is the same every time."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.checkpoint import read_weight_shapes
from hardware.izer.checkpoint_writer import write_checkpoint
from hardware.layer import Activation, Layer, Operation
from hardware.network import Network, conv, linear
from tests.hardware.published_checkpoint import published

Indoor = Callable[[int], Network]


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def small() -> IntegerNetwork:
    """A conv1d at 4 bits, a passthrough, and a linear layer at 1 bit without a bias."""
    first, last = Network.chain(
        1, (3,), [conv("a", 2, kernel=3), linear("b", 1, bias=False)]
    ).layers
    passing = Layer("p", Operation.PASSTHROUGH, 2, (1,), 2, activation=Activation.NONE, bias=False)
    held = (
        IntegerLayer(
            np.array([[[-8, 0, 7]], [[1, 2, 3]]], np.int8), np.array([-128, 127], np.int8), 4, -19
        ),
        IntegerLayer(np.zeros(0, np.int8), None, 8, 0),
        IntegerLayer(np.array([[-1, 0]], np.int8), None, 1, 8),
    )
    return IntegerNetwork(Network((first, passing, last)), held)


def test_what_stands_in_it_by_hand(tmp_path: Path) -> None:
    """Weights in float32 as they are, a bias times 2^(bits - 1), the shift without 8 - bits."""
    write_checkpoint(tmp_path / "c.pth.tar", small(), "net")
    found = loaded(tmp_path / "c.pth.tar")
    state = found.pop("state_dict")
    assert found == {"epoch": 0, "arch": "net"}
    assert list(state) == [
        "a.output_shift",
        "a.weight_bits",
        "a.op.weight",
        "a.op.bias",
        "b.output_shift",
        "b.weight_bits",
        "b.op.weight",
    ]
    assert state["a.op.weight"].tolist() == [[[-8, 0, 7]], [[1, 2, 3]]]
    assert state["a.op.bias"].tolist() == [-1024, 1016]
    assert (state["a.output_shift"].tolist(), state["a.weight_bits"].tolist()) == ([-19], [4])
    assert state["b.op.weight"].tolist() == [[-1, 0]]
    assert (state["b.output_shift"].tolist(), state["b.weight_bits"].tolist()) == ([8], [1])
    for name, tensor in state.items():
        wanted = torch.int64 if name.endswith("weight_bits") else torch.float32
        assert tensor.dtype is wanted, name


def test_the_published_checkpoint_is_written_as_it_was(
    indoor: Indoor, checkpoint_file: Path, tmp_path: Path
) -> None:
    """Every tensor that the izer reads equals its own array, value, kind and shape."""
    integers, _ = published(indoor(51), checkpoint_file)
    write_checkpoint(tmp_path / "c.pth.tar", integers, "indoor")
    state = loaded(tmp_path / "c.pth.tar")["state_dict"]
    assert len(state) == 16
    with np.load(checkpoint_file) as arrays:
        for name, tensor in state.items():
            theirs = arrays[name]
            assert tensor.numpy().dtype == theirs.dtype, name
            assert tensor.numpy().shape == theirs.shape, name
            assert tensor.numpy().tolist() == theirs.tolist(), name


def test_random_networks_read_back(
    integer_networks: st.SearchStrategy[IntegerNetwork], tmp_path: Path
) -> None:
    """The izer's floor(stored / 2^(bits - 1)) gives each bias; shapes are read without PyTorch."""
    path = tmp_path / "c.pth.tar"

    @given(integers=integer_networks)
    @settings(
        max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def read_back(integers: IntegerNetwork) -> None:
        write_checkpoint(path, integers, "net")
        state = loaded(path)["state_dict"]
        layers = integers.network.layers
        assert read_weight_shapes(path) == [layer.weight_shape for layer in layers]
        for layer, held in zip(layers, integers.layers, strict=True):
            bits = int(state[f"{layer.name}.weight_bits"][0])
            assert bits == held.bits
            assert state[f"{layer.name}.op.weight"].numpy().tolist() == held.weights.tolist()
            assert state[f"{layer.name}.output_shift"].tolist() == [held.output_shift]
            assert (f"{layer.name}.op.bias" in state) == (held.bias is not None)
            if held.bias is not None:
                stored = state[f"{layer.name}.op.bias"].numpy()
                assert np.floor(stored / 2 ** (bits - 1)).tolist() == held.bias.tolist()

    read_back()


def test_two_writes_give_the_same_bytes(tmp_path: Path) -> None:
    """By other names, in a folder named otherwise, and in another process."""
    sums = set()
    for name in ("one/c.pth.tar", "two/d.pth.tar", "drei für/c.pth.tar"):
        path = tmp_path / name
        path.parent.mkdir()
        write_checkpoint(path, small(), "net")
        sums.add(hashlib.sha256(path.read_bytes()).hexdigest())
    program = (
        "import sys; from pathlib import Path;"
        "from hardware.izer.checkpoint_writer import write_checkpoint;"
        "from tests.hardware.izer.test_checkpoint_writer import small;"
        "write_checkpoint(Path(sys.argv[1]), small(), 'net')"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "c.pth.tar")],
        cwd=Path(__file__).resolve().parents[3],
        check=True,
    )
    sums.add(hashlib.sha256((tmp_path / "c.pth.tar").read_bytes()).hexdigest())
    assert len(sums) == 1


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The system's own words, as of any other file."""
    with pytest.raises(OSError, match="nowhere"):
        write_checkpoint(tmp_path / "nowhere" / "c.pth.tar", small(), "net")
