# SPDX-License-Identifier: Apache-2.0
"""Puts the firmware beside a project of the izer: our sources, and one file about the project."""

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hardware.board.firmware import FirmwareError, firmware_sources
from hardware.board.protocol import FIRMWARE_VERSION
from hardware.chips import Chip
from hardware.cost.load_words import input_words
from hardware.cost.mode import CLOCKS_HZ
from hardware.network import Network

CHECKED = ("cnn.c", "weights.h", "sampledata.h", "sampleoutput.h")
"""The izer's files that decide what a board computes and takes: their checksum is the project's."""
CHECKSUM_DIGITS = 16
PROJECT = "project.c"
SUFFIX = "-board"
"""What the name of a project's folder of firmware ends with."""
NO_APPLICATION = "none"

_TARGET = re.compile(r"memcpy32\(\(uint32_t \*\) (0x[0-9a-f]{8}), (input_\d+), (\d+)\);")
_ENABLE = re.compile(r"cnn_enable\((MXC_S_\w+CNNCLKSEL_(\w+)), (MXC_S_\w+CNNCLKDIV_DIV(\d+))\);")
_SWITCH = re.compile(r"\| (MXC_S_\w+CNNCLKDIV_DIV(\d+)) \| MXC_S_\w+CNNCLKSEL_\w+;")


@dataclass(frozen=True)
class InputRun:
    """Words of an input that lie in one piece.

    Attributes:
        address: Where the accelerator reads them, as written.
        array: Name of the sample's array.
        words: How many.
    """

    address: str
    array: str
    words: int


@dataclass(frozen=True)
class Clocks:
    """How a generated program clocks the accelerator: names of bits, and what they mean."""

    select: str
    source: str
    load_bits: str
    load_divider: int
    inference_bits: str
    inference_divider: int


def project_checksum(project: Path) -> str:
    """What a board says it holds: 16 hexadecimal digits over the izer's files.

    Raises:
        FirmwareError: where one of them is missing.
    """
    digest = hashlib.sha256()
    for name in CHECKED:
        try:
            content = (project / name).read_bytes()
        except OSError as error:
            raise FirmwareError(f"{project / name} cannot be read: {error.strerror}") from None
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:CHECKSUM_DIGITS]


def write_firmware(
    energy_project: Path, name: str, network: Network, chip: Chip, application: str = NO_APPLICATION
) -> Path:
    """Writes the firmware of a project beside it: `<name>-board`.

    The izer's files stay as they are, and are compiled from where they lie; its `main` is left out.

    Args:
        energy_project: The izer's project made with `--energy`, whose pins are moved by us alone.
        name: The pick's name.
        network: What it computes.
        chip: For which chip.
        application: One of firmware/applications, whose preparation is timed.

    Raises:
        FirmwareError: where the izer's program is not as expected; nothing is left then.
    """
    sources = firmware_sources()
    main = _read(energy_project / "main.c")
    text = _project_c(main, energy_project, name, network, chip)
    known = sorted(one.stem for one in (sources / "applications").glob("*.c"))
    if application not in known:
        raise FirmwareError(f"application must be one of {', '.join(known)} but is {application!r}")
    copied = [*sorted((sources / "core").glob("*.[ch]"))]
    copied += sorted((sources / "ports" / "evkit").glob("*.[ch]"))
    copied += [sources / "ports" / f"{chip.name.lower()}evkit" / f"{chip.name.lower()}evkit.c"]
    copied += sorted((sources / "applications").glob(f"{application}.[ch]"))
    copied += [sources / "core" / "application.h", sources / "protocol.md"]
    folder = energy_project.with_name(name + SUFFIX)
    folder.mkdir()
    for file in dict.fromkeys(copied):
        shutil.copyfile(file, folder / file.name)
    (folder / PROJECT).write_text(text, encoding="utf-8")
    beside = f"../{energy_project.name}"
    files = sorted(file.name for file in folder.glob("*.c"))
    (folder / "project.mk").write_text(_project_mk(beside, files), encoding="utf-8")
    (folder / "Makefile").write_text(_MAKEFILE.format(beside=beside), encoding="utf-8")
    return folder


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FirmwareError(f"the izer left no {path.name}: {error.strerror}") from None


def input_runs(main: str, network: Network) -> list[InputRun]:
    """Where the izer's `load_input` copies an input to.

    Raises:
        FirmwareError: where it does not copy one input's words, for instance into a FIFO.
    """
    body = main.partition("void load_input(void)")[2].partition("\n}")[0]
    found = [InputRun(match[1], match[2], int(match[3])) for match in _TARGET.finditer(body)]
    wanted, given = input_words(network), sum(run.words for run in found)
    if given != wanted:
        raise FirmwareError(
            f"the izer's load_input copies {given} words but an input has {wanted}; the firmware"
            " copies inputs whole, without FIFO"
        )
    return found


def clocks_of(main: str, chip: Chip) -> Clocks:
    """How the izer's `main` clocks the accelerator while it loads, and during inference.

    Raises:
        FirmwareError: where it does not say, or says a source the chip does not have.
    """
    enable = _ENABLE.search(main)
    known = {source.value for source in CLOCKS_HZ[chip.name]}
    if enable is None or enable[2] not in known:
        said = "no clock" if enable is None else enable[2]
        raise FirmwareError(
            f"the izer's main.c sets {said}; the {chip.name} has {', '.join(sorted(known))}"
        )
    switch = _SWITCH.search(main)
    during = enable if switch is None else switch
    return Clocks(
        select=enable[1],
        source=enable[2],
        load_bits=enable[3],
        load_divider=int(enable[4]),
        inference_bits=during[3 if switch is None else 1],
        inference_divider=int(during[4 if switch is None else 2]),
    )


def _project_c(main: str, project: Path, name: str, network: Network, chip: Chip) -> str:
    runs, clocks = input_runs(main, network), clocks_of(main, chip)
    if not network.layers[-1].wide:
        raise FirmwareError(f"{name}: the firmware unloads 32-bit outputs; its last layer has 8")
    rows = "\n".join(
        f"    {{(volatile uint32_t *)({run.address}u), {run.array}, {run.words}u}}," for run in runs
    )
    return _PROJECT_C.format(
        firmware=FIRMWARE_VERSION,
        runs=rows,
        select=clocks.select,
        load_bits=clocks.load_bits,
        inference_bits=clocks.inference_bits,
        name=name,
        checksum=project_checksum(project),
        chip=chip.name,
        clock=clocks.source,
        divider=clocks.inference_divider,
        load_divider=clocks.load_divider,
        pipeline="true" if chip.name == "MAX78002" else "false",
        input_length=network.input_shape[-1],
        input_words=sum(run.words for run in runs),
        outputs=network.layers[-1].out_channels,
    )


def _project_mk(beside: str, files: list[str]) -> str:
    sources = " \\\n    ".join([*files, "cnn.c", "softmax.c"])
    return _PROJECT_MK.format(beside=beside, sources=sources)


_MAKEFILE = """\
# The vendor's Makefile, as the izer copied it; it reads project.mk of this folder.
# make                 builds build/*.elf with the SDK that MAXIM_PATH names
# make flash.openocd   flashes it
include {beside}/Makefile
"""

_PROJECT_MK = """\
# What is built: our firmware, and the izer's network from where it lies. Its main.c is part of
# project.c, where its main is renamed.
AUTOSEARCH = 0
VPATH += {beside}
IPATH += {beside}
SRCS += {sources}
"""

_PROJECT_C = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* Written by mpqsearch export, firmware {firmware}: what this project is. Do not edit: a board is
 * believed by what it says here. */
#define main izer_main
#include "main.c" /* the izer's: sample, check_output, softmax_layer */
#undef main

#include "evkit.h"

const struct evkit_target evkit_targets[] = {{
{runs}
}};
const uint32_t evkit_target_count = sizeof evkit_targets / sizeof *evkit_targets;

const uint32_t evkit_clock_select = {select};
const uint32_t evkit_load_divider = {load_bits};
const uint32_t evkit_inference_divider = {inference_bits};

const struct project evkit_project = {{
    .name = "{name}",
    .checksum = "{checksum}",
    .chip = "{chip}",
    .clock = "{clock}",
    .divider = {divider},
    .load_divider = {load_divider},
    .pipeline = {pipeline},
    .input_length = {input_length},
    .input_words = {input_words},
    .outputs = {outputs},
}};

bool evkit_sample_answered(void)
{{
    return check_output() == CNN_OK;
}}

void evkit_softmax(void)
{{
    softmax_layer();
}}
"""
