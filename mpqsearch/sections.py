# SPDX-License-Identifier: Apache-2.0
"""Turns what a study file writes into checked values, or into one line that says what is wrong."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.study_sections import BaselineName

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
MAPPING = "must be a mapping (key: value)"
WHOLE = "must be a whole number"
LIST = "must be a list, like [8, 4],"
LISTS: Mapping[Any, str] = {
    list[float]: "must be a list, like [0.05, 0.2],",
    list[BaselineName]: "must be a list, like [hawq, uniform],",
}
"""Of what is no whole number, by the field's type."""
WORDS = {
    "bool_type": "must be true or false",
    "dataclass_type": MAPPING,
    "dict_type": MAPPING,
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_from_float": WHOLE,
    "int_type": WHOLE,
    "list_type": LIST,
    "model_type": MAPPING,
    "string_type": "must be text",
    "tuple_type": LIST,
}
"""What pydantic's error types mean in the words of a study file."""

SHOWN_CHARACTERS = 60
"""Of a value that is shown in a message."""


def validated(model: type[M], written: Mapping[str, Any], origin: str) -> M:
    """Validates a mapping strictly, as JSON would hold it: no text for a number.

    Args:
        model: What it should be.
        written: What was written.
        origin: Where: a file, or an option of the command line.

    Raises:
        StudyError: one line for the first problem; unknown keys come before missing ones.
    """
    try:
        return model.model_validate_json(json.dumps(written), strict=True)
    except ValidationError as error:
        raise StudyError(f"{origin}: {_explained(error, model, '')}") from None


def built(
    cls: type[T], written: Mapping[str, Any], section: str, origin: str, default: T | None = None
) -> T:
    """Builds a frozen dataclass from a section of a study file.

    Args:
        cls: The dataclass.
        written: The section.
        section: Its key, for messages.
        origin: The file, for messages.
        default: Where fields that are not written come from; the class when not given.

    Raises:
        StudyError: one line for the first problem.
    """
    known = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]
    for key in written:
        if key not in known:
            raise StudyError(f"{origin}: {_unknown(f'{section}.{key}', key, known)}")
    given = {} if default is None else dataclasses.asdict(default)  # type: ignore[call-overload]
    try:
        adapter = TypeAdapter(cls)
        return adapter.validate_json(json.dumps({**given, **written}), strict=True)
    except ValidationError as error:
        said = _explained(error, cls, section)
        blamed = next((key for key in given if said.startswith(f"'{section}.{key}'")), None)
        if blamed is not None and blamed not in written:
            said += f" (the task's own; set {section}.{blamed} too)"
        raise StudyError(f"{origin}: {said}") from None
    except (Exception, SystemExit) as error:  # whatever a user's own class does
        if cls.__module__.startswith("objectives."):
            raise
        raise StudyError(
            f"{origin}: {cls.__name__} cannot be made from '{section}':"
            f" {type(error).__name__}: {error}"
        ) from error


def _explained(error: ValidationError, model: Any, section: str) -> str:
    """The first problem in one line: the key, the value, what is allowed, the nearest word."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    location = [section, *first["loc"]] if section else list(first["loc"])
    key = ".".join(str(part) for part in location)
    parents = [str(part) for part in first["loc"][:-1]]
    if first["type"] == "extra_forbidden":
        return _unknown(key, str(location[-1]), list(_fields_at(model, parents)))
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    if first["type"] == "value_error":
        return _own_words(str(first["ctx"]["error"]), model, section)
    shown = json.dumps(first["input"])
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]}..."
    problem, hint = _problem(first, _fields_at(model, parents).get(str(location[-1])))
    if isinstance(location[-1], int):
        key = ".".join(str(part) for part in location[:-1])
        return f"every value of {key!r} {problem} but one is {shown}{hint}"
    return f"{key!r} {problem} but is {shown}{hint}"


def _problem(first: Any, field: Any) -> tuple[str, str]:
    """What a value must be, and the word that was meant where one is near."""
    if first["type"] in WORDS:
        of_what = getattr(field, "annotation", None) if first["type"] == "list_type" else None
        return LISTS.get(of_what, WORDS[first["type"]]), ""
    if first["type"] == "too_short":
        return "must hold at least one value", ""
    if first["type"] == "literal_error":
        allowed = first["ctx"]["expected"]
        return f"must be {allowed}", nearest_of(str(first["input"]), allowed.split("'")[1::2])
    bounds = {
        name: getattr(bound, name)
        for bound in getattr(field, "metadata", ())
        for name in ("gt", "ge", "le")
        if hasattr(bound, name)
    }
    if bounds.keys() == {"ge", "le"}:
        return f"must be in {bounds['ge']}..{bounds['le']}", ""
    if bounds.keys() == {"gt", "le"}:
        return f"must be in ({bounds['gt']}, {bounds['le']}]", ""
    return first["msg"].replace("Input should", "must"), ""


def _own_words(message: str, model: Any, section: str) -> str:
    """A class's own complaint, which begins with the name of the field it is about."""
    name, _, rest = message.partition(" ")
    if any(field.name == name for field in dataclasses.fields(model)):
        return f"'{section}.{name}' {rest}"
    return f"{section!r}: {message}"


def _unknown(key: str, word: str, known: list[str]) -> str:
    allowed = f"allowed here: {', '.join(known)}" if known else "nothing can be set here"
    return f"unknown key {key!r}; {allowed}{nearest_of(word, known)}"


def _fields_at(model: Any, location: list[str]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(model, "model_fields", {})
    for part in location:
        annotation = fields[part].annotation if part in fields else None
        fields = getattr(annotation, "model_fields", {})
    return fields
