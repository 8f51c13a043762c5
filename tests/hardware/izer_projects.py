# SPDX-License-Identifier: Apache-2.0
"""Networks as projects of the izer: written from a plan, run, and its answers read back."""

import json
import math
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.layer import Combine, Layer, Operation
from hardware.network import Network
from hardware.placement.plan import LayerPlace

DRIVER = Path(__file__).with_name("izer_driver.py")


@dataclass(frozen=True)
class Case:
    """A network with integers, an input, the chip it is meant for, and where it lies there."""

    integers: IntegerNetwork
    inputs: NDArray[np.int8]
    chip: Chip
    places: tuple[LayerPlace, ...]

    @property
    def network(self) -> Network:
        return self.integers.network

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.integers.network.layers


@dataclass(frozen=True)
class Answer:
    """What the izer made of a case; outputs are each layer's, by its place."""

    exit_code: int
    console: str
    log: str
    outputs: dict[int, NDArray[np.int64]]

    def logged(self, heading: str) -> list[int]:
        found = re.search(rf"^{heading}\s*= \[([^\]]*)\]", self.log, re.MULTILINE)
        assert found, f"the izer's log has no {heading!r}"
        return [int(value.strip().strip("'"), 0) for value in found.group(1).split(",")]

    def logged_bytes(self, heading: str) -> int:
        found = re.search(rf"^{heading}:\s+([\d,]+) bytes out of", self.log, re.MULTILINE)
        assert found, f"the izer's log has no {heading!r}"
        return int(found.group(1).replace(",", ""))

    def logged_cycles(self) -> list[int]:
        part = self.log.split("ESTIMATED LATENCY")[1].split("====")[0]
        lines = re.findall(r"^Layer \d+[^\d\n]*\s([\d,]+)\s*$", part, re.MULTILINE)
        return [int(line.replace(",", "")) for line in lines]


def integer_case(
    network: Network, bits: Sequence[int], chip: Chip, places: tuple[LayerPlace, ...], seed: int
) -> Case:
    """Draws weights, biases, shifts and an input for a network."""
    generator = np.random.default_rng(seed)
    layers: list[IntegerLayer] = []
    for layer, width in zip(network.layers, bits, strict=True):
        reach = 1 << width - 1
        weights = generator.integers(-reach, reach, layer.weight_shape).astype(np.int8)
        bias = generator.integers(-128, 128, layer.out_channels).astype(np.int8)
        # biases of zero alone are not stored, and equal ones of two layers only once
        bias[0] = len(layers) - 128
        fan_in = math.prod(layer.weight_shape[1:])
        # keeps most outputs from saturating: each is about sqrt(fan in) * weight * input / 128
        loss = round(math.log2(math.sqrt(fan_in) * 0.6)) + int(generator.integers(-1, 2))
        shift = 0 if layer.wide or not layer.weight_shape else max(width - 23, -loss)
        layers.append(IntegerLayer(weights, bias if layer.bias else None, width, shift))
    inputs = generator.integers(-128, 128, network.input_shape).astype(np.int8)
    return Case(IntegerNetwork(network, tuple(layers)), inputs, chip, places)


def layer_yaml(case: Case, index: int) -> dict[str, Any]:
    """One layer as the izer's YAML describes it, where the plan has put it."""
    layer, place = case.layers[index], case.places[index]
    entry: dict[str, Any] = {
        "operation": layer.operation.value,
        "processors": place.processors,
        "output_processors": place.output_processors,
        "in_offset": place.read.offset,
        "out_offset": place.write.offset,
    }
    if index == 0:
        entry["data_format"] = "CHW" if place.chw else "HWC"
    if layer.operation is not Operation.PASSTHROUGH:
        entry["activate"] = layer.activation.value
        entry["quantization"] = case.integers.bits[index]
    if layer.kernel:
        square = "x".join(str(taps) for taps in layer.kernel)
        entry["kernel_size"] = layer.kernel[0] if len(layer.kernel) == 1 else square
        entry["pad"] = layer.padding
    if layer.flatten:
        entry["flatten"] = True
    if layer.wide:
        entry["output_width"] = 32
    if layer.pool is not None:
        entry[layer.pool.kind.value] = layer.pool.size
        entry["pool_stride"] = layer.pool.stride
        # combined first, then pooled; the izer's own default is the other way round
        if layer.operands > 1 and layer.pool.size > 1:
            entry["pool_first"] = False
    if place.read_gap:
        entry["read_gap"] = place.read_gap
    if place.write_gap:
        entry["write_gap"] = place.write_gap
    if layer.sources and layer.sources != (index - 1,):
        entry["in_sequences"] = list(layer.sources)
    if layer.combine is not Combine.CONCATENATE:
        entry["eltwise"] = layer.combine.value
    return entry


def write_project(folder: Path, case: Case) -> None:
    """Writes checkpoint, YAML, sample input and arguments."""
    folder.mkdir()
    state: dict[str, Any] = {}
    for layer, held in zip(case.layers, case.integers.layers, strict=True):
        if not layer.weight_shape:
            continue
        state[f"{layer.name}.output_shift"] = np.array([held.output_shift], np.float32)
        state[f"{layer.name}.weight_bits"] = np.array([held.bits], np.int64)
        state[f"{layer.name}.op.weight"] = held.weights.astype(np.float32)
        if held.bias is not None:
            stored = held.bias.astype(np.float32) * 2 ** (held.bits - 1)
            state[f"{layer.name}.op.bias"] = stored
    np.savez(folder / "state.npz", **state)
    # a vector is an image of one pixel
    shape = case.inputs.shape if case.inputs.ndim > 1 else (len(case.inputs), 1, 1)
    np.save(folder / "sample.npy", case.inputs.astype(np.int64).reshape(shape))
    layers = [layer_yaml(case, index) for index in range(len(case.layers))]
    description = {"arch": "net", "dataset": "none", "layers": layers}
    (folder / "net.yaml").write_text(json.dumps(description))  # JSON is YAML
    arguments = ["--test-dir", str(folder), "--prefix", "project"]
    arguments += ["--config-file", str(folder / "net.yaml")]
    arguments += ["--sample-input", str(folder / "sample.npy"), "--device", case.chip.name]
    arguments += ["--no-version-check", "--no-progress", "--yamllint", "none", "--verbose"]
    (folder / "arguments.json").write_text(json.dumps(arguments))


def read_answer(folder: Path) -> Answer:
    log = folder / "project" / "log.txt"
    with np.load(folder / "layers.npz") as outputs:
        return Answer(
            exit_code=int((folder / "exit_code.txt").read_text()),
            console=(folder / "console.txt").read_text(errors="replace"),
            log=log.read_text() if log.exists() else "",
            outputs={int(name): outputs[name] for name in outputs.files},
        )


def run_izer(folder: Path, cases: Sequence[Case], checkout: str, interpreter: str) -> list[Answer]:
    """Runs the izer on every case, one after the other."""
    folders = [folder / str(index) for index in range(len(cases))]
    for one, case in zip(folders, cases, strict=True):
        write_project(one, case)
    # our own interpreter's settings are none of its
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    subprocess.run(
        [interpreter, str(DRIVER), checkout, *map(str, folders)],
        check=True,
        env=environment,
        timeout=280,
    )
    return [read_answer(one) for one in folders]
