# SPDX-License-Identifier: Apache-2.0
"""Keeps an integer network in a file: plain arrays, nothing that can run when loaded."""

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hardware.integer import IntegerLayer, IntegerNetwork, IntegerNetworkError
from hardware.network import Network

_DAMAGE = (
    KeyError,
    EOFError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy, zipfile and zlib raise for a file with a few wrong bytes."""


def save_integer_network(path: Path, integers: IntegerNetwork) -> None:
    """Writes weights, biases, bits and shifts to an .npz file, whole or not at all.

    The network's description is not written: who loads it has it.
    """
    arrays: dict[str, Any] = {"logit_exponent": np.int64(integers.logit_exponent)}
    for layer, held in zip(integers.network.layers, integers.layers, strict=True):
        arrays[f"{layer.name}.weights"] = held.weights
        arrays[f"{layer.name}.bits"] = np.int64(held.bits)
        arrays[f"{layer.name}.output_shift"] = np.int64(held.output_shift)
        if held.bias is not None:
            arrays[f"{layer.name}.bias"] = held.bias
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_integer_network(path: Path, network: Network) -> IntegerNetwork:
    """Reads what `save_integer_network` wrote for this network.

    Raises:
        IntegerNetworkError: where the file is damaged or belongs to another network.
        OSError: where it cannot be read at all.
    """
    content = io.BytesIO(path.read_bytes())
    try:
        with np.load(content, allow_pickle=False) as arrays:
            strangers = {name.split(".")[0] for name in arrays.files if "." in name}
            strangers -= set(network.names)
            if strangers:
                raise IntegerNetworkError(
                    f"it has layers {', '.join(sorted(strangers))} but the network has only"
                    f" {', '.join(network.names)}"
                )
            layers = tuple(
                IntegerLayer(
                    weights=arrays[f"{layer.name}.weights"],
                    bias=arrays[name] if (name := f"{layer.name}.bias") in arrays else None,
                    bits=int(arrays[f"{layer.name}.bits"]),
                    output_shift=int(arrays[f"{layer.name}.output_shift"]),
                )
                for layer in network.layers
            )
            return IntegerNetwork(network, layers, int(arrays["logit_exponent"]))
    except _DAMAGE as error:
        raise IntegerNetworkError(f"checkpoint {path} cannot be used: {error}") from None
