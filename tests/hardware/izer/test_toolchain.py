# SPDX-License-Identifier: Apache-2.0
"""The izer is found where it is named or installed, and what is wrong with it is named."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hardware.izer.toolchain import (
    COMPLETE,
    PINNED_COMMIT,
    Toolchain,
    ToolchainError,
    examine,
    find_toolchain,
    installed_place,
    tool_environment,
)

STUBS = ("torch", "yaml", "rich", "xxhash", "git", "github", "onnx")
"""What the izer imports besides NumPy."""


@pytest.fixture(autouse=True)
def nothing_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AI8X_SYNTHESIS", "AI8X_SYNTHESIS_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "data" / "ai8x-synthesis"
    monkeypatch.setattr("hardware.izer.toolchain.installed_place", lambda: place)


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def checkout(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "ai8xize.py").touch()
    return folder


def committed(folder: Path) -> str:
    """Makes a folder a repository with one commit, and gives that."""
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "all"], check=True)
    told = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def python_with(folder: Path, numpy: str, *missing: str) -> Path:
    """An interpreter that sees stand-ins for the izer's packages, of the standard library only."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    (packages / "numpy.py").write_text(f"__version__ = {numpy!r}\n")
    for name in set(STUBS) - set(missing):
        (packages / f"{name}.py").write_text("print('noise')\n")
    for name in missing:
        (packages / f"{name}.py").write_text("raise ImportError('no such library')\n")
    start = f"import sys; sys.path.insert(0, {str(packages)!r}); code = sys.argv.pop(1); exec(code)"
    return program(folder / "python", f'shift; exec "{sys.executable}" -S -c "{start}" "$@"')


def test_nothing_named_and_nothing_installed_is_none() -> None:
    """Only then: everything else is a toolchain or an error."""
    assert find_toolchain() is None


def test_the_option_comes_before_the_variable_before_the_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever names one gets that one."""
    places = [tmp_path / "option", tmp_path / "variable", tmp_path / "data" / "ai8x-synthesis"]
    for place in places:
        program(checkout(place) / "venv" / "bin" / "python")
    (places[2] / COMPLETE).touch()
    assert find_toolchain() == Toolchain(places[2], places[2] / "venv/bin/python")
    monkeypatch.setenv("AI8X_SYNTHESIS", str(places[1]))
    assert find_toolchain() == Toolchain(places[1], places[1] / "venv/bin/python")
    assert find_toolchain(places[0]) == Toolchain(places[0], places[0] / "venv/bin/python")


def test_the_interpreter_is_the_variables_or_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the checkout, then in .venv, then in venv, then the variable: each beats the last."""
    place = checkout(tmp_path / "around" / "checkout")
    for folder in ("around/venv", "around/checkout/.venv", "around/checkout/venv", "other"):
        python = program(tmp_path / folder / "bin" / "python")
        if folder == "other":
            monkeypatch.setenv("AI8X_SYNTHESIS_PYTHON", str(python))
        assert find_toolchain(place) == Toolchain(place, python)


def test_a_relative_checkout_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The izer runs in another folder, so the paths are whole ones."""
    program(checkout(tmp_path / "here") / "venv" / "bin" / "python")
    monkeypatch.chdir(tmp_path)
    found = find_toolchain(Path("here"))
    assert found == Toolchain(tmp_path / "here", tmp_path / "here" / "venv/bin/python")


def test_an_environments_interpreter_stays_the_link_it_is(tmp_path: Path) -> None:
    """Followed, it would be the system's Python, without the packages."""
    place = checkout(tmp_path / "checkout")
    program(tmp_path / "system")
    (place / "venv" / "bin").mkdir(parents=True)
    (place / "venv" / "bin" / "python").symlink_to(tmp_path / "system")
    found = find_toolchain(place)
    assert found is not None
    assert found.python == place / "venv" / "bin" / "python"


def test_what_is_no_checkout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the place, who named it, and the next step."""
    with pytest.raises(ToolchainError, match=r"nowhere \(from --ai8x-synthesis\) holds no ai8xize"):
        find_toolchain(tmp_path / "nowhere")
    monkeypatch.setenv("AI8X_SYNTHESIS", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"AI8X_SYNTHESIS\).*run mpqsearch izer install"):
        find_toolchain()


def test_a_checkout_without_an_interpreter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is one whose links lead nowhere, and a variable that names no program."""
    place = checkout(tmp_path / "checkout")
    (place / "venv" / "bin").mkdir(parents=True)
    (place / "venv" / "bin" / "python").symlink_to(tmp_path / "gone")
    (place / ".venv" / "bin" / "python").mkdir(parents=True)
    with pytest.raises(ToolchainError, match=r"has no Python environment.*AI8X_SYNTHESIS_PYTHON"):
        find_toolchain(place)
    monkeypatch.setenv("AI8X_SYNTHESIS_PYTHON", str(tmp_path / "gone"))
    with pytest.raises(
        ToolchainError, match=r"AI8X_SYNTHESIS_PYTHON is .*gone, which is no program"
    ):
        find_toolchain(place)


def test_an_installation_counts_from_its_last_file_on(tmp_path: Path) -> None:
    """Before, it is called unfinished; damaged later, it is called that."""
    place = tmp_path / "data" / "ai8x-synthesis"
    python = program(checkout(place) / "venv" / "bin" / "python")
    with pytest.raises(ToolchainError, match="is not finished; run mpqsearch izer install"):
        find_toolchain()
    (place / COMPLETE).touch()
    assert find_toolchain() == Toolchain(place, python)
    python.unlink()
    with pytest.raises(ToolchainError, match=r"damaged: .*run mpqsearch izer install --force"):
        find_toolchain()


def test_the_installed_place_follows_the_users_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_DATA_HOME moves it, as it moves every program's data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert installed_place() == tmp_path / "mpqsearch" / "ai8x-synthesis"


def test_the_commit_is_the_checkouts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of a repository around it, nor of the one a git hook works on."""
    place = checkout(tmp_path / "around" / "checkout")
    found = Toolchain(place, Path("python"))
    outer = committed(place.parent)
    assert found.commit is None
    inner = committed(place)
    assert found.commit == inner
    monkeypatch.setenv("GIT_DIR", str(place.parent / ".git"))
    assert found.commit == inner != outer


def test_our_pythons_settings_stay_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would put our packages in front of the izer's."""
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("MPQSEARCH_TEST", "kept")
    assert {"PYTHONPATH", "MPQSEARCH_TEST"} & set(tool_environment()) == {"MPQSEARCH_TEST"}


def test_an_examination_finds_nothing_wrong_with_what_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All packages, the old NumPy and the pinned commit; another commit is a note."""
    place = checkout(tmp_path / "checkout")
    found = Toolchain(place, python_with(tmp_path / "env", "1.26.4"))
    commit = committed(place)
    seen = examine(found)
    assert (seen.works, seen.problems, seen.commit) == (True, (), commit)
    (note,) = seen.notes
    assert note == (
        f"commit {commit[:12]}, not the pinned {PINNED_COMMIT[:12]}: exports may differ"
    )
    monkeypatch.setattr("hardware.izer.toolchain.PINNED_COMMIT", commit)
    assert examine(found).notes == ()


def test_an_examination_names_what_is_missing(tmp_path: Path) -> None:
    """Each package that cannot be imported, a NumPy that is too new, and no commit."""
    found = Toolchain(
        checkout(tmp_path / "checkout"), python_with(tmp_path / "env", "2.1.0", "onnx", "git")
    )
    seen = examine(found)
    assert not seen.works
    assert seen.problems == (
        "git cannot be imported (ImportError: no such library)",
        "onnx cannot be imported (ImportError: no such library)",
        "NumPy is 2.1.0 but must be older than 2 (1.26.4 is what it pins)",
    )
    assert seen.notes[0].startswith("no commit known, not the pinned ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "exit 3", r"does not work as a Python interpreter \(exit code 3\)", id="fails"
        ),
        pytest.param("echo '{}'", "does not work as a Python interpreter", id="other program"),
        pytest.param("exec sleep 60", "did not import its packages in 1 s", id="hangs"),
    ],
)
def test_an_interpreter_that_is_none_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """It is said, and the examination ends."""
    monkeypatch.setattr("hardware.izer.toolchain.PROBE_TIMEOUT_S", 1)
    found = Toolchain(checkout(tmp_path / "checkout"), program(tmp_path / "python", text))
    (problem,) = examine(found).problems
    assert re.search(said, problem)


@pytest.mark.izer
def test_the_real_izer_will_do(toolchain: Toolchain) -> None:
    """Its Python imports everything, and its commit is the pinned one."""
    seen = examine(toolchain)
    assert (seen.problems, seen.notes) == ((), ())
