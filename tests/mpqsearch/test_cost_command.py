# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch cost` in its three forms, and what it says to wrong ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.conftest import Answer

Command = Callable[..., Answer]
YAML = """\
layers:
  - {operation: conv1d, kernel_size: 3, pad: 1, activate: ReLU, data_format: CHW}
  - {operation: conv1d, kernel_size: 3, pad: 1, activate: ReLU}
  - {operation: MLP, flatten: true, activate: ReLU, quantization: 2}
  - {operation: MLP, output_width: 32, quantization: 4}
"""


def ai8x_files(folder: Path) -> tuple[Path, Path]:
    shapes = {"conv1": (10, 2, 3), "conv2": (10, 10, 3), "fc1": (200, 910), "fc2": (4, 200)}
    state = {f"{name}.op.weight": torch.zeros(shape) for name, shape in shapes.items()}
    torch.save({"state_dict": state}, folder / "checkpoint.pth.tar")
    (folder / "network.yaml").write_text(YAML)
    return folder / "network.yaml", folder / "checkpoint.pth.tar"


def test_three_ways_to_name_one_network_give_one_cost(mpqsearch: Command, tmp_path: Path) -> None:
    """A study's candidate, its ai8x files and its layer shapes are priced alike."""
    network, checkpoint = ai8x_files(tmp_path)
    text = "2x91: conv 10 k3 p1, conv 10 k3 p1, linear 200, linear 4"
    forms = [
        ("--study", "indoor", "--length", 91, "--bits", "8-8-2-4"),
        ("--network", network, "--checkpoint", checkpoint, "--input", "2x91"),
        ("--layers", text, "--bits", "8-8-2-4"),
    ]
    found = []
    for form in forms:
        answer = mpqsearch("cost", *form, "--json")
        assert answer.code == 0, answer.err
        cost = json.loads(answer.out)
        for layer in cost["layers"]:
            del layer["name"]
        found.append(cost)
    assert found[0]["weight_bytes"] == 46_260
    for key in found[0]:
        if key != "advice":
            assert found[0][key] == found[1][key] == found[2][key], key


def test_table_shows_layers_totals_memories_and_that_it_fits(mpqsearch: Command) -> None:
    """One row a layer; figures with their interval and origin; how full each memory is."""
    answer = mpqsearch("cost", "--study", "indoor", "--length", 91, "--bits", "8-8-2-4")
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["conv1", "conv2", "fc1", "fc2"]
    assert "analytic" in answer.out
    assert "of 4,096 kernel words of the busiest processor" in answer.out
    assert "fits the MAX78002" in answer.out
    assert max(map(len, lines)) <= 100


def test_what_does_not_fit_says_why_and_what_would(mpqsearch: Command) -> None:
    """The limit, what is needed, how much too many, and two ways out."""
    answer = mpqsearch("cost", "--study", "indoor", "--bits", "8-8-8-8", "--chip", "max78000")
    assert answer.code == 0
    assert "is 2260 but the limit is 768, 1492 too many" in answer.out
    assert "it fits with bits 8-8-2-8 or with an input of 33" in answer.out


def test_layer_shapes_too_large_get_the_input_that_fits(mpqsearch: Command) -> None:
    """An image of 40x40 is too much for the MAX78000's data memory here; the advice fits."""
    text = "64x{0}x{0}: conv 128 k3 p1, conv 128 k3 p1, conv 64 k3"
    answer = mpqsearch("cost", "--layers", text.format(40), "--chip", "MAX78000")
    assert "3136 too many" in answer.out
    assert answer.out.splitlines()[-1] == "it fits with an input of 38"
    fitting = mpqsearch("cost", "--layers", text.format(38), "--chip", "MAX78000")
    assert fitting.out.splitlines()[-1] == "fits the MAX78000"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "one of --study, --network and --layers but none"),
        (("--study", "indoor"), "--study needs --bits"),
        (("--study", "indoor", "--layers", "2x9: linear 4"), "--study and --layers was given"),
        (("--layers", "2x9: linear 4", "--length", 9), "--length goes with --study"),
        (("--layers", "2x9: linear 4", "--input", "2x9"), "go with --network"),
        (("--layers", "2x9: linear 4", "--bits", "8-8"), "bits must name 1 widths"),
        (("--layers", "nonsense"), "layers must be written as"),
        (("--network", "none.yaml"), "--network needs --checkpoint"),
        (
            ("--network", "none.yaml", "--checkpoint", "none.pth", "--input", "2x9"),
            "checkpoint none.pth cannot be read",
        ),
        (
            ("--network", "none.yaml", "--checkpoint", "none.pth", "--input", "2 9"),
            "--input must be written like",
        ),
        (("--layers", "2x9: linear 4", "--chip", "MAX7800"), "did you mean MAX7800"),
    ],
)
def test_wrong_requests_get_one_line_and_exit_2(
    mpqsearch: Command, options: tuple[object, ...], words: str
) -> None:
    """The line says what is missing or what contradicts."""
    answer = mpqsearch("cost", *options)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        (("--clock", "IPO/2"), "IPO 30 MHz unpipelined, load 30 MHz, 1.1 V"),
        (("--clock", "ipll/2"), "IPLL 100 MHz pipelined, load 100 MHz, 1.1 V"),
        (("--load-mhz", 200, "--voltage", "1.0"), "IPLL 200 MHz pipelined, load 200 MHz, 1 V"),
        (("--clock", "IPO/2", "--pipeline"), "IPO 30 MHz pipelined, load 30 MHz, 1.1 V"),
    ],
)
def test_any_documented_mode_is_priced(
    mpqsearch: Command, options: tuple[object, ...], mode: str
) -> None:
    """The table's first line gives the mode that was asked for."""
    answer = mpqsearch("cost", "--layers", "2x9: linear 4", *options)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0].endswith(mode)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clock", "PLL"), "clock must be one of IPLL, IPO, ISO, PCLK"),
        (("--clock", "IPO/three"), "with a divider like IPO/2"),
        (("--clock", "IPO/3"), "divider must be one of"),
        (("--clock", "PCLK"), "clock source of the MAX78002 must be one of"),
        (("--no-pipeline",), "needs its pipeline above 50 MHz"),
        (("--voltage", "1.2"), "voltage of the MAX78002 must be one of 1.1, 1"),
        (("--load-mhz", 75), "load clock must be"),
        (("--chip", "MAX78000", "--pipeline"), "the MAX78000 has no pipeline"),
    ],
)
def test_modes_the_chip_does_not_have_are_refused(
    mpqsearch: Command, options: tuple[object, ...], words: str
) -> None:
    """One line that names what the chip has."""
    answer = mpqsearch("cost", "--layers", "2x9: linear 4", *options)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


def test_a_weight_load_is_shared_among_inferences(mpqsearch: Command) -> None:
    """One input of 100 carries a hundredth of the weight load beside its own latency."""
    form = ("--study", "indoor", "--length", 91, "--bits", "8-8-2-4")
    cost = json.loads(mpqsearch("cost", *form, "--json").out)
    answer = mpqsearch("cost", *form, "--inferences", 100)
    line = next(line for line in answer.out.splitlines() if line.startswith("one of 100"))
    expected = cost["latency_us"]["value"] + cost["weight_load_us"]["value"] / 100
    assert float(line.split()[3].replace(",", "")) == pytest.approx(expected, abs=0.01)
    assert "preparing an input; in no latency" in answer.out
    assert mpqsearch("cost", *form, "--inferences", 0).code == 2
