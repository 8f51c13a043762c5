# SPDX-License-Identifier: Apache-2.0
"""Free memory, of the machine and of the control groups that a process is in."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from objectives.free_memory import UNKNOWN_BYTES, free_bytes

MIB = 1 << 20
OLD_FILES = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
NEW_FILES = ("memory.max", "memory.current", "inactive_file")


def machine(root: Path, free_mib: int, groups: str = "") -> Path:
    """A system that says it has so much free, and which groups a process is in."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(
        f"MemTotal: {2 * free_mib * 1024} kB\nMemFree: 1 kB\nMemAvailable: {free_mib * 1024} kB\n"
    )
    (root / "proc/self/cgroup").write_text(groups)
    return root


def group(folder: Path, names: tuple[str, str, str], values: tuple[str, int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    limit, used, inactive = names
    (folder / limit).write_text(f"{values[0]}\n")
    (folder / used).write_text(f"{values[1] * MIB}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{inactive} {values[2] * MIB}\nslab 7\n")


def test_files_that_the_system_keeps_count_as_free(tmp_path: Path) -> None:
    """What it would give up for a program, not what happens to be unused."""
    assert free_bytes(machine(tmp_path, 300)) == 300 * MIB


@pytest.mark.parametrize(
    ("groups", "top", "names"),
    [
        ("0::/job/step\n", "sys/fs/cgroup", NEW_FILES),
        ("5:cpu,memory:/job/step\n0::/\n", "sys/fs/cgroup/memory", OLD_FILES),
    ],
)
def test_the_narrowest_group_counts(
    tmp_path: Path, groups: str, top: str, names: tuple[str, str, str]
) -> None:
    """A job's limit, or its step's, whichever leaves less; in both versions of control groups."""
    root = machine(tmp_path, 300, groups)
    assert free_bytes(root) == 300 * MIB  # no such folders: they are not shown in here
    group(root / top, names, ("max" if names is NEW_FILES else str(1 << 63), 280, 0))
    group(root / top / "job", names, (str(100 * MIB), 70, 20))
    assert free_bytes(root) == 50 * MIB
    group(root / top / "job/step", names, (str(60 * MIB), 40, 10))
    assert free_bytes(root) == 30 * MIB
    group(root / top / "job/step", names, (str(60 * MIB), 70, 0))
    assert free_bytes(root) == 0


def test_a_container_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    """The path that it is told is its machine's, and leads nowhere."""
    root = machine(tmp_path, 300, "4:memory:/docker/1234\n")
    group(root / "sys/fs/cgroup/memory", OLD_FILES, (str(64 * MIB), 14, 0))
    assert free_bytes(root) == 50 * MIB


def test_a_system_that_says_nothing(tmp_path: Path) -> None:
    """Then what Python knows counts, or a gigabyte."""
    found = free_bytes(tmp_path)
    assert found == UNKNOWN_BYTES or 0 < found < 1 << 50


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_a_real_group() -> None:
    """A process in a group of 256 MiB finds less than that, and most of it."""
    top = Path("/sys/fs/cgroup/memory")
    if not (top / "cgroup.procs").exists():
        top = top.parent
    folder = top / f"mpqsearch-test-{os.getpid()}"
    limit = NEW_FILES[0] if top.name == "cgroup" else OLD_FILES[0]
    program = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
    program += "from objectives.free_memory import free_bytes; print(free_bytes())"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(256 * MIB))
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no control group can be made here: {error.strerror}")
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder / "cgroup.procs")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    finally:
        folder.rmdir()
    assert 200 * MIB < int(done.stdout) <= 256 * MIB
