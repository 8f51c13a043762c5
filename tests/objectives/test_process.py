# SPDX-License-Identifier: Apache-2.0
"""What a process that trains is given: threads, and memory that stays."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
PROGRAM = """
import resource, sys, torch
from objectives.process import prepare_process
if sys.argv[1] == "prepared":
    prepare_process(1)
def step():
    return [torch.ones(2 << 20) for _ in range(10)]  # of 8 MiB
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(torch.get_num_threads(), pages * resource.getpagesize())
"""


def said(how: str) -> list[int]:
    """Threads, and bytes that were mapped anew in five steps after three."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"},
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's memory")
def test_freed_memory_is_kept() -> None:
    """Five steps of 80 MiB: the same pages each time, where they come anew by themselves."""
    threads, mapped = said("plain")
    assert threads == 2
    assert mapped > 10 * MIB
    threads, mapped = said("prepared")
    assert threads == 1
    assert mapped < MIB
