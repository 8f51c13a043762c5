# SPDX-License-Identifier: Apache-2.0
"""Finds ai8x-synthesis and the Python it runs in, and says whether the two will do.

The izer pins a NumPy older than ours, so it runs in an environment of its own.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs

REPOSITORY = "https://github.com/analogdevicesinc/ai8x-synthesis.git"
PINNED_COMMIT = "ab4f4c01f205c7d9f0233c4438425144c433f44b"
"""The commit whose limits, cycles and known answers our tests compare with."""
PROGRAM = "ai8xize.py"
COMPLETE = ".mpqsearch-complete"
"""Name of the file that is written last: an installation without it was interrupted."""
IMPORTED = ("numpy", "torch", "yaml", "rich", "xxhash", "git", "github", "onnx")
"""What the izer imports as it starts. **Source:** `izer/*.py` of the pinned commit."""
INTERPRETERS = ("venv/bin/python", ".venv/bin/python", "../venv/bin/python")
"""Where a checkout's interpreter is looked for, best first."""
PROBE_TIMEOUT_S = 180

_PROBE = """
import json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = [str(getattr(__import__(name), "__version__", "")), ""]
    except BaseException as error:
        found[name] = ["", f"{type(error).__name__}: {error}"]
print()
print(json.dumps({"python": sys.version.split()[0], "imported": found}))
"""


class IzerError(RuntimeError):
    """The izer, or a step to get it, failed."""


class ToolchainError(ValueError):
    """An ai8x-synthesis that was asked for and cannot be used; the message says the next step."""


@dataclass(frozen=True)
class Toolchain:
    """A checkout of ai8x-synthesis and the Python interpreter that runs it.

    Attributes:
        checkout: Folder of `ai8xize.py`; the izer runs in it.
        python: Interpreter with the izer's packages; not resolved, as an environment's is a link.
    """

    checkout: Path
    python: Path

    @property
    def program(self) -> Path:
        """The izer's command line program."""
        return self.checkout / PROGRAM

    @property
    def commit(self) -> str | None:
        """The commit that is checked out; None where the checkout is no git repository."""
        inside = self.checkout / ".git"
        # The folder around a checkout without .git may be a repository, but not the izer's.
        if not inside.exists():
            return None
        command = ["git", f"--git-dir={inside}", "rev-parse", "--verify", "HEAD"]
        try:
            done = subprocess.run(  # noqa: S603  (git, on a path)
                command,
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
                env=tool_environment(),
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()


@dataclass(frozen=True)
class Examination:
    """What an examination of a toolchain found.

    Attributes:
        problems: What keeps the izer from running, as phrases; empty where it runs.
        notes: What does not, but may change what it writes.
        commit: The commit that is checked out, if known.
        python_version: Version of its Python, empty where that does not start.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    commit: str | None
    python_version: str

    @property
    def works(self) -> bool:
        """Whether the izer can be run."""
        return not self.problems


def tool_environment() -> dict[str, str]:
    """Environment variables for the izer, its Python and git: ours must not reach into them.

    Left out are `PYTHON*`, which would mix our packages with the izer's, and those that tell git to
    work on another repository, as they are set inside a git hook.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in _GIT_PLACES
    }


_GIT_PLACES = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
}


def installed_place() -> Path:
    """Where `mpqsearch izer install` puts the checkout; honours `XDG_DATA_HOME`."""
    return platformdirs.user_data_path("mpqsearch") / "ai8x-synthesis"


def is_complete(place: Path) -> bool:
    """Whether an installation there came to its end."""
    return (place / COMPLETE).is_file()


def find_toolchain(checkout: Path | None = None) -> Toolchain | None:
    """The toolchain to use: the named checkout, else AI8X_SYNTHESIS's, else the installed one.

    Its interpreter is AI8X_SYNTHESIS_PYTHON, else the first of `venv/`, `.venv/` inside and `venv/`
    beside the checkout.

    Args:
        checkout: Value of the option `--ai8x-synthesis`.

    Returns:
        The toolchain; None where nothing is named or installed. Whether its packages are there is
        for `examine` to say.

    Raises:
        ToolchainError: where what is named, or installed, is no checkout or has no interpreter.
    """
    if checkout is not None:
        return _toolchain(checkout, "--ai8x-synthesis")
    written = os.environ.get("AI8X_SYNTHESIS")
    if written:
        return _toolchain(Path(written), "AI8X_SYNTHESIS")
    place = installed_place()
    if not os.path.lexists(place):
        return None
    if not is_complete(place):
        raise ToolchainError(
            f"the installation of ai8x-synthesis in {place} is not finished; run mpqsearch izer"
            " install, which starts it again"
        )
    return installed_toolchain(place)


def installed_toolchain(place: Path) -> Toolchain:
    """The toolchain of an installation that came to its end.

    Raises:
        ToolchainError: where its program or interpreter is gone since.
    """
    try:
        return _toolchain(place, "mpqsearch izer install")
    except ToolchainError as error:
        if os.environ.get("AI8X_SYNTHESIS_PYTHON"):
            raise
        raise ToolchainError(
            f"the installed ai8x-synthesis is damaged: {error}; run mpqsearch izer install --force"
        ) from None


def _toolchain(checkout: Path, named_by: str) -> Toolchain:
    checkout = checkout.expanduser().absolute()
    if not (checkout / PROGRAM).is_file():
        raise ToolchainError(
            f"{checkout} (from {named_by}) holds no {PROGRAM}; name a checkout of ai8x-synthesis,"
            " or run mpqsearch izer install and name none"
        )
    return Toolchain(checkout, _interpreter(checkout))


def _interpreter(checkout: Path) -> Path:
    written = os.environ.get("AI8X_SYNTHESIS_PYTHON")
    if written:
        found = shutil.which(Path(written).expanduser())
        if found is None:
            raise ToolchainError(
                f"AI8X_SYNTHESIS_PYTHON is {written}, which is no program; set it to the Python"
                " interpreter of the izer's environment"
            )
        return Path(found).absolute()
    for place in INTERPRETERS:
        # Not through `..` of a linked folder: beside is where the path says it is.
        python = Path(os.path.normpath(checkout / place))
        if os.access(python, os.X_OK) and python.is_file():
            return python
    raise ToolchainError(
        f"{checkout} has no Python environment ({', '.join(INTERPRETERS)}); set"
        " AI8X_SYNTHESIS_PYTHON to the interpreter of one with its packages, or run mpqsearch izer"
        " install and name no checkout"
    )


def examine(toolchain: Toolchain) -> Examination:
    """Imports in the toolchain's Python what the izer imports, and looks at its commit.

    Takes a few seconds: PyTorch is imported. The izer itself is not run.
    """
    commit = toolchain.commit
    try:
        found = _probe(toolchain)
    except IzerError as error:
        return Examination((str(error),), _commit_notes(commit), commit, "")
    problems = tuple(
        f"{name} cannot be imported ({error})" for name, (_, error) in found.imported if error
    )
    versions = {name: version for name, (version, _) in found.imported}
    numpy = versions["numpy"]
    if numpy and not numpy.startswith(("0.", "1.")):
        problems += (f"NumPy is {numpy} but must be older than 2 (1.26.4 is what it pins)",)
    return Examination(problems, _commit_notes(commit), commit, found.python_version)


def _commit_notes(commit: str | None) -> tuple[str, ...]:
    if commit == PINNED_COMMIT:
        return ()
    seen = "no commit known" if commit is None else f"commit {commit[:12]}"
    return (f"{seen}, not the pinned {PINNED_COMMIT[:12]}: exports may differ",)


@dataclass(frozen=True)
class _Probed:
    """Version and error of each import, one of the two empty."""

    python_version: str
    imported: tuple[tuple[str, tuple[str, str]], ...]


def _probe(toolchain: Toolchain) -> _Probed:
    command = [str(toolchain.python), "-c", _PROBE, *IMPORTED]
    try:
        done = subprocess.run(  # noqa: S603  (the interpreter the user named)
            command,
            cwd=toolchain.checkout,
            env=tool_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise IzerError(
            f"{toolchain.python} did not import its packages in {PROBE_TIMEOUT_S} s"
        ) from None
    except OSError as error:
        raise IzerError(f"{toolchain.python} does not start: {error.strerror}") from None
    try:
        told = json.loads(done.stdout.splitlines()[-1])
        imported = tuple((name, (pair[0], pair[1])) for name, pair in told["imported"].items())
        return _Probed(str(told["python"]), imported)
    except (IndexError, KeyError, TypeError, ValueError):
        raise IzerError(
            f"{toolchain.python} does not work as a Python interpreter (exit code"
            f" {done.returncode})"
        ) from None
