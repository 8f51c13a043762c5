# SPDX-License-Identifier: Apache-2.0
"""The firmware beside a project of the izer: what it takes from it, and that it compiles."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hardware.board.firmware import FirmwareError
from hardware.board.harness import (
    CHECKED,
    InputRun,
    clocks_of,
    input_runs,
    project_checksum,
    write_firmware,
)
from hardware.board.input_words import pack_inputs
from hardware.chips import CHIPS, MAX78000, MAX78002, Chip
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.headers import read_header
from hardware.izer.project import Project, Variant, write_inputs
from hardware.izer.synthesis import linked, synthesize
from hardware.izer.toolchain import find_toolchain
from hardware.network import Network, conv, linear
from tests.compilers import FIRMWARE, need
from tests.hardware.board_projects import small_project

LOAD_INPUT = """\
static const uint32_t input_0[] = SAMPLE_INPUT_0;
static const uint32_t input_4[] = SAMPLE_INPUT_4;
void load_input(void)
{
  memcpy32((uint32_t *) 0x51800000, input_0, 6);
  memcpy32((uint32_t *) 0x51820000, input_4, 6);
}
"""
FAST = """\
  cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_IPLL, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV4);
  MXC_GCR->pclkdiv = (MXC_GCR->pclkdiv & ~(MXC_F_GCR_PCLKDIV_CNNCLKDIV))
                     | MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1 | MXC_S_GCR_PCLKDIV_CNNCLKSEL_IPLL;
"""
SLOW = "  cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1);\n"


def network_of(length: int = 21) -> Network:
    return small_project(length).integers.network


def project(folder: Path, main: str) -> Path:
    made = folder / "21-8-8-energy"
    made.mkdir()
    for name in CHECKED:
        (made / name).write_text(name)
    (made / "main.c").write_text(main)
    return made


def test_where_inputs_go_is_read_from_the_izers_program() -> None:
    """Every run's address, array and words."""
    assert input_runs(LOAD_INPUT, network_of()) == [
        InputRun("0x51800000", "input_0", 6),
        InputRun("0x51820000", "input_4", 6),
    ]


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("", 0),
        (LOAD_INPUT.replace("input_4, 6", "input_4, 5"), 11),
        ("void load_input(void)\n{\n  // FIFO\n}\n", 0),
    ],
)
def test_an_input_that_is_not_copied_whole_is_refused(main: str, words: int) -> None:
    """A FIFO, or a program of another input."""
    with pytest.raises(FirmwareError, match=f"copies {words} words but an input has 12; the firm"):
        input_runs(main, network_of())


def test_clocks_are_read_from_the_izers_program() -> None:
    """Source and dividers, of loading and of inference; loading at full speed has no switch."""
    fast = clocks_of(FAST, MAX78002)
    assert (fast.source, fast.load_divider, fast.inference_divider) == ("IPLL", 4, 1)
    slow = clocks_of(SLOW, MAX78000)
    assert (slow.source, slow.load_divider, slow.inference_divider) == ("PCLK", 1, 1)
    with pytest.raises(FirmwareError, match=r"sets PCLK; the MAX78002 has IPLL, IPO, ISO"):
        clocks_of(SLOW, MAX78002)
    with pytest.raises(FirmwareError, match="sets no clock"):
        clocks_of("", MAX78002)


def test_the_checksum_is_of_what_decides_what_a_board_computes(tmp_path: Path) -> None:
    """A changed weight, sample or program is another project; a changed main.c is not."""
    made = project(tmp_path, LOAD_INPUT + FAST)
    before = project_checksum(made)
    assert re.fullmatch("[0-9a-f]{16}", before)
    (made / "main.c").write_text("other")
    assert project_checksum(made) == before
    found = {before}
    for name in CHECKED:
        (made / name).write_text("other")
        found.add(project_checksum(made))
    assert len(found) == len(CHECKED) + 1
    (made / "weights.h").unlink()
    with pytest.raises(FirmwareError, match=r"weights.h cannot be read: No such file"):
        project_checksum(made)


@pytest.mark.parametrize(
    ("main", "application", "message"),
    [
        ("", "none", "copies 0 words"),
        (LOAD_INPUT, "none", "sets no clock"),
        (LOAD_INPUT + FAST, "outdoor", "must be one of indoor, none but is 'outdoor'"),
    ],
)
def test_nothing_is_left_of_firmware_that_cannot_be(
    tmp_path: Path, main: str, application: str, message: str
) -> None:
    """The izer's project stays alone."""
    made = project(tmp_path, main)
    with pytest.raises(FirmwareError, match=message):
        write_firmware(made, "21-8-8", network_of(), MAX78002, application)
    assert os.listdir(tmp_path) == [made.name]


def test_what_is_written_names_no_place(tmp_path: Path) -> None:
    """Our sources as they are, one file about the project, and the izer's Makefile included."""
    made = project(tmp_path, LOAD_INPUT + FAST)
    folder = write_firmware(made, "21-8-8", network_of(), MAX78002, "indoor")
    assert folder == tmp_path / "21-8-8-board"
    for file in folder.iterdir():
        assert str(tmp_path) not in file.read_text()
    assert (folder / "harness.c").read_text() == (FIRMWARE / "core" / "harness.c").read_text()
    named = set(re.findall(r"\b(\w+\.c)\b", (folder / "project.mk").read_text().split("SRCS")[1]))
    assert named == {file.name for file in folder.glob("*.c")} | {"cnn.c", "softmax.c"}
    assert {"indoor.c", "max78002evkit.c"} <= named
    assert not {"none.c", "max78000evkit.c", "host.c"} & named
    text = (folder / "project.c").read_text()
    assert f'.checksum = "{project_checksum(made)}"' in text
    for fact in ('.name = "21-8-8"', ".load_divider = 4,", ".input_words = 12,", ".outputs = 4,"):
        assert fact in text


NETWORKS = {
    "one channel": Network.chain(1, (6, 6), [conv("c", 4, kernel=3, padding=1), linear("f", 3)]),
    "two channels": Network.chain(2, (21,), [conv("c", 4, kernel=3, padding=1), linear("f", 3)]),
    "many channels": Network.chain(20, (9,), [conv("c", 4, kernel=3), linear("f", 3)]),
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def synthesized(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, Path]:
    """A project that the izer made for both chips, its folder beside."""
    toolchain = find_toolchain() if os.environ.get("AI8X_SYNTHESIS") else None
    if toolchain is None:
        pytest.skip("AI8X_SYNTHESIS must name an ai8x-synthesis checkout")
    network, rng = NETWORKS[request.param], np.random.default_rng(0)
    layers = tuple(
        IntegerLayer(
            rng.integers(-8, 8, layer.weight_shape).astype(np.int8),
            rng.integers(1, 9, layer.out_channels).astype(np.int8),
            4,
            -3,
        )
        for layer in network.layers
    )
    sample = rng.integers(-128, 128, network.input_shape).astype(np.int8)
    made = Project("p", "net", "a test", IntegerNetwork(network, layers), sample)
    folder = tmp_path_factory.mktemp("izer")
    write_inputs(folder, made, tuple(CHIPS.values()))
    with linked(toolchain, folder):
        for chip in CHIPS.values():
            synthesize(toolchain, folder, made, chip, Variant.ENERGY)
    return made, folder


@pytest.mark.izer
@pytest.mark.parametrize("chip", list(CHIPS.values()), ids=list(CHIPS))
def test_inputs_are_packed_as_the_izer_packs_its_sample(
    synthesized: tuple[Project, Path], chip: Chip
) -> None:
    """Word for word, run after run, in the order in which its program copies them."""
    made, folder = synthesized
    energy = folder / chip.name / "p-energy"
    network = made.integers.network
    runs = input_runs((energy / "main.c").read_text(), network)
    arrays = read_header(energy / "sampledata.h")
    wanted = [word for run in runs for word in arrays[f"SAMPLE_{run.array.upper()}"]]
    assert pack_inputs(made.sample[np.newaxis], network)[0].tolist() == wanted


@pytest.mark.izer
@pytest.mark.parametrize("chip", list(CHIPS.values()), ids=list(CHIPS))
def test_a_whole_project_compiles_for_the_boards_core(
    synthesized: tuple[Project, Path], chip: Chip, tmp_path: Path
) -> None:
    """Our files with every warning an error, the izer's as the SDK does; linked with one another.

    What stays undefined is the vendor's, as declared, and the C library: a full link needs the SDK.
    """
    need("arm-none-eabi-gcc")
    made, folder = synthesized
    energy = folder / chip.name / "p-energy"
    board = energy.with_name("p-board")
    if not board.exists():
        write_firmware(energy, "p", made.integers.network, chip)
    ours = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    vendors = ["-std=gnu11", "-Wall", "-Wno-format", "-Werror=implicit-function-declaration"]
    core = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=softfp", "-O2"]
    stubs = FIRMWARE / "vendor_stubs"
    files = [*sorted(board.glob("*.c")), energy / "cnn.c", energy / "softmax.c"]
    for file in files:
        flags = ours if file.parent == board and file.name != "project.c" else vendors
        places = [f"-I{place}" for place in (board, energy, stubs)]
        target = str(tmp_path / f"{file.stem}.o")
        _run("arm-none-eabi-gcc", *flags, *core, *places, "-c", str(file), "-o", target)
    whole = str(tmp_path / "whole.elf")
    objects = sorted(map(str, tmp_path.glob("*.o")))
    _run("arm-none-eabi-gcc", *core, "-r", "-nostdlib", "-o", whole, *objects)
    undefined = set(_run("arm-none-eabi-nm", "-u", whole).split()) - {"U"}
    declared = set(re.findall(r"\b(\w+)\(|\bconst (\w+);|\b(SystemCoreClock)\b", _stub(stubs)))
    vendor = {name for names in declared for name in names if name}
    library = re.compile(r"mem(cpy|set)|str(chr|cmp|len)|printf|puts|putchar|__aeabi_\w+")
    assert {name for name in undefined - vendor if not library.fullmatch(name)} == set()


def _stub(stubs: Path) -> str:
    return (stubs / "mxc.h").read_text()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
