# SPDX-License-Identifier: Apache-2.0
"""What a study rests on: its data, loaded and checked, and the fingerprint of it all."""

import dataclasses

import numpy as np

from hardware.cost.model import CostModel
from mpqsearch.errors import StudyError
from mpqsearch.storage import About
from mpqsearch.study_file import StudySpec
from mpqsearch.task_file import identity_of, own_file, users_code
from objectives.data.ctf import CtfDataError
from objectives.task import TaskData, TaskError


def load_data(spec: StudySpec) -> TaskData:
    """Loads the task's data.

    Raises:
        StudyError: where they are missing, damaged or not of the shape the network takes, or
            where a user's own code fails.
    """
    what = f"data of task {spec.task_name}"
    # A user's `load` may raise any ValueError about its data; from one of ours that is a fault.
    own = own_file(spec.task_name) is not None
    told = (ValueError, OSError) if own else (TaskError, CtfDataError, OSError)
    try:
        with users_code(spec.task_name, "load()", expected=told):
            data = spec.task.load()
    except StudyError:
        raise
    except told as error:
        raise StudyError(f"{what}: {error}") from error
    if not isinstance(data, TaskData):
        raise StudyError(f"{what}: load() must give TaskData but gives {type(data).__name__}")
    with users_code(spec.task_name, "network()"):
        network = spec.task.checked_network(spec.task.full_length)
    if data.train.inputs.shape[1:] != network.input_shape:
        raise StudyError(
            f"{what}: inputs have shape {data.train.inputs.shape[1:]} but the network for the full"
            f" length takes {network.input_shape}"
        )
    _check_lengths(spec, data)
    return data


def _check_lengths(spec: StudySpec, data: TaskData) -> None:
    """Crops every split to every length, before hours are spent on the first."""
    what = f"data of task {spec.task_name}"
    for length in spec.space.input_lengths:
        with users_code(spec.task_name, "network()"):
            network = spec.task.checked_network(length)
        logits = network.layers[-1].out_channels
        if logits != len(data.class_names):
            raise StudyError(
                f"{what}: {len(data.class_names)} classes but the network gives {logits} logits"
            )
        for split in (data.train, data.validation, data.test):
            with users_code(spec.task_name, "crop()"):
                cropped = spec.task.crop(split.inputs, length)
            wanted = (len(split.inputs), *network.input_shape)
            found = type(cropped).__name__
            if isinstance(cropped, np.ndarray):
                found = f"{cropped.dtype} of shape {cropped.shape}"
            if found != f"int8 of shape {wanted}":
                raise StudyError(
                    f"{what}: crop() to length {length} must give int8 of shape {wanted} but gives"
                    f" {found}"
                )


def about_study(spec: StudySpec, data: TaskData) -> About:
    """What tables of this study have to say beside their figures."""
    return About(
        study=spec.name,
        source=data.source,
        synthetic=data.synthetic,
        mode=str(CostModel(spec.chip, spec.calibration).mode),
        layer_names=spec.space.layer_names,
        candidates=spec.space.size,
    )


def fingerprint_of(spec: StudySpec, data: TaskData) -> dict[str, object]:
    """What must not change while a study goes on.

    Budgets and batches may, and who is stopped early or gets further seeds: what is scored compares
    all the same.
    """
    calibration = spec.calibration
    calibrated = {} if calibration is None else {"calibration": calibration.rows_hash}
    return {
        "task": identity_of(spec.task_name),
        # before the data, which it changes: what is named first is what was changed
        "fidelity": dataclasses.asdict(spec.fidelity),
        "data": data.digest()[:16],
        "recipe": dataclasses.asdict(spec.recipe),
        "seeds": spec.seeds,
        "chip": spec.chip.name,
        **calibrated,
        "seed": spec.seed,
        "space": spec.resolved()["space"],
    }
