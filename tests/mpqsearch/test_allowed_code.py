# SPDX-License-Identifier: Apache-2.0
"""What a user has allowed to run: remembered by content, by several processes, and nowhere else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpqsearch import allowed_code
from mpqsearch.allowed_code import allow_here, allowed_here, check_allowed
from mpqsearch.errors import StudyError

DIGEST, OTHER = "1" * 64, "2" * 64


def is_allowed(file: Path, digest: str = DIGEST) -> bool:
    """Whether a file may run, to a process that has allowed nothing itself."""
    allowed_code._allowed_here.clear()
    try:
        check_allowed(file, digest, "a study", allow=False)
    except StudyError:
        return False
    return True


def test_a_file_is_remembered_by_its_content(nothing_allowed: Path, tmp_path: Path) -> None:
    """A line as sha256sum writes it; the same content may run elsewhere, other content nowhere."""
    file = tmp_path / "a task.py"
    for _ in range(2):
        check_allowed(file, DIGEST, "a study", allow=True)
    assert nothing_allowed.read_text() == f"{DIGEST}  {file}\n"
    assert nothing_allowed.parent.stat().st_mode & 0o77 == 0
    assert is_allowed(file)
    assert is_allowed(tmp_path / "copy.py")
    assert not is_allowed(file, OTHER)
    nothing_allowed.write_text("")
    assert not is_allowed(file)


def test_a_file_that_changed_is_told_from_one_that_is_new(
    nothing_allowed: Path, tmp_path: Path
) -> None:
    """By its path, with the next step in the line."""
    file = tmp_path / "task.py"
    check_allowed(file, DIGEST, "a study", allow=True)
    says = f"a study: {file} is Python code that has changed since it was allowed to run here; read"
    with pytest.raises(StudyError, match=f"^{says} it, then add --allow-code"):
        check_allowed(file, OTHER, "a study", allow=False)
    says = f"a study: {tmp_path}/new.py is Python code that was never allowed here; read it, then"
    with pytest.raises(StudyError, match=f"^{says} add --allow-code"):
        check_allowed(tmp_path / "new.py", OTHER, "a study", allow=False)
    assert nothing_allowed.read_text().count("\n") == 1


@pytest.mark.parametrize("value", ["", "0", "true", DIGEST])
def test_the_variable_allows_by_1_alone(
    value: str, nothing_allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And writes nothing down."""
    monkeypatch.setenv("MPQSEARCH_ALLOW_CODE", value)
    assert not is_allowed(tmp_path / "task.py")
    monkeypatch.setenv("MPQSEARCH_ALLOW_CODE", "1")
    assert is_allowed(tmp_path / "task.py")
    assert not nothing_allowed.parent.exists()


def test_a_path_is_one_line(nothing_allowed: Path, tmp_path: Path) -> None:
    """A line feed in a file's name allows no second file, and bytes that are no text are kept."""
    for name in (f"a\n{OTHER}  b.py", os.fsdecode(b"\xff.py")):
        check_allowed(tmp_path / name, DIGEST, "a study", allow=True)
        assert is_allowed(tmp_path / name)
    assert not is_allowed(tmp_path / "b.py", OTHER)
    assert nothing_allowed.read_bytes().count(b"\n") == 2


def test_a_line_that_was_cut_harms_no_other(nothing_allowed: Path, tmp_path: Path) -> None:
    """Of a process that died while it wrote: what comes next has a line of its own."""
    nothing_allowed.parent.mkdir(parents=True)
    nothing_allowed.write_text(OTHER[:20])
    check_allowed(tmp_path / "task.py", DIGEST, "a study", allow=True)
    assert nothing_allowed.read_text() == f"{OTHER[:20]}\n{DIGEST}  {tmp_path}/task.py\n"
    assert is_allowed(tmp_path / "task.py")
    assert not is_allowed(tmp_path / "task.py", OTHER[:20])


def test_processes_that_remember_at_once_lose_nothing(
    nothing_allowed: Path, tmp_path: Path
) -> None:
    """Four of them and the same two hundred files: a line each, once, and whole."""
    script = (
        "from pathlib import Path; from mpqsearch.allowed_code import check_allowed\n"
        "for n in range(200):\n"
        "    check_allowed(Path(f'/task{n}.py'), f'{n:064}', '', allow=True)"
    )
    started = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [one.wait() for one in started] == [0] * 4
    found = nothing_allowed.read_text().splitlines()
    assert sorted(found) == [f"{n:064}  /task{n}.py" for n in range(200)]
    assert not (tmp_path / "home").exists()


def test_a_state_folder_that_cannot_be_written_is_a_warning(
    nothing_allowed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """This process and its children may go on; nothing is remembered."""
    (tmp_path / "state").write_text("in the way")
    file = tmp_path / "task.py"
    check_allowed(file, DIGEST, "a study", allow=True)
    (said,) = caplog.messages
    assert said.startswith(f"{file} is allowed for this command only: {nothing_allowed} could not")
    check_allowed(file, DIGEST, "a study", allow=False)
    assert allowed_here() == {DIGEST}
    assert not is_allowed(file)
    allow_here({DIGEST})  # as a worker does with what it was given
    check_allowed(file, DIGEST, "a study", allow=False)


def test_a_study_brings_no_permission_of_its_own(
    nothing_allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a home a state folder would be relative, and be looked for beside the study."""
    place = tmp_path / "~/.local/state/mpqsearch/allowed-code.txt"
    place.parent.mkdir(parents=True)
    digest = hashlib.sha256(b"x = 1").hexdigest()
    place.write_text(f"{digest}  {tmp_path}/task.py\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        allowed_code.platformdirs, "user_state_path", lambda _: Path("~/.local/state/mpqsearch")
    )
    assert not is_allowed(tmp_path / "task.py", digest)
    assert not nothing_allowed.exists()
