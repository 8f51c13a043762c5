# SPDX-License-Identifier: Apache-2.0
"""The command line, which stops at a call and waits there to be interrupted.

Run as text, by `python -c`: MODULE:FUNCTION, the number of the call, a file that is made when it is
reached, and the command's own arguments.
"""

import importlib
import sys
import time
from pathlib import Path
from typing import Any

SECONDS = 100


def pause(place: str, number: int, reached: Path) -> None:
    """Has a function's call of that number make a file and wait, before it does anything."""
    module, _, path = place.partition(":")
    *outer, name = path.split(".")
    holder: Any = importlib.import_module(module)
    for one in outer:
        holder = getattr(holder, one)
    real = getattr(holder, name)
    calls = []

    def paused(*arguments: Any, **named: Any) -> Any:
        calls.append(None)
        if len(calls) == number:
            reached.touch()
            time.sleep(SECONDS)
            raise AssertionError("nobody has interrupted")
        return real(*arguments, **named)

    setattr(holder, name, paused)


if __name__ == "__main__":
    where, call, mark, *rest = sys.argv[1:]
    pause(where, int(call), Path(mark))
    sys.argv = ["mpqsearch", *rest]
    from mpqsearch.__main__ import main

    main()
