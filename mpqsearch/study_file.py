# SPDX-License-Identifier: Apache-2.0
"""Reads a study file and refuses, with a clear line, what it cannot mean."""

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

import mpqsearch
from hardware.chips import Chip, ChipError, chip_named
from hardware.nearest import nearest_of
from hardware.network import WEIGHT_BITS, NetworkError
from mpqsearch.errors import StudyError
from mpqsearch.space import Space
from objectives.recipe import Recipe
from objectives.task import Task, TaskError

BUILT_IN_TASKS = {
    "indoor": ("objectives.tasks.indoor", "IndoorTask"),
    "digits": ("objectives.tasks.digits", "DigitsTask"),
}
T = TypeVar("T")
STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SpaceSection(BaseModel):
    """`space:` of a study file."""

    model_config = STRICT
    input_length: list[int] = Field(min_length=1, description="input lengths to choose from")
    bits: list[int] = Field(
        default=[8, 4, 2], min_length=1, description="weight bits every layer chooses from"
    )
    layers: dict[str, list[int]] = Field(
        default={}, description="other weight bits for single layers, by name"
    )


class SearchSection(BaseModel):
    """`search:` of a study file."""

    model_config = STRICT
    trials: int = Field(
        default=60, ge=1, le=1_000_000, description="candidates to evaluate in all, a total"
    )
    sampler: Literal["nsga2"] = Field(default="nsga2", description="who proposes candidates")
    population: int = Field(default=20, ge=2, le=10_000, description="population of NSGA-II")
    batch: int = Field(default=10, ge=1, le=10_000, description="candidates proposed per round")


class StudyFile(BaseModel):
    """A study file, as written."""

    model_config = STRICT
    task: str = Field(description="indoor, digits, or path/to/file.py:ClassName")
    chip: str = Field(default="MAX78002", description="MAX78000 or MAX78002")
    seed: int = Field(default=42, ge=0, lt=1 << 32, description="of the trainings and the sampler")
    data: dict[str, Any] = Field(default={}, description="settings of the task's data")
    recipe: dict[str, Any] = Field(default={}, description="settings of the training")
    space: SpaceSection
    search: SearchSection = SearchSection()


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
    """

    name: str
    task_name: str
    task: Task
    recipe: Recipe
    chip: Chip
    seed: int
    space: Space
    search: SearchSection

    def resolved(self) -> dict[str, Any]:
        """The study as a study file would write it, every default filled in."""
        bits = zip(self.space.layer_names, self.space.layer_bits, strict=True)
        plain = {"task": self.task_name, "chip": self.chip.name, "seed": self.seed}
        return {
            **plain,
            "data": _plain(dataclasses.asdict(self.task)),  # type: ignore[call-overload]
            "recipe": _plain(dataclasses.asdict(self.recipe)),
            "space": {
                "input_length": list(self.space.input_lengths),
                "layers": {name: list(allowed) for name, allowed in bits},
            },
            "search": self.search.model_dump(),
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
        raise StudyError(f"study file {study} does not exist; give a .yaml file or a study's name")
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


def read_study(path: Path, *, name: str | None = None, **overrides: Any) -> StudySpec:
    """Reads and checks a study file.

    Args:
        path: The file.
        name: The study's name, when not the file's.
        overrides: `folder` (data folder), `trials` and `seed` from the command line, where given.

    Raises:
        StudyError: one line that names file, key, value, what is allowed and the nearest word.
    """
    written = _read_yaml(path)
    study = _validated(StudyFile, written, path)
    task_class, task_name = _task_class(study.task, path)
    data = _relative_to(path, study.data)
    if overrides.get("folder") is not None:
        data["folder"] = str(overrides["folder"].resolve())
    task = _built(task_class, data, "data", path)
    default_recipe = dataclasses.asdict(task.recipe)
    recipe = _built(Recipe, {**default_recipe, **study.recipe}, "recipe", path)
    try:
        chip = chip_named(study.chip)
        space = _space(study.space, task, path)
    except ChipError as error:
        raise StudyError(f"{path}: {error}") from None
    search = study.search
    if overrides.get("trials") is not None:
        search = _validated(
            SearchSection, {**search.model_dump(), "trials": overrides["trials"]}, path
        )
    seed = study.seed if overrides.get("seed") is None else overrides["seed"]
    return StudySpec(
        name=name or path.stem,
        task_name=task_name,
        task=task,
        recipe=recipe,
        chip=chip,
        seed=seed,
        space=space,
        search=search,
    )


class _Loader(yaml.SafeLoader):
    """YAML without the silent overwriting of repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} must be text", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, _Loader)  # noqa: S506  (derives from SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise StudyError(f"{path}: {where}{error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not a YAML file: {error}") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None


def _validated(model: Any, written: Any, path: Path, prefix: str = "") -> Any:
    """Validates through JSON, which is what a study file can hold: strict types, no surprises."""
    try:
        text = json.dumps(written)
    except (TypeError, ValueError):
        raise StudyError(
            f"{path}: {prefix or 'the file'} holds a value that is neither text, number, list nor"
            " mapping (quote dates)"
        ) from None
    try:
        adapter = TypeAdapter(model)
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        raise StudyError(f"{path}: {_explained(error, model, prefix)}") from None


def _explained(error: ValidationError, model: Any, prefix: str) -> str:
    """The first problem in one line: the key, the value, what is allowed, the nearest word."""
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join([prefix, *location] if prefix else location) or "the file"
    if first["type"] == "extra_forbidden":
        known = list(_fields_at(model, location[:-1]))
        meant = nearest_of(location[-1], known)
        return f"unknown key {key!r}; allowed here: {', '.join(known)}{meant}"
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    if first["type"] == "value_error":
        return f"{prefix + ': ' if prefix else ''}{first['ctx']['error']}"
    problem = first["msg"].replace("Input should be", "must be").replace("Value error, ", "")
    if first["type"] == "literal_error":
        problem += nearest_of(str(first["input"]), str(first["ctx"]["expected"]).split("'"))
    return f"{key!r} {problem} but is {json.dumps(first['input'])}"


def _fields_at(model: Any, location: list[str]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(model, "model_fields", {})
    for part in location:
        annotation = fields[part].annotation if part in fields else None
        fields = getattr(annotation, "model_fields", {})
    return fields


def _built(cls: type[T], written: dict[str, Any], section: str, path: Path) -> T:
    """Builds a frozen dataclass from a section of the study file."""
    if not dataclasses.is_dataclass(cls):
        raise StudyError(f"{path}: task {cls.__name__} must be a dataclass (see docs/own-task.md)")
    known = [field.name for field in dataclasses.fields(cls)]
    for key in written:
        if key not in known:
            allowed = f"allowed here: {', '.join(known)}" if known else "the task has no settings"
            raise StudyError(
                f"{path}: unknown key '{section}.{key}'; {allowed}{nearest_of(key, known)}"
            )
    return _validated(cls, written, path, section)  # type: ignore[no-any-return]


def _task_class(name: str, path: Path) -> tuple[type[Task], str]:
    """Finds a task by name, or in a Python file: `path/to/file.py:ClassName`."""
    file_name, colon, class_name = name.rpartition(":")
    if not colon:
        if name not in BUILT_IN_TASKS:
            raise StudyError(
                f"{path}: 'task' must be one of {', '.join(BUILT_IN_TASKS)} or"
                f" path/to/file.py:Class but is {name!r}{nearest_of(name, BUILT_IN_TASKS)}"
            )
        module_name, class_name = BUILT_IN_TASKS[name]
        module = importlib.import_module(module_name)
        return getattr(module, class_name), name
    file = (path.parent / file_name).resolve()
    if not file.is_file():
        raise StudyError(
            f"{path}: task file {file} does not exist; it is looked for beside the study"
        )
    spec = importlib.util.spec_from_file_location(f"mpqsearch_task_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise StudyError(f"{path}: task file {file} must be a Python file, *.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError(
            f"{path}: task file {file} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Task)):
        tasks = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Task) and value is not Task
        ]
        raise StudyError(
            f"{path}: {file} must define a class {class_name!r} derived from objectives.task.Task;"
            f" it defines {', '.join(tasks) or 'none'}{nearest_of(class_name, tasks)}"
        )
    return found, f"{file}:{class_name}"


def _relative_to(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    """A data folder is written relative to the study file."""
    folder = data.get("folder")
    if isinstance(folder, str):
        return {**data, "folder": str((path.parent / folder).resolve())}
    return dict(data)


def _space(section: SpaceSection, task: Task, path: Path) -> Space:
    lengths = _distinct(section.input_length, "space.input_length", path)
    try:
        names = {task.checked_network(length).names for length in lengths}
    except (TaskError, NetworkError) as error:
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
    allowed = []
    for name in layer_names:
        key = f"space.layers.{name}" if name in section.layers else "space.bits"
        bits = _distinct(section.layers.get(name, section.bits), key, path)
        for width in bits:
            if width not in WEIGHT_BITS:
                raise StudyError(f"{path}: '{key}' must be of 1, 2, 4, 8 but holds {width}")
        allowed.append(bits)
    return Space(lengths, layer_names, tuple(allowed))


def _distinct(values: list[int], key: str, path: Path) -> tuple[int, ...]:
    if not values:
        raise StudyError(f"{path}: '{key}' must hold at least one value but is empty")
    for value in values:
        if values.count(value) > 1:
            raise StudyError(f"{path}: '{key}' holds {value} twice")
    return tuple(sorted(values, reverse=True))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
