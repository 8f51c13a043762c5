# SPDX-License-Identifier: Apache-2.0
"""Keeps an integer network in a file: plain arrays, nothing that can run when loaded."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from hardware.integer import IntegerLayer, IntegerNetwork, IntegerNetworkError
from hardware.network import Network


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
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            layers = tuple(
                IntegerLayer(
                    weights=arrays[f"{layer.name}.weights"],
                    bias=arrays[f"{layer.name}.bias"] if layer.bias else None,
                    bits=int(arrays[f"{layer.name}.bits"]),
                    output_shift=int(arrays[f"{layer.name}.output_shift"]),
                )
                for layer in network.layers
            )
            return IntegerNetwork(network, layers, int(arrays["logit_exponent"]))
    except (KeyError, EOFError, zipfile.BadZipFile, ValueError) as error:
        raise IntegerNetworkError(f"checkpoint {path} cannot be used: {error}") from None
