# SPDX-License-Identifier: Apache-2.0
"""Our arithmetic, limits and counts against the real izer, on random networks of both chips."""

import itertools
import json
import math
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.latency import layer_cycles
from hardware.layer import WEIGHT_BITS, Activation, Layer, Operation
from hardware.network import LayerPlan, Network, average_pool, conv, linear, max_pool
from hardware.placement import (
    DoesNotFit,
    bias_bytes_by_quadrant,
    check_packing,
    demands,
    kernel_words,
)
from hardware.processors import processors_used

pytestmark = [pytest.mark.izer, pytest.mark.slow]

RANDOM_NETWORKS = 32


@dataclass(frozen=True)
class Case:
    """A network with integers, an input, and the chip it is meant for."""

    integers: IntegerNetwork
    inputs: NDArray[np.int8]
    chip: Chip

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.integers.network.layers


@dataclass(frozen=True)
class Answer:
    """What the izer made of a case."""

    exit_code: int
    console: str
    log: str
    outputs: NDArray[np.int64] | None

    def logged(self, heading: str) -> list[int]:
        found = re.search(rf"^{heading}\s*= \[([^\]]*)\]", self.log, re.MULTILINE)
        assert found, f"the izer's log has no {heading!r}"
        return [int(value) for value in found.group(1).split(",")]

    def logged_bytes(self, heading: str) -> int:
        found = re.search(rf"^{heading}:\s+([\d,]+) bytes out of", self.log, re.MULTILINE)
        assert found, f"the izer's log has no {heading!r}"
        return int(found.group(1).replace(",", ""))

    def logged_cycles(self) -> list[int]:
        part = self.log.split("ESTIMATED LATENCY")[1].split("====")[0]
        lines = re.findall(r"^Layer \d+[^\d\n]*\s([\d,]+)\s*$", part, re.MULTILINE)
        return [int(line.replace(",", "")) for line in lines]


def integer_case(network: Network, bits: Sequence[int], chip: Chip, seed: int) -> Case:
    generator = np.random.default_rng(seed)
    layers: list[IntegerLayer] = []
    for layer, width in zip(network.layers, bits, strict=True):
        reach = 1 << width - 1
        weights = generator.integers(-reach, reach, layer.weight_shape).astype(np.int8)
        bias = generator.integers(-128, 128, layer.out_channels).astype(np.int8)
        # biases of zero alone are not stored, and equal ones of two layers only once
        bias[0] = len(layers) + 1
        fan_in = math.prod(layer.weight_shape[1:])
        # keeps most outputs from saturating: each is about sqrt(fan in) * weight * input / 128
        loss = round(math.log2(math.sqrt(fan_in) * 0.6)) + int(generator.integers(-1, 2))
        layers.append(
            IntegerLayer(
                weights,
                bias if layer.bias else None,
                width,
                0 if layer.wide else max(width - 23, -loss),
            )
        )
    inputs = generator.integers(-128, 128, network.input_shape).astype(np.int8)
    return Case(IntegerNetwork(network, tuple(layers)), inputs, chip)


def random_plan(generator: np.random.Generator, name: str, size: tuple[int, ...]) -> LayerPlan:
    def pick(*choices: Any) -> Any:
        return choices[generator.integers(len(choices))]

    outputs = int(pick(1, 3, 7, 8, 10, 16, 20, 64, 66, 72, 128))
    activation = pick(*Activation)
    bias = bool(pick(True, True, False))
    if not size or generator.random() < 0.25:
        return linear(name, outputs, activation=activation, bias=bias)
    pool = None
    if min(size) >= 4 and generator.random() < 0.5:
        pool = pick(max_pool, average_pool)(int(pick(1, 2, 3)), int(pick(1, 2)))
        size = tuple((side - pool.size) // pool.stride + 1 for side in size)
    kernels = (1, 2, 3, 5, 9) if len(size) == 1 else (1, 3)
    kernel = int(pick(*[taps for taps in kernels if taps <= min(size)]))
    padding = int(pick(*range(min(3, kernel))))
    return conv(
        name,
        outputs,
        kernel=kernel,
        padding=padding,
        pool=pool,
        activation=activation,
        bias=bias,
    )


def random_case(seed: int, axes: int, chip: Chip) -> Case:
    """The first network of this seed that fits the chip and is packed soundly."""
    generator = np.random.default_rng(seed)
    while True:
        channels = int(generator.choice([1, 2, 3, 8, 16, 17, 64, 72, 128]))
        shape = tuple(int(side) for side in generator.integers(4, (40, 9)[axes - 1], axes))
        size = shape
        plans: list[LayerPlan] = []
        for index in range(int(generator.integers(2, 5))):
            plans.append(random_plan(generator, f"layer{index}", size))
            size = Network.chain(channels, shape, plans).layers[-1].out_size
        network = Network.chain(channels, shape, plans)
        bits = tuple(int(width) for width in generator.choice(WEIGHT_BITS, len(plans)))
        try:
            check_packing(network, bits)
        except DoesNotFit:
            continue
        if all(demand.fits for demand in demands(network, bits, chip)):
            return integer_case(network, bits, chip, seed)


def indoor_network(length: int) -> Network:
    plans = [conv(f"conv{index}", 10, kernel=3, padding=1) for index in (1, 2)]
    return Network.chain(2, (length,), [*plans, linear("fc1", 200), linear("fc2", 4)])


def edges(fit: bool) -> list[tuple[Network, tuple[int, ...], Chip]]:
    """Networks just inside the limits, or just outside."""

    def line(length: int, plan: LayerPlan, channels: int = 1) -> Network:
        return Network.chain(channels, (length,), [plan])

    def images(channels: int, middle: int) -> Network:
        plans = [conv(f"a{n}", n, kernel=3, padding=1) for n in (512, middle, 8)]
        return Network.chain(channels, (4, 4), plans)

    def rows(length: int, padding: int) -> Network:
        return line(length, conv("a", 1, kernel=3, padding=padding))

    def image(columns: int) -> Network:
        plans = [conv("a", 4, kernel=1), conv("b", 1, kernel=1)]
        return Network.chain(1, (64, columns), plans)

    points = [conv(f"a{index}", 16, kernel=1) for index in range(31)]
    wide = [conv(f"a{index}", 400, kernel=1) for index in range(4 if fit else 5)]
    flat = [conv("a", 30, kernel=1), conv("b", 40, kernel=1), linear("c", 5), linear("d", 20)]
    inside = [
        (indoor_network(183), (8,) * 4, MAX78002),
        (indoor_network(101), (2, 2, 2, 8), MAX78000),
        (images(1, 448), (8,) * 3, MAX78002),
        (rows(1022, 1), (8,), MAX78000),
        (rows(1020, 2), (8,), MAX78000),
        (rows(2047, 1), (8,), MAX78002),
        (image(64), (8, 8), MAX78002),
        (Network.chain(64, (1,), wide), (8, 8, 8, 8), MAX78002),
        (Network.chain(4, (1,), points), (8,) * 31, MAX78000),
        (Network.chain(16, (1,), points), (8,) * 31, MAX78000),
        (Network.chain(1, (4,), flat), (8,) * 4, MAX78000),
        (Network.chain(1, (4,), flat), (8,) * 4, MAX78002),
        (line(1, linear("a", 66)), (8,), MAX78002),
        (line(7, conv("a", 1, kernel=3), 2), (8,), MAX78000),
        (Network.chain(2, (7,), [linear("a", 1), linear("b", 1)]), (8, 8), MAX78000),
        (line(160, conv("a", 4, kernel=9, padding=2, pool=max_pool(16))), (8,), MAX78002),
        (line(256, linear("a", 4), 10), (8,), MAX78002),
    ]
    outside = [
        (indoor_network(185), (8,) * 4, MAX78002),
        (indoor_network(101), (8,) * 4, MAX78000),
        (images(2, 448), (8,) * 3, MAX78002),
        (rows(1023, 1), (8,), MAX78000),
        (rows(1021, 2), (8,), MAX78000),
        (image(65), (8, 8), MAX78002),
        (Network.chain(64, (1,), wide), (1,) * 5, MAX78000),
        (line(257, linear("a", 4), 10), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=10)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=5, padding=3)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=1, padding=1)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=3, padding=1), 72), (8,), MAX78002),
        (line(64, conv("a", 4, kernel=1, pool=max_pool(17))), (8,), MAX78002),
        (line(64, conv("a", 4, kernel=1, pool=max_pool(2, 17))), (8,), MAX78002),
        (line(1, conv("a", 4, kernel=1), 1025), (8,), MAX78002),
        (line(1, conv("a", 1025, kernel=1)), (8,), MAX78002),
        (line(1, conv("a", 513, kernel=1)), (8,), MAX78000),
        (Network.chain(3, (300, 300), [conv("a", 1, kernel=3)]), (8,), MAX78002),
    ]
    return inside if fit else outside


def processor_map(channels: int) -> int:
    return (1 << processors_used(channels)) - 1


def layer_yaml(case: Case, index: int) -> dict[str, Any]:
    layer = case.layers[index]
    entry: dict[str, Any] = {
        "operation": layer.operation.value,
        "activate": layer.activation.value,
        "quantization": case.integers.bits[index],
        "processors": processor_map(layer.in_channels),
        "output_processors": processor_map(layer.out_channels),
        "out_offset": 0 if index % 2 else half(case),
    }
    if index == 0 and layer.in_channels <= 16:
        entry["data_format"] = "CHW"
        entry["processors"] = sum(1 << 4 * channel for channel in range(layer.in_channels))
    if layer.operation is not Operation.LINEAR:
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
    return entry


def half(case: Case) -> int:
    """Where the tensors of odd number begin: after the largest of even number."""
    first = case.layers[0]
    pixels = math.prod(first.in_size)
    sizes = [pixels * (1 if first.in_channels <= 16 else 4 * -(-first.in_channels // 64))]
    for layer in case.layers:
        width = 16 if layer.wide else 4
        sizes.append(layer.out_pixels * -(-layer.out_channels // 64) * width)
    return -(-max(sizes[0::2]) // 16) * 16


def write_project(folder: Path, case: Case) -> None:
    folder.mkdir()
    state: dict[str, Any] = {}
    for layer, held in zip(case.layers, case.integers.layers, strict=True):
        state[f"{layer.name}.output_shift"] = np.array([held.output_shift], np.float32)
        state[f"{layer.name}.weight_bits"] = np.array([held.bits], np.int64)
        state[f"{layer.name}.op.weight"] = held.weights.astype(np.float32)
        if held.bias is not None:
            stored = held.bias.astype(np.float32) * 2 ** (held.bits - 1)
            state[f"{layer.name}.op.bias"] = stored
    np.savez(folder / "state.npz", **state)
    np.save(folder / "sample.npy", case.inputs.astype(np.int64))
    layers = [layer_yaml(case, index) for index in range(len(case.layers))]
    description = {"arch": "net", "dataset": "none", "layers": layers}
    (folder / "net.yaml").write_text(json.dumps(description))  # JSON is YAML
    arguments = ["--test-dir", str(folder), "--prefix", "project"]
    arguments += ["--config-file", str(folder / "net.yaml")]
    arguments += ["--sample-input", str(folder / "sample.npy"), "--device", case.chip.name]
    arguments += ["--sample-numpy-filename", "out.npy", "--no-version-check", "--no-progress"]
    arguments += ["--yamllint", "none", "--verbose"]
    (folder / "arguments.json").write_text(json.dumps(arguments))


def read_answer(folder: Path) -> Answer:
    project = folder / "project"
    log = project / "log.txt"
    outputs = project / "out.npy"
    code = int((folder / "exit_code.txt").read_text())
    return Answer(
        exit_code=code,
        console=(folder / "console.txt").read_text(errors="replace"),
        log=log.read_text() if log.exists() else "",
        outputs=np.load(outputs) if code == 0 else None,
    )


Izer = Callable[[Sequence[Case]], list[Answer]]


@pytest.fixture(scope="module")
def izer(tmp_path_factory: pytest.TempPathFactory) -> Izer:
    checkout = os.environ.get("AI8X_SYNTHESIS")
    interpreter = os.environ.get("AI8X_SYNTHESIS_PYTHON")
    if not checkout or not interpreter:
        pytest.skip(
            "AI8X_SYNTHESIS must name an ai8x-synthesis checkout and AI8X_SYNTHESIS_PYTHON the"
            " interpreter of its environment"
        )

    def run(cases: Sequence[Case]) -> list[Answer]:
        root = tmp_path_factory.mktemp("izer")
        folders = [root / str(index) for index in range(len(cases))]
        for folder, case in zip(folders, cases, strict=True):
            write_project(folder, case)
        driver = Path(__file__).with_name("izer_driver.py")
        names = [str(folder) for folder in folders]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
        }
        subprocess.run(
            [interpreter, str(driver), checkout, *names], check=True, env=environment, timeout=280
        )
        return [read_answer(folder) for folder in folders]

    return run


@pytest.fixture(scope="module")
def answered(izer: Izer) -> list[tuple[Case, Answer]]:
    kinds = itertools.cycle(itertools.product((1, 2), (MAX78002, MAX78000)))
    cases = [random_case(seed, *next(kinds)) for seed in range(RANDOM_NETWORKS)]
    cases += [integer_case(network, bits, chip, 1) for network, bits, chip in edges(True)]
    return list(zip(cases, izer(cases), strict=True))


def test_the_izer_takes_what_we_say_fits(answered: list[tuple[Case, Answer]]) -> None:
    """No random network that our limits let through is refused."""
    assert [answer.console[-500:] for _, answer in answered if answer.exit_code] == []


def test_the_izer_refuses_what_we_say_does_not_fit(izer: Izer) -> None:
    """One network just over each limit: by our demands, and by the izer."""
    beyond = edges(False)
    for network, bits, chip in beyond:
        assert not all(demand.fits for demand in demands(network, bits, chip)), network
    answers = izer([integer_case(*edge, 1) for edge in beyond])
    taken = [edge[0] for edge, answer in zip(beyond, answers, strict=True) if answer.exit_code == 0]
    assert taken == []


def test_the_integer_reference_equals_the_izer(answered: list[tuple[Case, Answer]]) -> None:
    """The accumulators of every random network are the izer's, bit for bit."""
    spread = set()
    for case, answer in answered:
        assert answer.outputs is not None
        ours = case.integers.logits(case.inputs[np.newaxis])[0]
        assert ours.ravel().tolist() == answer.outputs.ravel().tolist(), case.integers.network
        spread |= set(ours.ravel().tolist())
    assert len(spread) > RANDOM_NETWORKS


def test_the_sizes_equal_the_izers(answered: list[tuple[Case, Answer]]) -> None:
    """Weight bytes, bias bytes, kernel words and biases in each quadrant stand in its log."""
    for case, answer in answered:
        network, bits = case.integers.network, case.integers.bits
        assert network.weight_bytes(bits) == answer.logged_bytes("Weight memory")
        assert network.bias_bytes == answer.logged_bytes("Bias memory")
        words = [kernel_words(layer, width) for layer, width in zip(case.layers, bits, strict=True)]
        assert words == answer.logged("Kernel length")
        used = bias_bytes_by_quadrant(network, case.chip)
        assert used + [0] * (4 - len(used)) == answer.logged("Used bias memory")


def test_the_cycles_equal_the_izers(answered: list[tuple[Case, Answer]]) -> None:
    """It reports every layer's cycles for the MAX78000."""
    compared = 0
    for case, answer in answered:
        if case.chip is MAX78000:
            cycles = [layer_cycles(layer) for layer in case.layers]
            assert cycles == answer.logged_cycles(), case.integers.network
            compared += len(cycles)
    assert compared > RANDOM_NETWORKS // 2
