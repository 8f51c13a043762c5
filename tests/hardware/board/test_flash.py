# SPDX-License-Identifier: Apache-2.0
"""The vendor's tools: found, missing, failing. Those here are stand-ins."""

import os
from pathlib import Path

import pytest

from hardware.board.firmware import FirmwareError, build_host, missing_host_tools, run_tool
from hardware.board.flash import OpenOcd, build, find_compiler, find_openocd, find_sdk, flash
from hardware.chips import MAX78000, MAX78002


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A path with no tool on it, and no variable set."""
    for name in ("MAXIM_PATH", "OPENOCD", "CC"):
        monkeypatch.delenv(name, raising=False)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def tool(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def sdk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "Libraries").mkdir(parents=True)
    (folder / "Libraries" / "libs.mk").touch()
    monkeypatch.setenv("MAXIM_PATH", str(folder))
    return folder


def test_an_sdk_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by MAXIM_PATH, and it holds what projects include."""
    with pytest.raises(FirmwareError, match="MAXIM_PATH is not set; to build firmware, install"):
        find_sdk()
    monkeypatch.setenv("MAXIM_PATH", str(tmp_path))
    with pytest.raises(FirmwareError, match=r"holds no Libraries/libs.mk: no MSDK"):
        find_sdk()
    assert sdk(tmp_path / "msdk", monkeypatch) == find_sdk()


def test_openocd_is_looked_for_in_order(
    nothing_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path's, ai8x-synthesis', the SDK's, the one named: each goes before the last."""
    with pytest.raises(FirmwareError, match="no OpenOCD; the MSDK and ai8x-synthesis bring one"):
        find_openocd()
    on_path = tool(nothing_installed / "openocd", "")
    assert find_openocd(tmp_path / "no") == OpenOcd(on_path, None)
    synthesis, machine = tmp_path / "ai8x-synthesis", os.uname()
    folder = synthesis / "openocd"
    shipped = tool(folder / "bin" / f"{machine.sysname}_{machine.machine}" / "openocd", "")
    assert find_openocd(synthesis) == OpenOcd(shipped, folder)
    tools = sdk(tmp_path / "msdk", monkeypatch) / "Tools" / "OpenOCD"
    vendor = tool(tools / "openocd", "")
    assert find_openocd(synthesis) == OpenOcd(vendor, tools / "scripts")
    named = tool(tmp_path / "mine" / "openocd", "")
    monkeypatch.setenv("OPENOCD", str(named))
    assert find_openocd(synthesis) == OpenOcd(named, None)
    monkeypatch.setenv("OPENOCD", str(tmp_path / "gone"))
    with pytest.raises(FirmwareError, match=r"OPENOCD is .*gone, which is no program"):
        find_openocd()


def test_flashing_programs_verifies_and_starts(tmp_path: Path) -> None:
    """The command is the vendor's: interface, target, program verify reset exit."""
    openocd = OpenOcd(tmp_path / "openocd", tmp_path / "scripts")
    elf = tmp_path / "a b" / "max78002.elf"
    command = openocd.command(elf, MAX78002)
    assert command[1:3] == ["-s", str(tmp_path / "scripts")]
    assert command[3:7] == ["-f", "interface/cmsis-dap.cfg", "-f", "target/max78002.cfg"]
    assert command[7:] == ["-c", f"program {{{elf}}} verify reset exit"]
    assert "adapter serial {0444}" in openocd.command(elf, MAX78000, "0444")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "max78000.cfg").touch()  # as ai8x-synthesis ships it
    assert "max78000.cfg" in openocd.command(elf, MAX78000)
    with pytest.raises(FirmwareError, match="use one without braces"):
        openocd.command(tmp_path / "}; exit {" / "x.elf", MAX78002)


def test_a_flash_that_fails_is_told_in_openocds_words(tmp_path: Path) -> None:
    """Its error, not the last thing it said."""
    words = (
        "echo Info : clock speed 2000 kHz\necho Error: unable to find a matching CMSIS-DAP device"
    )
    openocd = OpenOcd(tool(tmp_path / "openocd", f"{words}\necho shutdown\nexit 1"), None)
    with pytest.raises(
        FirmwareError, match=r"^openocd failed: Error: unable to find a matching CMSIS-DAP device$"
    ):
        flash(tmp_path / "x.elf", MAX78002, openocd)
    tool(tmp_path / "openocd", "exit 0")
    flash(tmp_path / "x.elf", MAX78002, openocd)


def test_building_needs_sdk_compiler_and_firmware(
    nothing_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each missing thing is named, and a build that leaves no program is one that failed."""
    folder = tmp_path / "8-4-board"
    folder.mkdir()
    with pytest.raises(FirmwareError, match="holds no firmware; export the pick again"):
        build(folder, MAX78002)
    (folder / "Makefile").touch()
    with pytest.raises(FirmwareError, match="MAXIM_PATH is not set"):
        build(folder, MAX78002)
    sdk(tmp_path / "msdk", monkeypatch)
    with pytest.raises(FirmwareError, match="no arm-none-eabi-gcc on the path"):
        build(folder, MAX78002)
    compiler = tool(nothing_installed / "arm-none-eabi-gcc", "")
    assert find_compiler() == compiler
    with pytest.raises(FirmwareError, match="make could not be started: No such file"):
        build(folder, MAX78002)
    tool(
        nothing_installed / "make",
        "echo 'x.c:1: error: oops'; echo 'make: *** [all] Error 1'; exit 2",
    )
    with pytest.raises(FirmwareError, match=r"^make failed: x.c:1: error: oops$"):
        build(folder, MAX78002)
    tool(nothing_installed / "make", "")
    with pytest.raises(FirmwareError, match=r"make left no .*build/max78002.elf"):
        build(folder, MAX78002)
    tool(
        nothing_installed / "make", 'echo "$@" > asked; /bin/mkdir -p build; : > build/max78002.elf'
    )
    assert build(folder, MAX78002) == folder / "build" / "max78002.elf"
    asked = (folder / "asked").read_text().split()
    assert asked == [f"MAXIM_PATH={tmp_path / 'msdk'}", "TARGET=MAX78002", "BOARD=EvKit_V1"]


def test_a_tool_that_hangs_is_stopped(tmp_path: Path) -> None:
    """After its time, with a word."""
    slow = tool(tmp_path / "slow", "while :; do :; done")
    with pytest.raises(FirmwareError, match=r"slow took over 0.2 s and was stopped"):
        run_tool([str(slow)], timeout_s=0.2)


def test_a_host_port_without_a_compiler_says_what_to_install(tmp_path: Path) -> None:
    """The simulated board is a C program."""
    assert missing_host_tools() == ["cc", "make"]
    with pytest.raises(FirmwareError, match="cc and make is missing; install gcc and make"):
        build_host(tmp_path)
