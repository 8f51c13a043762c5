# SPDX-License-Identifier: Apache-2.0
"""Trains a stack in less memory than it needs; prints what its members came to.

Run in a process of its own, whose memory is limited for good: the members, and the bytes they get.
"""

import logging
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, product
from pathlib import Path

import torch

from hardware.candidate import Candidate
from objectives import accuracy
from objectives.accuracy import AccuracyObjective
from tests.objectives.networks import ImagesTask


def everyone(step_of: Callable[[int], object], most: int) -> int:
    """In the place of `members_at_once`: all take a step together, whatever is faster."""
    del step_of
    return most


def main(members: int, limit: int) -> None:
    """Says of each member what came out, and of each stack that failed why."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    accuracy.members_at_once = everyone
    task = ImagesTask()
    recipe = replace(task.recipe, epochs=2, qat_start_epoch=1, batch_size=600)
    objective = AccuracyObjective(task, task.load(), recipe, device=torch.device("cpu"))
    several = [Candidate(9, bits) for bits in islice(product((8, 4, 2, 1), repeat=4), members)]
    list(objective.evaluate(several[:1], seed=1))  # what is loaded and made once
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + limit,) * 2)
    for result in objective.evaluate(several, seed=1):
        print(type(result).__name__, getattr(result, "reason", ""), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
