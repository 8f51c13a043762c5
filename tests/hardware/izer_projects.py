# SPDX-License-Identifier: Apache-2.0
"""Networks as projects of the izer: written from a plan, run, and its answers read back."""

import json
import math
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.project import Project, Variant, write_files
from hardware.izer.toolchain import tool_environment
from hardware.layer import Layer
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
        lines = re.findall(r"^Layer \d+(?: \([^)]*\))?\s+([\d,]+)\s*$", part, re.MULTILINE)
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


def write_project(folder: Path, case: Case) -> None:
    """Writes checkpoint, YAML, sample input and arguments."""
    folder.mkdir()
    project = Project("project", "net", "a test", case.integers, case.inputs)
    write_files(folder, project, case.places)
    arguments = project.arguments(case.chip, Variant.LATENCY)
    (folder / "arguments.json").write_text(json.dumps([*arguments, "--verbose"]))


def read_answer(folder: Path) -> Answer:
    log = next(folder.glob("MAX*/project/log.txt"), None)
    with np.load(folder / "layers.npz") as outputs:
        return Answer(
            exit_code=int((folder / "exit_code.txt").read_text()),
            console=(folder / "console.txt").read_text(errors="replace"),
            log=log.read_text() if log else "",
            outputs={int(name): outputs[name] for name in outputs.files},
        )


class WarmIzer:
    """The izer with its imports done, which forks for every project: 0.2 s a small one."""

    def __init__(self, checkout: str, interpreter: str) -> None:
        self._process = subprocess.Popen(
            [interpreter, str(DRIVER), checkout],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=tool_environment(),
            text=True,
        )

    def run(self, folder: Path) -> Answer:
        """Runs it on a folder that `write_project` filled."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        (folder / "exit_code.txt").write_text(self._process.stdout.readline())
        return read_answer(folder)

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=30)


def run_izer(folder: Path, cases: Sequence[Case], izer: WarmIzer) -> list[Answer]:
    """Runs the izer on every case, one after the other."""
    found = []
    for index, case in enumerate(cases):
        write_project(folder / str(index), case)
        found.append(izer.run(folder / str(index)))
    return found
