# SPDX-License-Identifier: Apache-2.0
"""What a process that trains is given: threads, and memory that stays."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
PROGRAM = """
import ctypes, sys, torch
from objectives.process import prepare_process

class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd",
        "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo2

def held():
    books = libc.mallinfo2()
    return books.arena + books.hblkhd

if sys.argv[1] == "prepared":
    prepare_process(1)
before = held()
freed = [torch.ones(6 << 20) for _ in range(4)]
del freed
print(torch.get_num_threads(), held() - before)
"""


def said(how: str) -> list[int]:
    """Threads, and bytes that glibc still holds after four tensors of 24 MiB were freed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"},
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library is not glibc 2.33 or newer"
)
def test_freed_memory_is_kept() -> None:
    """The memory of tensors: kept where a process is prepared, given back where it is not."""
    threads, held = said("plain")
    assert threads == 2
    assert held < 4 * MIB
    threads, held = said("prepared")
    assert threads == 1
    assert held >= 4 * 24 * MIB
