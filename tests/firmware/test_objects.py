# SPDX-License-Identifier: Apache-2.0
"""The firmware compiled for the boards' core, as far as that goes without the vendor's SDK."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.compilers import FIRMWARE, make, need

ARM = "arm-none-eabi-gcc"
LIBRARY = re.compile(r"mem(cpy|set|cmp)|str(chr|cmp|len)|__aeabi_\w+")
"""Of the C library and the compiler's: nothing that takes memory from a heap."""


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need(ARM, "make")
    build = tmp_path_factory.mktemp("objects")
    make("objects", build)
    return build


@pytest.mark.parametrize("chip", ["max78002", "max78000"])
def test_core_and_ports_compile_without_a_warning(objects: Path, chip: str) -> None:
    """C99, -Wall -Wextra -Werror -pedantic, for the Cortex-M4F with hardware floats."""
    made = {one.stem for one in (objects / chip).glob("*.o")}
    wanted = {one.stem for one in (FIRMWARE / "core").glob("*.c")}
    assert made >= wanted | {"evkit", f"{chip}evkit", "indoor", "none"}
    said = subprocess.run(
        ["arm-none-eabi-readelf", "-A", str(objects / chip / "evkit.o")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Tag_CPU_arch: v7E-M" in said
    assert "VFP registers" in said


@pytest.mark.parametrize("chip", ["max78002", "max78000"])
def test_the_core_takes_nothing_from_a_heap(objects: Path, chip: str) -> None:
    """What core and applications leave undefined is the port's, or plain library functions."""
    header = (FIRMWARE / "core" / "port.h").read_text()
    ports = set(re.findall(r"\b(port_\w+)\(", header))
    names = [one.stem for one in (FIRMWARE / "core").glob("*.c")] + ["indoor", "none"]
    files = [str(objects / chip / f"{name}.o") for name in names]
    tool = [ARM.replace("gcc", "nm"), "--format=posix", "-A"]
    said = subprocess.run([*tool, *files], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[1:3] for line in said.splitlines()]
    defined = {name for name, kind in symbols if kind != "U"}
    undefined = {name for name, kind in symbols if kind == "U"} - defined
    assert {name for name in undefined if not LIBRARY.fullmatch(name)} <= ports
    assert ports <= undefined | {"port_cnn_clock"}
