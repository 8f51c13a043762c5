# SPDX-License-Identifier: Apache-2.0
"""What a process that trains needs of its libraries: threads, and memory that stays."""

import ctypes
import sys

import torch
from threadpoolctl import threadpool_limits

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` calls them."""
KEPT_BYTES = 1 << 30
"""Freed memory that a process keeps at most: what some dozens of members work in."""
LARGEST_KEPT_BYTES = 32 << 20
"""Blocks up to this size are kept; glibc takes no more. Source: mallopt(3)."""


def prepare_process(threads: int) -> None:
    """Gives PyTorch so many threads, and NumPy one, and keeps freed memory, from here on.

    Two pools that both keep every core spin against each other, and on busy cores that costs more
    than all the arithmetic.
    """
    torch.set_num_threads(threads)
    threadpool_limits(1, user_api="blas")
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Has the C library keep what is freed, up to a gigabyte, where it is glibc.

    Every step needs the same tensors again. Given back to the system, their pages are cleared and
    mapped anew each time.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)
