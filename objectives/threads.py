# SPDX-License-Identifier: Apache-2.0
"""How many threads a training uses."""

import torch
from threadpoolctl import threadpool_limits


def use_threads(count: int) -> None:
    """Gives PyTorch this many threads, and NumPy one, for the rest of the process.

    Two pools that both keep every core spin against each other, and on busy cores that costs more
    than all the arithmetic.
    """
    torch.set_num_threads(count)
    threadpool_limits(1, user_api="blas")
