# SPDX-License-Identifier: Apache-2.0
"""An installation of the izer is whole, or is none."""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.izer import install as install_module
from hardware.izer.install import Installation, install
from hardware.izer.toolchain import (
    IMPORTED,
    IzerError,
    Toolchain,
    ToolchainError,
    examine,
    find_toolchain,
    is_complete,
)
from tests.commands import Command, contents, said_by

PROGRAM = """\
import os, sys
import numpy
here = os.path.dirname(os.path.abspath(__file__))
sys.exit(0 if os.getcwd() == here and os.path.exists("assets/main.c") else 9)
"""
NEW_COMMITS = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *NEW_COMMITS, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository like the izer's, whose pinned commit is no longer its last."""
    for name in ("AI8X_SYNTHESIS", "AI8X_SYNTHESIS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "source"
    for name, text in {
        "ai8xize.py": PROGRAM,
        "izer/izer.py": "",
        "assets/main.c": "",
        "trained/large.pth.tar": "large",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "pinned")
    monkeypatch.setattr("hardware.izer.toolchain.PINNED_COMMIT", git(folder, "rev-parse", "HEAD"))
    (folder / "ai8xize.py").write_text("raise SystemExit('a later commit')\n")
    git(folder, "commit", "--quiet", "-a", "-m", "later")
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the izer is to be installed, which is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    place = tmp_path / "data" / "mpqsearch" / "ai8x-synthesis"
    monkeypatch.setattr("hardware.izer.toolchain.installed_place", lambda: place)
    monkeypatch.setattr("mpqsearch.izer_install.installed_place", lambda: place)
    return place


Environment = Callable[[str, Path, str, Callable[[str], None]], None]


def stub_environment(python: str, folder: Path, _: str, __: Callable[[str], None]) -> None:
    """An environment with stand-ins for the packages, where the real one is downloaded."""
    made = subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=False)
    assert made.returncode == 0
    (packages,) = folder.glob("lib/python3.*/site-packages")
    for name in IMPORTED:
        version = "1.26.4" if name == "numpy" else "1"
        (packages / f"{name}.py").write_text(f"__version__ = {version!r}\n")


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_module, "make_environment", stub_environment)


def failing_environment(error: BaseException) -> Environment:
    def fail(_: str, folder: Path, __: str, ___: Callable[[str], None]) -> None:
        folder.mkdir()
        raise error

    return fail


def install_from(source: Path, place: Path, *, force: bool = False) -> Installation:
    return install(place, torch_version="2.13.0+cpu", source=source, force=force)


@pytest.mark.usefixtures("stubbed")
def test_an_installation_is_found_and_runs(source: Path, place: Path) -> None:
    """It holds the pinned commit, not the last, and of that only what the izer reads."""
    done = install_from(source, place)
    assert done == Installation(Toolchain(place, place / "venv/bin/python"), new=True)
    assert find_toolchain() == done.toolchain
    seen = examine(done.toolchain)
    assert (seen.problems, seen.notes) == ((), ())
    assert (place / "ai8xize.py").read_text() == PROGRAM
    assert not (place / "trained").exists()
    assert [file.name for file in place.parent.iterdir()] == ["ai8x-synthesis"]


@pytest.mark.usefixtures("stubbed")
def test_bare_and_incomplete_repositories_will_do(
    source: Path, place: Path, tmp_path: Path
) -> None:
    """What the izer does not read may be missing from the source; what it reads may not."""
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "--quiet", "--bare", str(source), str(bare))
    pinned = git(source, "rev-parse", "HEAD~1")

    def forget(name: str) -> None:
        blob = git(source, "rev-parse", f"{pinned}:{name}")
        (bare / "objects" / blob[:2] / blob[2:]).unlink()

    forget("trained/large.pth.tar")
    assert install_from(bare, place).new
    forget("izer/izer.py")
    shutil.rmtree(place)
    with pytest.raises(
        ToolchainError, match=r"cloning .*bare failed|bare lacks contents of commit"
    ):
        install_from(bare, place)
    assert not place.exists()


@pytest.mark.usefixtures("stubbed")
def test_the_own_repository_is_cloned_without_a_source(
    source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a transport, only what is checked out travels."""
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
    monkeypatch.setattr("hardware.izer.toolchain.REPOSITORY", f"file://{source}")
    assert install(place, torch_version="2.13.0").toolchain.commit == git(
        source, "rev-parse", "HEAD~1"
    )
    blob = git(source, "rev-parse", "HEAD:trained/large.pth.tar")
    listed = git(place, "cat-file", "--batch-all-objects", "--batch-check")
    assert blob not in listed
    assert git(source, "rev-parse", "HEAD:izer/izer.py") in listed


@pytest.mark.usefixtures("stubbed")
def test_a_complete_installation_is_left_alone(source: Path, place: Path, tmp_path: Path) -> None:
    """Unless it is to be replaced."""
    first = install_from(source, place)
    (place / "mine").touch()
    again = install_from(tmp_path / "nowhere", place)
    assert again == Installation(first.toolchain, new=False)
    assert (place / "mine").exists()
    assert install_from(source, place, force=True) == first
    assert not (place / "mine").exists()


@pytest.mark.usefixtures("stubbed")
def test_an_interrupted_installation_is_replaced(source: Path, place: Path) -> None:
    """What a killed process left counts for nothing, and does not stand in the way."""
    place.mkdir(parents=True)
    (place / "ai8xize.py").touch()
    with pytest.raises(ToolchainError, match="not finished"):
        find_toolchain()
    assert install_from(source, place).new
    assert find_toolchain() is not None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), IzerError("no network"), OSError("full")])
def test_a_failure_leaves_nothing(
    source: Path, place: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Neither folder nor lock; and where another was to be replaced, that is back, and works."""
    monkeypatch.setattr(install_module, "make_environment", failing_environment(error))
    with pytest.raises(type(error)):
        install_from(source, place)
    assert not place.parent.parent.exists()

    monkeypatch.setattr(install_module, "make_environment", stub_environment)
    install_from(source, place)
    (place / "mine").touch()
    before = contents(place.parent)
    monkeypatch.setattr(install_module, "make_environment", failing_environment(error))
    with pytest.raises(type(error)):
        install_from(source, place, force=True)
    assert contents(place.parent) == before
    assert find_toolchain() is not None


def test_an_izer_that_does_not_start_is_not_installed(
    source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof comes before the last file: packages, then the program itself."""

    def without_numpy(*arguments: object) -> None:
        stub_environment(*arguments)  # type: ignore[arg-type]
        (packages,) = place.glob("venv/lib/python3.*/site-packages")
        (packages / "numpy.py").write_text("raise ImportError('built for another')\n")

    monkeypatch.setattr(install_module, "make_environment", without_numpy)
    with pytest.raises(IzerError, match=r"numpy cannot be imported .*built for another"):
        install_from(source, place)
    monkeypatch.setattr(install_module, "make_environment", stub_environment)
    monkeypatch.setattr("hardware.izer.toolchain.PINNED_COMMIT", git(source, "rev-parse", "HEAD"))
    with pytest.raises(IzerError, match=r"--help ended with exit code 1: a later commit; "):
        install_from(source, place)
    assert not place.parent.exists()


def test_two_installations_do_not_meet(
    source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is told, and the first goes on."""

    def second(*arguments: object) -> None:
        with pytest.raises(ToolchainError, match="another mpqsearch izer install is at work"):
            install_from(source, place)
        stub_environment(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(install_module, "make_environment", second)
    assert install_from(source, place).new


def test_what_cannot_be_a_source_is_refused(
    source: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made. A folder inside another repository is none itself."""
    (source / "izer" / "sub").mkdir()
    (tmp_path / "file").touch()
    for wrong, said in {
        tmp_path / "nowhere": "does not exist",
        source / "izer" / "sub": "is no git repository",
        tmp_path / "file": "is no git repository",
    }.items():
        with pytest.raises(ToolchainError, match=f"--from {wrong} {said}"):
            install_from(wrong, place)
    monkeypatch.setattr("hardware.izer.toolchain.PINNED_COMMIT", "0" * 40)
    with pytest.raises(ToolchainError, match=f"--from {source} lacks commit 0000"):
        install_from(source, place)
    assert not place.parent.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "echo 3 13", r"must be in 3\.10\.\.3\.12, but .* is 3\.13; give another with", id="new"
        ),
        pytest.param("echo 3 9", r"must be in 3\.10\.\.3\.12, but .* is 3\.9", id="old"),
        pytest.param("echo hello", "does not work as a Python interpreter", id="other"),
        pytest.param("echo gone >&2; exit 127", "does not work as a Python .*: gone; ", id="fails"),
        pytest.param(
            'case "$2" in *venv) exit 1;; esac; echo 3 11', "python3.11-venv", id="no venv"
        ),
    ],
)
def test_an_interpreter_that_will_not_do_is_refused(
    source: Path, place: Path, tmp_path: Path, text: str, said: str
) -> None:
    """NumPy 1.26.4 is not to be had for every Python."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{text}\n")
    python.chmod(0o755)
    with pytest.raises(ToolchainError, match=said):
        install(place, torch_version="2.13.0", source=source, interpreter=str(python))
    for wrong in ("no-such-python", "", str(tmp_path)):
        with pytest.raises(ToolchainError, match=f"--python '{wrong}' is no program"):
            install(place, torch_version="2.13.0", source=source, interpreter=wrong)
    assert not place.parent.exists()


def test_a_place_that_cannot_be_used_is_refused(
    source: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the way, too little room: nothing is left behind."""
    monkeypatch.setattr(install_module, "FREE_BYTES_NEEDED", 10**18)
    with pytest.raises(ToolchainError, match="GB free but installing ai8x-synthesis needs 10000"):
        install_from(source, place)
    assert not place.parent.parent.exists()
    (tmp_path / "data").touch()
    with pytest.raises(
        ToolchainError, match=r"cannot be written: Not a directory; .*XDG_DATA_HOME"
    ):
        install_from(source, place)


def test_a_machine_without_git_is_told(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git is what clones."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="needs git"):
        install(place, torch_version="2.13.0")


@pytest.mark.usefixtures("stubbed")
def test_the_command_says_what_it_does(mpqsearch: Command, source: Path, place: Path) -> None:
    """Progress on standard error, the result on standard output; a second time it does nothing."""
    commit = git(source, "rev-parse", "HEAD~1")
    answer = mpqsearch("izer", "install", "--from", source)
    assert answer.code == 0, answer.err
    assert answer.out == f"ai8x-synthesis {commit[:12]} is installed in {place}\n"
    assert [line.split()[0] for line in answer.err.splitlines()] == ["cloning", "making", "running"]
    again = mpqsearch("izer", "install", "--from", source, "--json")
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out) == {
        "place": str(place),
        "python": f"{place}/venv/bin/python",
        "commit": commit,
        "new": False,
    }


def test_the_command_fails_in_one_line(
    mpqsearch: Command, source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 for a wrong request, 1 where the network is missing, 130 after Ctrl-C."""
    assert said_by(mpqsearch("izer", "install", "--from", place)).startswith(f"--from {place} does")
    monkeypatch.setattr("hardware.izer.toolchain.REPOSITORY", "http://127.0.0.1:9/izer.git")
    answer = mpqsearch("izer", "install")
    *progress, line = answer.err.splitlines()
    assert (answer.code, answer.out, len(progress)) == (1, "", 1)
    assert line.startswith("mpqsearch: error: cloning http://127.0.0.1:9/izer.git failed: ")
    assert line.endswith("; check the network, or give a clone with --from PATH")
    monkeypatch.setattr(
        install_module, "make_environment", failing_environment(KeyboardInterrupt())
    )
    answer = mpqsearch("izer", "install", "--from", source)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err.splitlines()[-1].startswith("interrupted; nothing was installed")
    assert not place.parent.exists()


@pytest.mark.izer
@pytest.mark.slow
def test_the_real_izer_is_installed_and_runs(toolchain: Toolchain, tmp_path: Path) -> None:
    """Cloned from the checkout that is named, with all its packages downloaded."""
    try:
        socket.create_connection(("pypi.org", 443), timeout=5).close()
    except OSError:
        pytest.skip("the packages come from pypi.org, which cannot be reached")
    if not (toolchain.checkout / ".git").exists():
        pytest.skip("the checkout that AI8X_SYNTHESIS names is no git repository to clone")
    place = tmp_path / "izer"
    made = install(
        place,
        torch_version="2.13.0",
        source=toolchain.checkout,
        interpreter=str(toolchain.python),
    )
    assert is_complete(place)
    seen = examine(made.toolchain)
    assert (seen.problems, seen.notes) == ((), ())
