# SPDX-License-Identifier: Apache-2.0
"""Reads the part of YAML that a study file needs, and refuses its traps in one line.

Words and numbers are those of YAML 1.2's core schema, so `1e-3` is a number, `no` is text and a
date is text. A key that stands twice, anchors, aliases, merge keys and tags are refused: the first
hides a mistake, and with the others a short file can stand for gigabytes.
"""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from mpqsearch.errors import StudyError

LARGEST_BYTES = 1_000_000
"""More than any study file needs; a data file given by mistake is not read as a whole."""

DEEPEST = 20
"""Lists and mappings in one another; a study file needs four."""

REFUSED = "anchors, aliases, merge keys and tags (&, *, <<, !) are not allowed; write the value out"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's words and numbers, without the silent overwriting of repeated keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        problem = f"nested deeper than {DEEPEST}" if self.depth == DEEPEST else ""
        if isinstance(event, yaml.AliasEvent) or event.anchor or event.tag:
            problem = REFUSED
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            problem = ""
            if not isinstance(key, str):
                problem = f"key {key!r} must be text"
            elif key == "<<":
                problem = REFUSED
            elif key in seen:
                problem = f"key {key!r} stands twice"
            if problem:
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
        r"|-[0-9]+[eE][-+]?[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first)
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that holds one mapping of texts, numbers, truth values, lists, mappings.

    Raises:
        StudyError: one line that names the file, the line where there is one, and the problem.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise StudyError(f"{path}: larger than {LARGEST_BYTES:,} bytes, so no study file")
        written = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (it is safe)
        json.dumps(written, ensure_ascii=False).encode()  # half a character has no bytes
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        problem = str(error.problem)
        if problem.startswith("but "):
            problem = f"{error.context} {problem}"
        raise StudyError(f"{path}: {where}{problem}") from None
    except (yaml.YAMLError, UnicodeError):
        raise StudyError(f"{path}: not a YAML file: it holds bytes that are no text") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
    except StudyError:
        raise
    except ValueError:  # more digits than Python reads
        raise StudyError(f"{path}: holds a number of more than 4,300 digits") from None
    if written is None:
        raise StudyError(f"{path}: the file is empty; it needs at least task: and space:")
    if not isinstance(written, dict):
        raise StudyError(
            f"{path}: the file must be a mapping (key: value) but is a"
            f" {'list' if isinstance(written, list) else 'single value'}"
        )
    return written
