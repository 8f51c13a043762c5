# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, fill up or cannot be written: one line, and nothing finished is lost."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Answer, Command, contents, said_by, start
from tests.runs import finished_count, scored


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 30 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


def fill(file: Path) -> None:
    """Takes every byte that is left."""
    with file.open("wb", buffering=0) as out:
        for block in (1 << 20, 4096):
            while True:
                try:
                    written = out.write(b"0" * block)
                except OSError:
                    break
                if written < block:
                    break


def test_a_full_disk_is_found_before_anything_is_made(
    mpqsearch: Command, tiny_study: Path, disk: Path
) -> None:
    """Less room than a run needs: the line says how much, and no folder is left behind."""
    (disk / "mine").write_bytes(b"0" * 15_000_000)
    for runs in (disk, disk / "new" / "runs"):
        line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", runs))
        assert line.startswith(f"run folder {runs}/tiny has 16.")
        assert line.endswith(
            " MB free but a run needs 20 MB; make room or choose another with --runs"
        )
        assert [file.name for file in disk.iterdir()] == ["mine"]
    fill(disk / "mine too")
    line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", disk))
    assert line.startswith(f"run folder {disk}/tiny has 0.0 MB free but a run needs 20 MB; make")


def test_a_read_only_disk_is_found_before_anything_is_made(
    mpqsearch: Command, tiny_study: Path, disk: Path
) -> None:
    """A new run is refused, and a run that is there can be read but not continued."""
    remount(disk, "ro")
    line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", disk))
    assert line == (
        f"run folder {disk}/tiny cannot be written: Read-only file system; choose another with"
        " --runs"
    )
    remount(disk, "rw")
    command = ("run", "--study", tiny_study, "--runs", disk, "--trials")
    # In a process of its own: a file that is open here would keep the disk from being remounted.
    assert start(*command, 3, cwd=disk.parent).returncode == 0
    remount(disk, "ro")
    before = contents(disk)
    line = said_by(mpqsearch(*command, 4))
    assert line.startswith(f"run folder {disk}/tiny cannot be written: Read-only file system; ")
    shown = mpqsearch("front", "--study", "tiny", "--runs", disk)
    assert (shown.code, shown.err) == (0, "")
    assert "3 candidates trained" in shown.out
    assert contents(disk) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_fills_up_in_the_middle_costs_what_was_in_training(
    workers: int, tiny_study: Path, disk: Path
) -> None:
    """The run ends with one line; the same command then finishes, nothing lost or repeated."""
    database = disk / "tiny" / "study.db"
    command = (
        "run",
        "--study",
        tiny_study,
        "--runs",
        disk,
        "--trials",
        18,
        "--workers",
        workers,
        "--json",
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while finished_count(database) < 4 and running.poll() is None:
        time.sleep(0.01)
    fill(disk / "filler")
    out, err = running.communicate(timeout=60)
    *progress, said = err.splitlines()
    line = said_by(Answer(running.returncode, out, f"{said}\n"))
    assert "make room" in line
    assert "run the same again" in line
    assert all(text.split("/")[0].isdigit() for text in progress), progress
    shutil.copytree(disk / "tiny", disk.parent / "copy")
    before = scored(disk.parent / "copy" / "study.db")
    assert 4 <= len(before) < 18

    (disk / "filler").unlink()
    again = start(*command, cwd=disk)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["counts"]["scored"] == 18
    after = scored(database)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 18
