# SPDX-License-Identifier: Apache-2.0
"""How many members train together: found by measuring on the machine that trains."""

import time
from collections.abc import Callable, Sequence

import torch

from hardware.network import Network
from objectives.free_memory import free_bytes

REPEATS = 4
GAIN = 0.05
"""Share by which a larger group must be faster for each member, to be worth its memory."""
FRUITLESS = 2
"""Doublings in a row that may bring nothing: one alone may be chance, or a cache just outgrown."""
MEMORY_SHARE = 0.5
"""Share of the free memory that a stack may take."""
COPIES = 6
"""Of each parameter: itself, its gradient, Adam's two moments, its integers, and room to work."""
FLOAT_BYTES = 4


def members_at_once(step_of: Callable[[int], Callable[[], object]], most: int) -> int:
    """How many members best take a step together.

    Groups of 1, 2, 4, ... take steps in turns with the best one so far, until two doublings in a
    row bring each member less than 5 %. In turns, because a machine may be slower in one second
    than in the next, and the choice is for a whole run.

    Args:
        step_of: Gives, for a number of members, what takes one step of them.
        most: Members there are.
    """
    best, best_step = 1, step_of(1)
    size, fruitless = 2, 0
    while size <= most and fruitless < FRUITLESS:
        try:
            step = step_of(size)
            least, found = _fastest(best_step, step)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            break
        if found / size > (1 - GAIN) * least / best:
            fruitless += 1
        else:
            best, best_step, fruitless = size, step, 0
        size *= 2
    return best


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out: on a GPU, on the CPU, or in Python."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def _fastest(*steps: Callable[[], object]) -> list[float]:
    """Seconds of the fastest of a few calls of each, in turns, after one that is not counted."""
    # What else runs on the machine takes wall time from us, but none of our processor's.
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    clock = time.process_time if alone else time.perf_counter
    taken: list[list[float]] = []
    for _ in range(1 + REPEATS):
        taken.append([])
        for step in steps:
            begun = clock()
            step()
            taken[-1].append(clock() - begun)
    return [min(each) for each in zip(*taken[1:], strict=True)]


def largest_stack(network: Network, batch: int, device: torch.device) -> int:
    """Members that fit in half of the memory that is free now, at least one.

    Counted are six copies of every parameter, and what a step keeps of every layer: its input, its
    output and what the backward pass needs, four values for each activation.
    """
    parameters = sum(layer.weight_count + layer.out_channels for layer in network.layers)
    activations = batch * sum(layer.out_channels * layer.out_pixels for layer in network.layers)
    member = FLOAT_BYTES * (COPIES * parameters + 4 * activations)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_bytes()
    return max(1, int(MEMORY_SHARE * free / member))


def halves(members: Sequence[object]) -> tuple[slice, slice]:
    """The two halves of a stack that failed as a whole."""
    middle = len(members) // 2
    return slice(None, middle), slice(middle, None)
