# SPDX-License-Identifier: Apache-2.0
"""Mixed-precision search for the MAX78000 and MAX78002; what is named here is the public API."""

from typing import TYPE_CHECKING, Any

from mpqsearch.errors import RunFailed, RunFolderError, StudyError

if TYPE_CHECKING:
    from mpqsearch.api import Run, load_study, open_run, run_study

__all__ = [
    "Run",
    "RunFailed",
    "RunFolderError",
    "StudyError",
    "load_study",
    "open_run",
    "run_study",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What takes time to import, when it is first asked for: `mpqsearch --help` asks for none."""
    if name not in __all__:
        raise AttributeError(f"module 'mpqsearch' has no attribute {name!r}")
    from mpqsearch import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
