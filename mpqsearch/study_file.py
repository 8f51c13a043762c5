# SPDX-License-Identifier: Apache-2.0
"""Reads a study file and refuses, with a clear line, what it cannot mean."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import mpqsearch
from hardware.chips import Chip, ChipError, chip_named
from hardware.cost.calibration import Calibration, CalibrationError, read_calibration
from hardware.layer import WEIGHT_BITS, NetworkError
from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.run_folder import checked_name
from mpqsearch.sections import built, validated
from mpqsearch.space import Space
from mpqsearch.strict_yaml import read_yaml
from mpqsearch.study_sections import (
    LARGEST_SEED,
    MOST_TRIALS,
    PruningSection,
    SearchSection,
    SpaceSection,
    StudyFile,
)
from mpqsearch.task_file import find_task, identity_of, users_code
from objectives.fidelity import Fidelity
from objectives.recipe import Recipe, RecipeError
from objectives.task import Task, TaskError

N = TypeVar("N", int, float, str)


@dataclass(frozen=True)
class StudySpec:
    """A study, checked: everything a run needs to know.

    Attributes:
        name: The study's name: of its run folder and in Optuna's storage.
        task_name: The task as the study file names it, a file's path made absolute.
        task: The task.
        recipe: How candidates are trained.
        chip: What they are priced for.
        seed: Seed of the trainings and of the sampler.
        space: What may be proposed.
        search: How it is searched.
        pruning: Which trainings are stopped early.
        fidelity: How much of a full training is done.
        seeds: Trainings of each candidate.
        racing: Whether only candidates near the front get more than the first seed.
        calibration: Measurements the costs rest on; None for the analytic model.
        calibration_path: Where it was read.
    """

    name: str
    task_name: str
    task: Task
    recipe: Recipe
    chip: Chip
    seed: int
    space: Space
    search: SearchSection
    pruning: PruningSection = field(default_factory=PruningSection)
    fidelity: Fidelity = field(default_factory=Fidelity)
    seeds: int = 1
    racing: bool = False
    calibration: Calibration | None = None
    calibration_path: Path | None = None

    @property
    def trained_recipe(self) -> Recipe:
        """The recipe at the study's fidelity."""
        return self.fidelity.recipe(self.recipe)

    @property
    def seed_list(self) -> tuple[int, ...]:
        """Seeds of the trainings of each candidate, the same for all."""
        return tuple((self.seed + one) % (LARGEST_SEED + 1) for one in range(self.seeds))

    @property
    def budget(self) -> int:
        """Candidates to decide in all; the references in the space always."""
        references = sum(candidate in self.space for _, candidate in self.space.references)
        return min(max(self.search.trials, references), self.space.size)

    @property
    def exhaustive(self) -> "StudySpec":
        """The study with its whole space to be trained.

        Raises:
            StudyError: where the space is larger than a study may be.
        """
        if self.space.size > MOST_TRIALS:
            raise StudyError(
                f"study {self.name} has {self.space.size:,} candidates; an exhaustive search takes"
                f" {MOST_TRIALS:,} at most: give the space fewer lengths or bits"
            )
        every = {"sampler": "exhaustive", "trials": self.space.size}
        return dataclasses.replace(self, search=self.search.model_copy(update=every))

    def resolved(self) -> dict[str, Any]:
        """The study as a study file would write it, every default filled in."""
        bits = zip(self.space.layer_names, self.space.layer_bits, strict=True)
        plain: dict[str, Any] = {
            "task": self.task_name,
            "chip": self.chip.name,
            "seed": self.seed,
            "seeds": self.seeds,
            "racing": self.racing,
        }
        if self.calibration_path is not None:
            plain["calibration"] = str(self.calibration_path)
        return {
            **plain,
            "data": _plain(dataclasses.asdict(self.task)),  # type: ignore[call-overload]
            "recipe": dataclasses.asdict(self.recipe),
            "fidelity": dataclasses.asdict(self.fidelity),
            "space": {
                "input_length": list(self.space.input_lengths),
                "layers": {name: list(allowed) for name, allowed in bits},
            },
            "search": self.search.model_dump(),
            "pruning": self.pruning.model_dump(),
        }


def find_study_file(study: str) -> Path:
    """Finds a study by name (`studies/<name>.yaml`, here or with mpqsearch) or by path.

    Raises:
        StudyError: where there is none; the message lists the studies there are.
    """
    path = Path(study)
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        if path.is_file():
            return path
        problem = "is no file" if path.exists() else "does not exist"
        raise StudyError(f"study file {study} {problem}; give a .yaml file or a study's name")
    folders = [Path("studies"), Path(mpqsearch.__file__).resolve().parent.parent / "studies"]
    for folder in folders:
        found = folder / f"{study}.yaml"
        if found.is_file():
            return found
    names = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    raise StudyError(
        f"no study is called {study!r}; there are {', '.join(names) or 'none'}, or give a .yaml"
        f" file{nearest_of(study, names)}"
    )


def read_study(
    path: Path, *, name: str | None = None, allow_code: bool = False, **overrides: Any
) -> StudySpec:
    """Reads and checks a study file.

    Args:
        path: The file.
        name: The study's name, when not the file's.
        allow_code: Whether the Python file of a user's own task is allowed to run, now and until it
            changes.
        overrides: `folder` (data folder), `trials`, `warm_start` and `seed` from the command line,
            where given.

    Raises:
        StudyError: one line that names file, key, value, what is allowed and the nearest word.
    """
    study = _with_options(validated(StudyFile, read_yaml(path), str(path)), overrides, path)
    task_class, task_name = find_task(study.task, path, allow_code=allow_code)
    task = built(task_class, _data(study, path, task_class, overrides), "data", str(path))
    recipe = built(Recipe, study.recipe, "recipe", str(path), default=task.recipe)
    try:
        chip = chip_named(study.chip)
    except ChipError as error:
        raise StudyError(f"{path}: {error}") from None
    calibration_path = None
    if study.calibration is not None:
        calibration_path = (path.parent / study.calibration).resolve()
    return StudySpec(
        name=checked_name(path.stem if name is None else name),
        task_name=task_name,
        task=task,
        recipe=recipe,
        chip=chip,
        seed=study.seed,
        space=_space(study.space, task, task_name, path),
        search=study.search,
        pruning=_pruning(study.pruning, path),
        fidelity=_fidelity(study, recipe, path),
        seeds=study.seeds,
        racing=study.racing,
        calibration=_calibration(calibration_path, task_name, chip, path),
        calibration_path=calibration_path,
    )


def _pruning(section: PruningSection, path: Path) -> PruningSection:
    for share in section.rungs:
        if not 0 <= share < 1:
            raise StudyError(f"{path}: 'pruning.rungs' must be in [0, 1) but holds {share:g}")
    return section.model_copy(update={"rungs": list(_rising(section.rungs, "pruning.rungs", path))})


def _fidelity(study: StudyFile, recipe: Recipe, path: Path) -> Fidelity:
    fidelity = built(Fidelity, study.fidelity, "fidelity", str(path))
    try:
        fidelity.recipe(recipe)
    except RecipeError as error:
        key, _, problem = str(error).partition(" ")
        raise StudyError(f"{path}: 'fidelity.{key}' {problem}") from None
    return fidelity


def _calibration(
    calibration_path: Path | None, task_name: str, chip: Chip, path: Path
) -> Calibration | None:
    """Reads the calibration a study names, and checks that it is of this task and chip."""
    if calibration_path is None:
        return None
    try:
        found = read_calibration(calibration_path)
    except CalibrationError as error:
        raise StudyError(f"{path}: 'calibration': {error}") from None
    for what, its, mine in (
        ("task", found.task, identity_of(task_name)),
        ("chip", found.mode.chip, chip.name),
    ):
        if its != mine:
            raise StudyError(
                f"{path}: 'calibration': {calibration_path} is of {what} {its} but the study is of"
                f" {mine}; calibrate with this study, or leave it out"
            )
    return found


def _with_options(study: StudyFile, overrides: dict[str, Any], path: Path) -> StudyFile:
    """The study with what the command line says instead."""
    written = study.model_dump()
    if overrides.get("seed") is not None:
        study = validated(StudyFile, {**written, "seed": overrides["seed"]}, "--seed")
    for name in ("trials", "warm_start"):
        if overrides.get(name) is not None:
            search = {**study.search.model_dump(), name: overrides[name]}
            option = f"--{name.replace('_', '-')}"
            study = validated(StudyFile, {**study.model_dump(), "search": search}, option)
    origin = path if overrides.get("warm_start") is None else "--warm-start"
    _rising(study.search.warm_start, "search.warm_start", origin)
    return study


def _data(
    study: StudyFile, path: Path, task: type[Task], overrides: dict[str, Any]
) -> dict[str, Any]:
    """Settings of the data; a folder is written relative to the study file."""
    data = dict(study.data)
    if isinstance(data.get("folder"), str):
        data["folder"] = str((path.parent / data["folder"]).resolve())
    if overrides.get("folder") is not None:
        if "folder" not in {field.name for field in dataclasses.fields(task)}:  # type: ignore[arg-type]
            raise StudyError(f"--data: task {study.task} reads no folder; leave --data out")
        data["folder"] = str(overrides["folder"].resolve())
    return data


def _space(section: SpaceSection, task: Task, task_name: str, path: Path) -> Space:
    lengths = _distinct(section.input_length, "space.input_length", path)
    explained = (TaskError, NetworkError)
    try:
        with users_code(task_name, f"{path}: 'task': network()", expected=explained):
            names = {task.checked_network(length).names for length in lengths}
    except explained as error:
        raise StudyError(f"{path}: 'space.input_length': {error}") from None
    if len(names) != 1:
        raise StudyError(f"{path}: the task's networks must have the same layers at every length")
    layer_names = names.pop()
    for name in section.layers:
        if name not in layer_names:
            raise StudyError(
                f"{path}: unknown layer 'space.layers.{name}'; the network has"
                f" {', '.join(layer_names)}{nearest_of(name, layer_names)}"
            )
    everywhere = _widths(section.bits, "space.bits", path)
    single = {
        name: _widths(bits, f"space.layers.{name}", path) for name, bits in section.layers.items()
    }
    return Space(lengths, layer_names, tuple(single.get(name, everywhere) for name in layer_names))


def _widths(bits: list[int], key: str, path: Path) -> tuple[int, ...]:
    for width in bits:
        if width not in WEIGHT_BITS:
            raise StudyError(f"{path}: '{key}' must be of 1, 2, 4, 8 but holds {width}")
    return _distinct(bits, key, path)


def _distinct(values: list[int], key: str, path: Path) -> tuple[int, ...]:
    """The values, largest first, each once."""
    if not values:
        raise StudyError(f"{path}: '{key}' must hold at least one value but is empty")
    return _rising(values, key, path)[::-1]


def _rising(values: Sequence[N], key: str, path: Path | str) -> tuple[N, ...]:
    in_order = sorted(values)
    for value, after in itertools.pairwise(in_order):
        if value == after:
            raise StudyError(f"{path}: '{key}' holds {value} twice")
    return tuple(in_order)


def _plain(value: Any) -> Any:
    """A value as YAML can write it: what is no text, number, list or mapping, as text."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if type(value) in {bool, int, float, str, NoneType} else str(value)
