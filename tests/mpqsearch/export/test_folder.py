# SPDX-License-Identifier: Apache-2.0
"""Exports appear whole or not at all, and an earlier one is never lost."""

from pathlib import Path

import pytest

from mpqsearch.errors import RunFolderError, StudyError
from mpqsearch.export.folder import DIFFERS, ExportFolder


def write(folder: ExportFolder, name: str, content: str) -> Path:
    with folder.locked(), folder.partial(name) as partial:
        (partial / "manifest.json").write_text(content)
        return folder.finish(partial, name)


def test_an_export_appears_whole_and_is_listed(tmp_path: Path) -> None:
    """A folder has its name only when it is finished; until then it is hidden, then readable."""
    folder = ExportFolder(tmp_path / "new" / "exports")
    assert folder.exports() == []
    with folder.locked(), folder.partial("6-2-2") as partial:
        (partial / "manifest.json").write_text("{}")
        assert folder.exports() == []
        final = folder.finish(partial, "6-2-2")
    assert folder.exports() == [final] == [tmp_path / "new/exports/6-2-2"]
    assert final.stat().st_mode & 0o777 == 0o755
    assert sorted(one.name for one in folder.path.iterdir()) == [".lock", "6-2-2"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Not the half-written folder, and not the folders made for it; those of before stay."""
    folder = ExportFolder(tmp_path / "a" / "b")
    with pytest.raises(RunFolderError), folder.locked(), folder.partial("6-2-2") as partial:
        partial.mkdir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with pytest.raises(KeyboardInterrupt), folder.locked():
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_failing_write_says_what_is_kept(tmp_path: Path) -> None:
    """The system's error becomes a line with the next step, and the earlier export stays."""
    folder = ExportFolder(tmp_path / "exports")
    final = write(folder, "6-2-2", "first")
    with pytest.raises(RunFolderError) as caught, folder.locked(), folder.partial("6-2-2"):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == (
        f"{final} could not be written: No space left on device; earlier exports are as they were:"
        " make room or the folder writable, and export again"
    )
    assert (final / "manifest.json").read_text() == "first"


def test_an_earlier_export_is_replaced_at_once(tmp_path: Path) -> None:
    """Nothing of the old one is left, and nothing else."""
    folder = ExportFolder(tmp_path)
    final = write(folder, "6-2-2", "first")
    (final / "notes").write_text("of the first")
    assert write(folder, "6-2-2", "second") == final
    assert [one.name for one in final.iterdir()] == ["manifest.json"]
    assert sorted(one.name for one in tmp_path.iterdir()) == [".lock", "6-2-2"]


def test_an_earlier_export_stays_where_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the two renames fails: the first is taken back."""
    folder = ExportFolder(tmp_path)
    final = write(folder, "6-2-2", "first")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if ".partial-" in path.name:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(RunFolderError, match="Input/output error"):
        write(folder, "6-2-2", "second")
    assert (final / "manifest.json").read_text() == "first"
    assert sorted(one.name for one in tmp_path.iterdir()) == [".lock", "6-2-2"]


def test_what_a_killed_export_left_is_cleared(tmp_path: Path) -> None:
    """Half a folder goes; an export that was set aside comes back, unless its follower is there."""
    for name in (".6-2-2.partial-abc", ".6-4-4.old-abc", ".6-8-8.old-abc", ".8-2-2.old-abc"):
        (tmp_path / name).mkdir()
    for name in (".6-2-2.partial-abc", ".6-4-4.old-abc", ".6-8-8.old-abc"):
        (tmp_path / name / "manifest.json").write_text("before")
    (tmp_path / "6-8-8").mkdir()
    (tmp_path / "6-8-8/manifest.json").write_text("after")
    folder = ExportFolder(tmp_path)
    with folder.locked():
        assert [one.name for one in folder.exports()] == ["6-4-4", "6-8-8"]
    assert (tmp_path / "6-4-4/manifest.json").read_text() == "before"
    assert (tmp_path / "6-8-8/manifest.json").read_text() == "after"
    assert sorted(one.name for one in tmp_path.iterdir()) == [".lock", "6-4-4", "6-8-8"]


def test_a_proven_export_follows_one_that_differed(tmp_path: Path) -> None:
    """The folder marked as differing goes; it never takes the place of a good one."""
    folder = ExportFolder(tmp_path)
    good = write(folder, "6-2-2", "good")
    bad = write(folder, f"6-2-2{DIFFERS}", "bad")
    assert folder.exports() == [good, bad]
    assert (good / "manifest.json").read_text() == "good"
    write(folder, "6-2-2", "good again")
    assert folder.exports() == [good]


def test_names_that_are_taken_are_refused(tmp_path: Path) -> None:
    """Also by an export that differed; the line says how many more, and what to do."""
    folder = ExportFolder(tmp_path)
    folder.check_free(["6-2-2", "6-4-4"])
    write(folder, "6-2-2", "")
    write(folder, f"6-4-4{DIFFERS}", "")
    with pytest.raises(StudyError, match=r"/6-2-2 exists, and 1 more; --overwrite replaces it, --"):
        folder.check_free(["6-2-2", "6-4-4", "6-8-8"])
    with pytest.raises(StudyError, match=r"/6-4-4\.DIFFERS exists; --overwrite"):
        folder.check_free(["6-4-4"])


def test_one_export_at_a_time(tmp_path: Path) -> None:
    """A second one is refused, and takes nothing away from the first."""
    folder = ExportFolder(tmp_path / "exports")
    with folder.locked(), folder.partial("6-2-2") as partial:
        second = ExportFolder(folder.path).locked()
        with pytest.raises(RunFolderError, match=r"another export is writing to .*; wait for it"):
            second.__enter__()
        assert partial.is_dir()
        folder.finish(partial, "6-2-2")
    assert (folder.path / "6-2-2").is_dir()


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """The line names the folder and the option."""
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunFolderError, match=rf"export folder {path} cannot be .* --to"):
            ExportFolder(path).locked().__enter__()
    assert (tmp_path / "file").read_text() == "mine"
