# SPDX-License-Identifier: Apache-2.0
"""How many threads a training uses."""

import torch
from threadpoolctl import threadpool_limits


def use_threads(count: int) -> None:
    """Gives PyTorch this many threads, and NumPy one, for the rest of the process.

    Two pools that both keep every core spin against each other: on two busy cores the digits
    study's trainings took 25 times as long with NumPy's second thread as without it.
    """
    torch.set_num_threads(count)
    threadpool_limits(1, user_api="blas")
