# SPDX-License-Identifier: Apache-2.0
"""Memory that this process may still take: of the machine, and of the container or job it is in."""

import os
from collections.abc import Iterator
from pathlib import Path

UNKNOWN_BYTES = 1 << 30
"""What is taken for free where no system says."""
KILOBYTE = 1024

GROUP_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Of control groups, version 2 and 1: limit, use, and what of it the system would give up."""


def free_bytes(root: Path = Path("/")) -> int:
    """Bytes that are free, what the system keeps of files counted as free.

    A container or a cluster's job may have less than its machine: the limits of all control groups
    that this process is in count as well.

    Args:
        root: Where the system's own folders `proc` and `sys` are.
    """
    return max(0, min([_free_in_machine(root), *_free_in_groups(root)]))


def _free_in_machine(root: Path) -> int:
    try:
        lines = (root / "proc/meminfo").read_text(encoding="utf-8").splitlines()
        return KILOBYTE * _number_after("MemAvailable:", lines)
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not everywhere
        return UNKNOWN_BYTES


def _free_in_groups(root: Path) -> Iterator[int]:
    """What is left in each control group that limits memory, from the innermost outwards."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        for kind in GROUP_FILES.keys() & set(kinds.split(",")):
            top = root / "sys/fs/cgroup" / kind
            inner = top / path.lstrip("/")
            for folder in (inner, *inner.parents):
                if folder.is_relative_to(top):
                    yield from _free_in_group(folder, *GROUP_FILES[kind])


def _free_in_group(folder: Path, limit: str, used: str, given_up: str) -> Iterator[int]:
    """Nothing where a group has no limit, or where the system shows this process no such group."""
    try:
        most = int((folder / limit).read_text(encoding="utf-8"))
        taken = int((folder / used).read_text(encoding="utf-8"))
        statistics = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
        yield most - taken + _number_after(f"{given_up} ", statistics)
    except (OSError, ValueError):
        return


def _number_after(name: str, lines: list[str]) -> int:
    """The number in the line that begins with a name; ValueError where there is none."""
    found = (line.removeprefix(name).split()[0] for line in lines if line.startswith(name))
    return int(next(found, ""))
