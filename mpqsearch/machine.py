# SPDX-License-Identifier: Apache-2.0
"""How a machine is used for trainings, and the objective that trains there."""

from dataclasses import dataclass

import torch

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.storage_address import StorageAddress
from mpqsearch.study_file import StudySpec
from objectives.accuracy import AccuracyObjective
from objectives.cache_folder import CacheFolder
from objectives.task import TaskData

DEVICES = ("auto", "cpu", "cuda")
MOST_AT_ONCE = 1024
"""Threads, and worker processes, that may be asked for."""


@dataclass(frozen=True)
class Machine:
    """How this machine is used; none of it changes what a candidate scores.

    Attributes:
        workers: Processes that train at once.
        threads: Threads of each one's trainings.
        device: Where they run: auto (a GPU where there is one), cpu or cuda.
        cache: Where float phases are kept for other runs; None: nowhere.
        storage: The study's storage where other machines share it; None: a file in the run folder.

    Raises:
        StudyError: for counts out of 1 to 1,024, or another device.
    """

    workers: int = 1
    threads: int = 1
    device: str = "auto"
    cache: CacheFolder | None = None
    storage: StorageAddress | None = None

    def __post_init__(self) -> None:
        for option, count in (("--threads", self.threads), ("--workers", self.workers)):
            if not 1 <= count <= MOST_AT_ONCE:
                raise StudyError(f"{option} must be in 1..{MOST_AT_ONCE} but is {count}")
        if self.device not in DEVICES:
            raise StudyError(
                f"--device must be one of {', '.join(DEVICES)} but is {self.device!r}"
                f"{nearest_of(self.device, DEVICES)}"
            )


def objective_of(spec: StudySpec, data: TaskData, machine: Machine) -> AccuracyObjective:
    """What trains a study's candidates, at its fidelity, with its rungs.

    Raises:
        StudyError: where the machine lacks the device asked for.
    """
    rungs = () if spec.pruning.rule == "none" else tuple(spec.pruning.rungs)
    return AccuracyObjective(
        spec.task,
        data,
        spec.trained_recipe,
        device=device_named(machine.device),
        rungs=rungs,
        cache=machine.cache,
    )


def device_named(name: str) -> torch.device | None:
    """The device of a name; None for auto, which takes a GPU where there is one.

    Raises:
        StudyError: where a GPU is asked for and there is none that PyTorch can use.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise StudyError(
            "--device cuda: PyTorch sees no GPU here; install its CUDA build (make install"
            " TORCH='torch>=2.13'), or use --device cpu"
        )
    return None if name == "auto" else torch.device(name)
