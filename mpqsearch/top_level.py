# SPDX-License-Identifier: Apache-2.0
"""A guard: `hardware` and `objectives` are general names, which another package may hide."""

import importlib.util
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
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None:
            lines.append(f"package {name!r} is missing beside mpqsearch in {home}")
        elif origin.parent.parent != home:
            lines.append(
                f"package {name!r} of mpqsearch is hidden by {origin.parent}; use an environment of"
                " its own (make run), or remove the other one"
            )
    return lines
