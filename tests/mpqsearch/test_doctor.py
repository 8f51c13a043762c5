# SPDX-License-Identifier: Apache-2.0
"""The check of a machine says what a run needs, and no more."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hardware.board.ports import Device, Port
from hardware.izer.toolchain import PINNED_COMMIT, Examination
from mpqsearch.environment import PACKAGES
from tests.commands import Command

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No izer of this machine is seen."""
    for name in ("AI8X_SYNTHESIS", "AI8X_SYNTHESIS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("hardware.izer.toolchain.installed_place", lambda: tmp_path / "izer")
    monkeypatch.setattr("mpqsearch.doctor.installed_place", lambda: tmp_path / "izer")


def izer_line(mpqsearch: Command) -> tuple[str, str]:
    """The mark of the line about the izer, and what it says."""
    answer = mpqsearch("doctor")
    assert (answer.code, answer.err) == (0, "")
    (line,) = (line for line in answer.out.splitlines() if " ai8x-synthesis  " in line)
    mark, _, said = line.split(maxsplit=2)
    return mark, said


def checkout(folder: Path) -> Path:
    """A checkout of nothing, with this Python for its own."""
    folder.mkdir()
    (folder / "ai8xize.py").touch()
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "python").symlink_to(sys.executable)
    return folder


def found(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    """Lets an examination find this."""
    well = {"problems": (), "notes": (), "commit": PINNED_COMMIT, "python_version": "3.11.7"}
    seen = Examination(**(well | changed))
    monkeypatch.setattr("mpqsearch.doctor.examine_toolchain", lambda _: seen)


def test_what_is_looked_for_is_what_is_installed() -> None:
    """Every package a run records is one that the installation brings."""
    dependencies = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    assert set(PACKAGES) <= {re.split(r"[^\w-]", line)[0] for line in dependencies}


def test_a_ready_machine_is_called_ready(mpqsearch: Command, tmp_path: Path) -> None:
    """Where the tests run, nothing is missing; what later steps need is said and stops nothing."""
    answer = mpqsearch("doctor", "--runs", tmp_path / "runs", "--json")
    assert (answer.code, answer.err) == (0, "")
    findings = {finding["what"]: finding for finding in json.loads(answer.out)}
    assert all(finding["well"] for finding in findings.values() if finding["needed"])
    assert not findings["ai8x-synthesis"]["well"]
    assert not (tmp_path / "runs").exists()


def test_board_tools_are_for_later(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDK, compiler, OpenOCD and ports: each is found, or said with its next step; none stops."""

    def lines() -> dict[str, str]:
        answer = mpqsearch("doctor")
        assert (answer.code, answer.err) == (0, "")
        names = ("MSDK", "arm-none-eabi-gcc", "OpenOCD", "simulated board", "board")
        return {
            name: line[29:]
            for line in answer.out.splitlines()
            for name in names
            if line[8:29].strip() == name
        }

    for name in ("MAXIM_PATH", "OPENOCD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("shutil.which", lambda *_: None)
    monkeypatch.setattr("mpqsearch.doctor.ports", list)
    assert lines() == {
        "MSDK": "MAXIM_PATH is not set; to build firmware, install the vendor's MSDK and set"
        " MAXIM_PATH to it",
        "arm-none-eabi-gcc": "no arm-none-eabi-gcc on the path; the MSDK brings one, Debian"
        " another",
        "OpenOCD": "no OpenOCD; the MSDK and ai8x-synthesis bring one, or set OPENOCD to one that"
        " knows the chips",
        "simulated board": "no cc and no make; install gcc and make",
        "board": "none plugged in; mpqsearch measure --simulated needs none",
    }
    (tmp_path / "Libraries").mkdir()
    (tmp_path / "Libraries" / "libs.mk").touch()
    monkeypatch.setenv("MAXIM_PATH", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name, *_: f"/tools/{name}")
    console = Port("/dev/ttyUSB0", Device.CONSOLE, "D30A")
    monkeypatch.setattr("mpqsearch.doctor.ports", lambda: [console, Port("/dev/ttyS0", None)])
    assert lines()["MSDK"] == str(tmp_path)
    assert lines()["simulated board"] == "cc and make"
    assert lines()["board"] == "/dev/ttyUSB0 (console 0403:6015)"


def test_a_missing_package_is_named(mpqsearch: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what to run, and the exit code stops a script."""
    monkeypatch.setattr("mpqsearch.environment.PACKAGES", ("no-such-package",))
    answer = mpqsearch("doctor")
    assert answer.code == 2
    (line,) = (line for line in answer.out.splitlines() if line.startswith("MISSING"))
    assert line.split(maxsplit=2)[1:] == ["no-such-package", "missing; run make install"]


def test_without_an_izer_it_says_how_to_get_one(mpqsearch: Command) -> None:
    """A search does not need it, so it is for later."""
    said = "not installed; to synthesize picks, run mpqsearch izer install"
    assert izer_line(mpqsearch) == ("later", said)


def test_a_wrong_checkout_is_named(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is one without a Python of its own."""
    monkeypatch.setenv("AI8X_SYNTHESIS", str(tmp_path))
    mark, said = izer_line(mpqsearch)
    assert (mark, said.partition(";")[0]) == (
        "later",
        f"{tmp_path} (from AI8X_SYNTHESIS) holds no ai8xize.py",
    )
    (tmp_path / "ai8xize.py").touch()
    mark, said = izer_line(mpqsearch)
    assert mark == "later"
    assert said.startswith(f"{tmp_path} has no Python environment")
    assert "AI8X_SYNTHESIS_PYTHON" in said


def test_an_interrupted_installation_is_named(mpqsearch: Command, tmp_path: Path) -> None:
    """It is there, and does not count."""
    checkout(tmp_path / "izer")
    mark, said = izer_line(mpqsearch)
    assert mark == "later"
    assert said.startswith(f"the installation of ai8x-synthesis in {tmp_path / 'izer'} is not fin")
    assert "run mpqsearch izer install" in said


def test_a_working_izer_is_well(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place and commit stand there; another commit is well too, and noted."""
    place = checkout(tmp_path / "mine")
    monkeypatch.setenv("AI8X_SYNTHESIS", str(place))
    found(monkeypatch)
    assert izer_line(mpqsearch) == ("ok", f"{place}; commit {PINNED_COMMIT[:12]}")
    found(monkeypatch, notes=("commit 0123, not the pinned 4567: exports may differ",))
    said = f"{place}; commit 0123, not the pinned 4567: exports may differ"
    assert izer_line(mpqsearch) == ("ok", said)


def test_an_izer_that_does_not_run_is_named_with_the_next_step(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout of the user's own wants its packages, an installed one to be installed again."""
    found(monkeypatch, problems=("NumPy is 2.1.0 but must be older than 2",))
    place = checkout(tmp_path / "mine")
    monkeypatch.setenv("AI8X_SYNTHESIS", str(place))
    assert izer_line(mpqsearch) == (
        "later",
        f"{place}: NumPy is 2.1.0 but must be older than 2; install its requirements.txt for"
        f" {place}/venv/bin/python, or unset AI8X_SYNTHESIS and run mpqsearch izer install",
    )
    monkeypatch.delenv("AI8X_SYNTHESIS")
    (checkout(tmp_path / "izer") / ".mpqsearch-complete").touch()
    mark, said = izer_line(mpqsearch)
    assert mark == "later"
    assert said.endswith("older than 2; run mpqsearch izer install --force")
