# SPDX-License-Identifier: Apache-2.0
"""A guard: `hardware` and `objectives` are general names, which another package may hide."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

SIBLINGS = ("hardware", "objectives")


def hidden_packages(home: Path | None = None) -> list[str]:
    """Names one line for each sibling package that would be imported from somewhere else.

    Args:
        home: Where the siblings should lie; beside this package, when not given.
    """
    home = home or Path(__file__).resolve().parent.parent
    lines = []
    for name in SIBLINGS:
        spec = importlib.util.find_spec(name)
        if spec is None:
            lines.append(f"package {name!r} is missing beside mpqsearch in {home}")
        elif (place := _place_of(spec)) != home / name:
            lines.append(
                f"package {name!r} of mpqsearch is hidden by {place}; start from another folder,"
                " use an environment of its own (make run), or remove the other one"
            )
    return lines


def _place_of(spec: ModuleSpec) -> Path:
    """The folder of a package, with or without `__init__.py`, or the file of a module."""
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0] if folders else spec.origin or "").resolve()
