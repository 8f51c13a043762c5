# SPDX-License-Identifier: Apache-2.0
"""Start-up: checks the top-level names, runs the command line, turns errors into one line."""

import os
import sys

from mpqsearch.errors import RunFailed
from mpqsearch.printable import printable
from mpqsearch.top_level import hidden_packages

WRONG_REQUEST = 2
FAILED_RUN = 1
INTERRUPTED = 130
LONGEST_LINE = 1000
"""Characters of an error; a value from a file may be of any length."""


def main() -> None:
    """Runs the command line; exits 0, 1 (failed run), 2 (wrong request) or 130 (Ctrl-C)."""
    try:
        hidden = hidden_packages()
        if hidden:
            sys.exit(_fail(hidden[0], WRONG_REQUEST))
        from mpqsearch.cli import app

        code = app(sys.argv[1:] or ["--help"], prog_name="mpqsearch", standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        line, code = _explained(error)
        if "MPQSEARCH_TRACEBACK" in os.environ:
            raise
        sys.exit(_fail(line, code))
    if code:
        sys.exit(code)


def _explained(error: Exception) -> tuple[str, int]:
    """The line and exit code for an error: ours and the system's are requests gone wrong."""
    if hasattr(error, "format_message"):  # the command line library's own
        return f"{error.format_message().rstrip('.')}; see mpqsearch --help", WRONG_REQUEST
    ours = type(error).__module__.partition(".")[0] in {"hardware", "mpqsearch", "objectives"}
    if isinstance(error, OSError) or (ours and isinstance(error, ValueError)):
        return str(error), WRONG_REQUEST
    from hardware.izer.toolchain import IzerError

    if isinstance(error, RunFailed | IzerError):
        return str(error), FAILED_RUN
    return f"{type(error).__name__}: {error} (unexpected; --traceback shows where)", FAILED_RUN


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    shown = printable(line)
    if len(shown) > LONGEST_LINE:
        shown = f"{shown[:LONGEST_LINE]}..."
    sys.stderr.write(f"mpqsearch: error: {shown}\n")
    return code


if __name__ == "__main__":
    main()
