# SPDX-License-Identifier: Apache-2.0
"""Compilers that tests of the firmware need; where one is absent, they are skipped and say so."""

import shutil
import subprocess
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware"
SANITIZERS = "-g -fsanitize=address,undefined -fno-sanitize-recover=all"


def need(*tools: str) -> None:
    """Skips the test unless these programs are there."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)}: the firmware is not compiled")


def make(target: str, build: Path, *settings: str) -> None:
    """Makes a target of firmware/Makefile into a folder; a warning is an error."""
    done = subprocess.run(
        ["make", "-C", str(FIRMWARE), f"BUILD={build}", *settings, target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def compile_library(target: Path, *sources: Path) -> Path:
    """Sources as a library that Python loads; a warning is an error."""
    warnings = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    places = [f"-I{FIRMWARE / place}" for place in ("core", "applications")]
    command = ["cc", *warnings, "-O2", "-fPIC", "-shared", *places, *map(str, sources)]
    done = subprocess.run(
        [*command, "-o", str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target
