# SPDX-License-Identifier: Apache-2.0
"""The word somebody meant."""

import difflib
from collections.abc import Iterable


def nearest_of(word: str, known: Iterable[str]) -> str:
    """Gives `; did you mean X?` for the known word nearest to a mistyped one, else ''."""
    matches = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=1)
    if not matches:
        return ""
    meant = next(name for name in known if name.lower() == matches[0])
    return f"; did you mean {meant}?"
