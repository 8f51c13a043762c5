# SPDX-License-Identifier: Apache-2.0
"""Installs ai8x-synthesis: a checkout of the pinned commit, and a Python environment inside it."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from hardware.izer import toolchain
from hardware.izer.child_process import Done, failure, filled_disk, finished, last_line
from hardware.izer.clone import checked_source, clone_izer
from hardware.izer.toolchain import IzerError, Toolchain, ToolchainError

PYTHONS = ((3, 10), (3, 12))
"""First and last Python that has both NumPy 1.26.4 (3.9 to 3.12) and today's PyTorch (from 3.10).
**Source:** the wheels of both on PyPI.
"""
PACKAGES = (
    "numpy==1.26.4",
    "PyYAML==6.0.1",
    "rich==13.7.1",
    "xxhash==3.4.1",
    "GitPython==3.1.43",
    "PyGithub==2.3.0",
    "onnx==1.16.1",
)
"""What the izer imports, PyTorch aside, in the versions it pins.

**Source:** `requirements.txt` of the pinned commit; matplotlib and pytest in it serve other
programs.
"""
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
FREE_BYTES_NEEDED = 2_000_000_000
"""1.1 GB of packages and 0.2 GB of clone, and room for pip to unpack them."""
PROOF_TIMEOUT_S = 180

_PYTHON_VERSION = re.compile(r"^(\d+) (\d+)$", re.MULTILINE)

Say = Callable[[str], None]
"""Takes a line about what is being done."""


@dataclass(frozen=True)
class Installation:
    """What `install` leaves behind.

    Attributes:
        toolchain: The installed toolchain.
        new: Whether it was installed now; otherwise it was there before and nothing was done.
    """

    toolchain: Toolchain
    new: bool


def install(
    place: Path,
    *,
    torch_version: str,
    source: Path | None = None,
    interpreter: str | None = None,
    force: bool = False,
    say: Say = lambda _: None,
) -> Installation:
    """Installs the izer, and proves that it starts; what is there and complete is left alone.

    An installation counts from the moment its last file is written. Where a step fails, or Ctrl-C
    ends it, what was begun is removed, and what `force` was to replace is put back.

    Args:
        place: Folder to make: the checkout, with its environment in `venv/`.
        torch_version: PyTorch to install, a CPU build of it where there is one.
        source: A git repository on this machine to clone; without it the izer's own on GitHub.
        interpreter: Python of the environment, a path or a name; without it the one running this.
        force: Replaces a complete installation too.
        say: Called with a line before each step.

    Raises:
        ToolchainError: for a source, interpreter, place or disk that cannot be used.
        IzerError: where cloning or a download failed, or what was installed does not run.
    """
    if toolchain.is_complete(place) and not force:
        return Installation(toolchain.installed_toolchain(place), new=False)
    git = shutil.which("git")
    if git is None:
        raise ToolchainError("installing ai8x-synthesis needs git, which is not installed")
    python = _checked_interpreter(sys.executable if interpreter is None else interpreter)
    repository = None if source is None else checked_source(git, source)
    with _had_alone(place), _replacing(place):
        say(f"cloning {source or toolchain.REPOSITORY}")
        clone_izer(git, repository, place)
        say(f"making an environment for it with {python}")
        make_environment(python, place / "venv", torch_version, say)
        say("running it once")
        made = Toolchain(place, place / "venv" / "bin" / "python")
        _prove(made)
        (place / toolchain.COMPLETE).write_text(f"{toolchain.PINNED_COMMIT}\n", encoding="utf-8")
    return Installation(made, new=True)


def make_environment(python: str, folder: Path, torch_version: str, say: Say) -> None:
    """Makes a virtual environment with everything the izer imports.

    Raises:
        IzerError: where that fails, mostly for want of a network.
    """
    made = finished([python, "-m", "venv", str(folder)])
    if made.returncode:
        raise failure(f"{python} -m venv failed", made, "see what it says, or use --python")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries", "2"]
    say(f"installing {', '.join(PACKAGES)}")
    done = finished([*pip, *PACKAGES])
    if not done.returncode:
        say(f"installing torch {torch_version}, some 200 MB")
        done = _install_torch(pip, torch_version)
    if done.returncode:
        raise failure(
            "installing the izer's Python packages failed",
            done,
            "check the network and pip's settings, and run the same again",
        )


def _install_torch(pip: Sequence[str], version: str) -> Done:
    """A CPU build where one is to be had: the others bring gigabytes that the izer never uses."""
    release = version.partition("+")[0]
    cpu = f"torch=={release}+cpu"
    attempts = ([cpu], ["--extra-index-url", CPU_WHEELS, cpu], [f"torch=={release}"])
    for attempt in attempts:
        done = finished([*pip, *attempt])
        if not done.returncode or filled_disk(done):
            break
    return done


def _checked_interpreter(named: str) -> str:
    """The path of an interpreter that can make the environment.

    Raises:
        ToolchainError: where it is none, or its version has no wheels of what the izer pins.
    """
    python = shutil.which(Path(named).expanduser())
    if python is None:
        raise ToolchainError(f"--python {named!r} is no program; give the path of a Python")
    python = os.path.abspath(python)  # not resolved: an environment's is a link
    done = finished([python, "-c", "import sys; print(*sys.version_info[:2])"], PROOF_TIMEOUT_S)
    told = _PYTHON_VERSION.search(done.stdout)
    if done.returncode or told is None:
        raise ToolchainError(
            f"{python} does not work as a Python interpreter: {last_line(done)}; give another with"
            " --python"
        )
    version = int(told[1]), int(told[2])
    first, last = (".".join(map(str, one)) for one in PYTHONS)
    if not PYTHONS[0] <= version <= PYTHONS[1]:
        raise ToolchainError(
            f"the izer needs NumPy 1.26.4, so its Python must be in {first}..{last}, but {python}"
            f" is {version[0]}.{version[1]}; give another with --python"
        )
    if finished([python, "-c", "import ensurepip, venv"], PROOF_TIMEOUT_S).returncode:
        raise ToolchainError(
            f"{python} cannot make environments; install its venv module (on Debian and Ubuntu:"
            f" apt install python{version[0]}.{version[1]}-venv), or give another with --python"
        )
    return python


def _prove(made: Toolchain) -> None:
    """Imports what the izer imports and starts it once.

    Raises:
        IzerError: where either fails.
    """
    problems = toolchain.examine(made).problems
    if problems:
        raise IzerError(f"the izer's new environment does not work: {'; '.join(problems)}")
    done = finished([str(made.python), str(made.program), "--help"], PROOF_TIMEOUT_S, made.checkout)
    if done.returncode:
        raise failure(
            f"the new {toolchain.PROGRAM} --help ended with exit code {done.returncode}",
            done,
            "run mpqsearch izer install again, with another --python or --from",
        )


@contextlib.contextmanager
def _had_alone(place: Path) -> Iterator[None]:
    """Makes the folder around the place, and keeps other installations out of it.

    Raises:
        ToolchainError: where that cannot be written, lacks room, or another one is going on.
    """
    around = place.parent
    absent = [folder for folder in (around, *around.parents) if not folder.exists()]
    lock = FileLock(place.with_name(f"{place.name}.lock"), timeout=0)
    try:
        around.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(around).free
        if free < FREE_BYTES_NEEDED:
            raise ToolchainError(
                f"{around} has {free / 1e9:.1f} GB free but installing ai8x-synthesis needs"
                f" {FREE_BYTES_NEEDED / 1e9:.0f} GB; make room, or set XDG_DATA_HOME to a folder"
                " that has it"
            )
        lock.acquire()
    except Timeout:
        raise ToolchainError(
            f"another mpqsearch izer install is at work in {place}; wait for it"
        ) from None
    except OSError as error:
        raise ToolchainError(
            f"{around} cannot be written: {error.strerror}; make it writable, or set XDG_DATA_HOME"
            " to a folder that is"
        ) from None
    finally:
        if not lock.is_locked:
            _remove_empty(absent)
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
        _remove_empty(absent)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _replacing(place: Path) -> Iterator[None]:
    """Moves a complete installation aside, and back again should the new one fail.

    One that was interrupted is removed.
    """
    before = place.with_name(f"{place.name}.before")
    if toolchain.is_complete(place):
        _remove(before)
        place.rename(before)
    else:
        _remove(place)
    try:
        yield
    except BaseException:
        _remove(place)
        if before.exists():
            before.rename(place)
        raise
    _remove(before)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
