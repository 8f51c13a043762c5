# SPDX-License-Identifier: Apache-2.0
"""Exports that can be measured without the izer, and what is read of them."""

import csv
import dataclasses
from pathlib import Path

from hardware.board.harness import project_checksum, write_firmware
from hardware.board.protocol import FIRMWARE_VERSION
from hardware.chips import MAX78002
from mpqsearch.export.manifest import BoardFirmware, checksums, read_manifest, write_manifest
from tests.tiny_task import TinyTask

MAIN = """\
void load_input(void)
{{
  memcpy32((uint32_t *) 0x51800000, input_0, {half});
  memcpy32((uint32_t *) 0x51820000, input_4, {half});
}}
  cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_IPLL, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV4);
  MXC_GCR->pclkdiv = 0 | MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1 | MXC_S_GCR_PCLKDIV_CNNCLKSEL_IPLL;
"""


MAKEFILE = """\
include ./project.mk
build/max78002.elf: $(SRCS)
\tmkdir -p build
\techo "$(TARGET) $(BOARD) $(AUTOSEARCH) $(notdir $^)" > $@
"""
"""In place of the vendor's: every source must be found where project.mk says."""


def bring_firmware(pick: Path) -> None:
    """What the izer and the export leave; the simulated board needs no C of the izer."""
    manifest = read_manifest(pick)
    network = TinyTask().network(manifest.input_length)
    energy = pick / "MAX78002" / f"{manifest.name}-energy"
    energy.mkdir(parents=True)
    for name in ("cnn.c", "weights.h", "sampledata.h", "sampleoutput.h"):
        (energy / name).write_text(f"{manifest.name} {name}")
    (energy / "main.c").write_text(MAIN.format(half=-(-manifest.input_length // 4)))
    (energy / "Makefile").write_text(MAKEFILE)
    (energy / "softmax.c").touch()
    folder = write_firmware(energy, manifest.name, network, MAX78002)
    where = folder.relative_to(pick).as_posix()
    firmware = BoardFirmware("MAX78002", where, project_checksum(energy), FIRMWARE_VERSION)
    told = dataclasses.replace(manifest, firmware=(firmware,), files=checksums(pick))
    write_manifest(pick, told)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def names_of(exports: Path) -> list[str]:
    return sorted(one.name for one in exports.iterdir() if one.is_dir())
