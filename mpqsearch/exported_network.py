# SPDX-License-Identifier: Apache-2.0
"""The network of an exported pick, read back from what the izer was given."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np

from hardware.board.harness import project_checksum
from hardware.board.simulated import SimulatedProject
from hardware.chips import Chip
from hardware.cost.mode import Mode
from hardware.cost.model import CostModel
from hardware.integer import IntegerLayer, IntegerNetwork, IntegerNetworkError
from hardware.izer.network_yaml import read_network_yaml
from hardware.izer.project import CHECKPOINT, NETWORK, SAMPLE
from hardware.network import Network
from mpqsearch.errors import StudyError
from mpqsearch.export.manifest import Manifest


def exported_integers(folder: Path, sample_shape: tuple[int, ...]) -> IntegerNetwork:
    """Reads checkpoint and network file of an export.

    Raises:
        StudyError: where they are missing or damaged.
    """
    import torch

    try:
        state = torch.load(folder / CHECKPOINT, weights_only=True)["state_dict"]
        names = [key.removesuffix(".op.weight") for key in state if key.endswith(".op.weight")]
        shapes = [tuple(state[f"{name}.op.weight"].shape) for name in names]
        described = read_network_yaml(folder / NETWORK, shapes, sample_shape).network
        layers = tuple(
            dataclasses.replace(layer, bias=f"{name}.op.bias" in state)
            for layer, name in zip(described.layers, names, strict=True)
        )
        held = tuple(_layer(state, name) for name in names)
        return IntegerNetwork(Network(layers), held)
    except pickle.UnpicklingError:  # what PyTorch says of it is a page
        raise StudyError(
            f"{folder / CHECKPOINT} is damaged, or holds more than tensors; export again"
        ) from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise StudyError(f"the network of {folder} cannot be read: {error}; export again") from None


def _layer(state: dict[str, "object"], name: str) -> IntegerLayer:
    def numbers(key: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.asarray(state[f"{name}.{key}"], np.float32)

    bits = int(numbers("weight_bits")[0])
    bias = None
    if f"{name}.op.bias" in state:
        bias = (numbers("op.bias") / 2 ** (bits - 1)).astype(np.int8)
    shift = int(numbers("output_shift")[0])
    return IntegerLayer(numbers("op.weight").astype(np.int8), bias, bits, shift)


def simulated_project(
    folder: Path, manifest: Manifest, chip: Chip, energy_project: Path, voltage_v: float
) -> SimulatedProject:
    """An export as the simulated board holds it.

    Raises:
        StudyError: where it is damaged, or does not give its known answer.
    """
    try:
        sample = np.load(folder / SAMPLE, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder / SAMPLE} cannot be read: {error}; export again") from None
    integers = exported_integers(folder, sample.shape)
    given = tuple(int(one) for one in integers.logits(sample.astype(np.int8)[np.newaxis])[0])
    if given != manifest.known_answer:
        raise IntegerNetworkError(
            f"the network in {folder} does not give its known answer; export it again"
        )
    return SimulatedProject(
        name=manifest.name,
        checksum=project_checksum(energy_project),
        integers=integers,
        sample=sample.astype(np.int8),
        known_answer=manifest.known_answer,
        cost=CostModel(exported_mode(manifest, chip, voltage_v)).cost(
            integers.network, integers.bits
        ),
    )


def exported_mode(manifest: Manifest, chip: Chip, voltage_v: float) -> Mode:
    """How an export's programs run the chip, at a voltage.

    Raises:
        ModeError: where the chip does not have it.
    """
    mode = Mode.default(chip)
    written = {cost.chip: cost.mode for cost in manifest.costs}
    if written.get(chip.name, str(mode)) != str(mode):  # --max-speed
        mode = dataclasses.replace(mode, load_clock_mhz=mode.clock_hz / 1e6)
    return dataclasses.replace(mode, voltage_v=voltage_v)
