# SPDX-License-Identifier: Apache-2.0
import pickle
from pathlib import Path

import pytest
import torch

from hardware.izer.checkpoint import read_weight_shapes
from hardware.layer import NetworkError
from tests.traps import Trap

STATE = {
    "conv1.op.weight": torch.zeros(10, 2, 3),
    "conv1.op.bias": torch.zeros(10),
    "conv1.weight_bits": torch.tensor([8]),
    "fc.op.weight": torch.nn.Parameter(torch.zeros(4, 200)),
}


class Scheduler:
    """What training code leaves in its checkpoints."""

    def __init__(self) -> None:
        self.rates = [1, 2]


@pytest.mark.parametrize("new_format", [True, False])
def test_shapes_come_in_the_checkpoints_order(tmp_path: Path, new_format: bool) -> None:
    """Weights only, whatever else was pickled, in both of PyTorch's formats."""
    file = tmp_path / "checkpoint.pth.tar"
    content = {"epoch": 1, "state_dict": STATE, "extras": Scheduler(), "arch": "x"}
    torch.save(content, file, _use_new_zipfile_serialization=new_format)
    assert read_weight_shapes(file) == [(10, 2, 3), (4, 200)]


def test_tensors_kept_twice_count_once(tmp_path: Path) -> None:
    """Some published checkpoints hold every tensor also as `module.*`."""
    twice = {**{f"module.{name}": tensor for name, tensor in STATE.items()}, **STATE}
    torch.save({"state_dict": twice}, tmp_path / "twice.pth")
    assert read_weight_shapes(tmp_path / "twice.pth") == [(10, 2, 3), (4, 200)]


def test_nothing_in_a_checkpoint_runs(tmp_path: Path) -> None:
    """A checkpoint that would run code when unpickled gives its shapes and runs nothing."""
    target = tmp_path / "ran.txt"
    torch.save({"state_dict": STATE, "extras": Trap(target)}, tmp_path / "trap.pth")
    assert read_weight_shapes(tmp_path / "trap.pth") == [(10, 2, 3), (4, 200)]
    assert not target.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a PyTorch checkpoint"),
        (b"not a checkpoint at all", "is not a PyTorch checkpoint"),
        (b"PK\x03\x04broken", "is not a PyTorch checkpoint"),
        (pickle.dumps([1, 2]) * 4, "must hold a `state_dict`"),
        (pickle.dumps({"state_dict": {}}) * 4, "holds no weights"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    """The message names the file."""
    file = tmp_path / "other.pth"
    file.write_bytes(content)
    with pytest.raises(NetworkError, match=words) as error:
        read_weight_shapes(file)
    assert str(file) in str(error.value)


def test_a_missing_checkpoint_is_said(tmp_path: Path) -> None:
    """A path that leads nowhere is one line."""
    with pytest.raises(NetworkError, match="cannot be read: No such file"):
        read_weight_shapes(tmp_path / "none.pth")
