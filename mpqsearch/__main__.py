# SPDX-License-Identifier: Apache-2.0
"""Start-up: checks the top-level names, runs the command line, turns errors into one line."""

import os
import sys

from mpqsearch.errors import RunFailed
from mpqsearch.top_level import hidden_packages

WRONG_REQUEST = 2
FAILED_RUN = 1
INTERRUPTED = 130


def main() -> None:
    """Runs the command line; exits 0, 1 (failed run), 2 (wrong request) or 130 (Ctrl-C)."""
    hidden = hidden_packages()
    if hidden:
        sys.exit(_fail(hidden[0], WRONG_REQUEST))
    from mpqsearch.cli import app

    try:
        app(prog_name="mpqsearch")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if "MPQSEARCH_TRACEBACK" in os.environ:
            raise
        if isinstance(error, (ValueError, OSError)):
            sys.exit(_fail(str(error), WRONG_REQUEST))
        if isinstance(error, RunFailed):
            sys.exit(_fail(str(error), FAILED_RUN))
        line = f"{type(error).__name__}: {error} (unexpected; --traceback shows where)"
        sys.exit(_fail(line, FAILED_RUN))


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"mpqsearch: error: {line}\n")
    return code


if __name__ == "__main__":
    main()
