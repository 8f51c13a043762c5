# SPDX-License-Identifier: Apache-2.0
"""Writes an integer network as the quantized checkpoint that the izer reads.

The one file of this package that knows PyTorch: the format is its own.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hardware.integer import IntegerNetwork


def write_checkpoint(path: Path, integers: IntegerNetwork, arch: str) -> None:
    """Writes plain tensors, which load with `weights_only=True`.

    Weights are integers in float32, not packed; a bias is stored as b * 2^(bits-1); a layer's
    `output_shift` does not hold the 8 - bits that its width adds. **Source:** AI8X notes, 2.

    Args:
        path: The file, `*.pth.tar`.
        integers: What the chip will hold.
        arch: The architecture's name, as in the network YAML.

    Raises:
        OSError: where the file cannot be written.
    """
    state: dict[str, torch.Tensor] = {}
    for layer, held in zip(integers.network.layers, integers.layers, strict=True):
        if not layer.weight_shape:
            continue
        state[f"{layer.name}.output_shift"] = torch.tensor([float(held.output_shift)])
        state[f"{layer.name}.weight_bits"] = torch.tensor([held.bits])
        state[f"{layer.name}.op.weight"] = _float(held.weights)
        if held.bias is not None:
            state[f"{layer.name}.op.bias"] = _float(held.bias) * 2 ** (held.bits - 1)
    # Through memory: given a path, PyTorch writes its name too, and its errors are no OSError.
    content = io.BytesIO()
    torch.save({"epoch": 0, "arch": arch, "state_dict": state}, content)
    path.write_bytes(content.getvalue())


def _float(values: np.ndarray[Any, np.dtype[np.int8]]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
