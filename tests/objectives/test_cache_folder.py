# SPDX-License-Identifier: Apache-2.0
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from objectives import cache_folder
from objectives.cache_folder import CacheFolder, Origin

ORIGIN = Origin("TinyTask", 8, 1, "4 of 6 epochs")
KEYS = [f"{number:064x}" for number in range(10)]


def entry(folder: CacheFolder, key: str = KEYS[0]) -> Path:
    return folder.path / f"{key}.prefix"


def python(program: str, *arguments: object) -> "subprocess.Popen[str]":
    """A process of its own that runs a program."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_is_written_is_read_and_listed(tmp_path: Path) -> None:
    """A content comes back as it was, and the list says what it is."""
    folder = CacheFolder(tmp_path / "new" / "cache")
    assert folder.read(KEYS[0]) is None
    assert folder.entries() == []
    content = bytes(range(256)) * 10 + b"\n\n"
    folder.write(KEYS[0], ORIGIN, content)
    assert folder.read(KEYS[0]) == content
    (listed,) = folder.entries()
    assert (listed.key, listed.origin) == (KEYS[0], ORIGIN)
    assert listed.size_bytes == entry(folder).stat().st_size > len(content)
    assert [file.name for file in folder.path.iterdir()] == [f"{KEYS[0]}.prefix"]


DAMAGES = {
    "a changed byte": lambda whole: whole[:-5] + b"X" + whole[-4:],
    "a changed head": lambda whole: whole.replace(b"TinyTask", b"TinyTusk"),
    "a cut end": lambda whole: whole[:-1],
    "a cut first line": lambda whole: whole[:30],
    "nothing in it": lambda _: b"",
    "something else": lambda _: b"PK\x03\x04 from another program\n",
    "only zeros": lambda whole: bytes(len(whole)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_entry_is_named_and_deleted(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever has become of the file: it is never read as a content, and can be written anew."""
    folder = CacheFolder(tmp_path)
    folder.write(KEYS[0], ORIGIN, b"content of some length")
    entry(folder).write_bytes(DAMAGES[name](entry(folder).read_bytes()))
    assert folder.read(KEYS[0]) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"cache entry {entry(folder)} cannot be used: it " in record.message
    assert not entry(folder).exists()
    folder.write(KEYS[0], ORIGIN, b"content")
    assert folder.read(KEYS[0]) == b"content"


def test_an_entry_under_another_name_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole entry that was renamed is not what its name says."""
    folder = CacheFolder(tmp_path)
    folder.write(KEYS[0], ORIGIN, b"content")
    entry(folder).rename(entry(folder, KEYS[1]))
    assert folder.read(KEYS[1]) is None
    assert "it belongs under another name" in caplog.text


def test_the_least_recently_used_entries_make_room(tmp_path: Path) -> None:
    """Above the limit what was not used for longest goes; reading counts as use."""
    folder = CacheFolder(tmp_path, limit_bytes=3500)
    for age, key in enumerate(KEYS[:3]):
        folder.write(key, ORIGIN, bytes(800))
        os.utime(entry(folder, key), (1000 + age, 1000 + age))
    assert folder.read(KEYS[0]) is not None
    folder.write(KEYS[3], ORIGIN, bytes(800))
    assert {one.key for one in folder.entries()} == {KEYS[0], KEYS[2], KEYS[3]}
    folder.write(KEYS[4], ORIGIN, bytes(3000))
    assert [one.key for one in folder.entries()] == [KEYS[4]]


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    """It must not push everything else out."""
    folder = CacheFolder(tmp_path, limit_bytes=2000)
    folder.write(KEYS[0], ORIGIN, bytes(800))
    folder.write(KEYS[1], ORIGIN, bytes(2000))
    assert [one.key for one in folder.entries()] == [KEYS[0]]


def test_clearing_deletes_our_files_and_no_others(tmp_path: Path) -> None:
    """A folder given by mistake loses nothing."""
    folder = CacheFolder(tmp_path)
    assert folder.clear() == 0
    folder.write(KEYS[0], ORIGIN, b"content")
    size = entry(folder).stat().st_size
    (tmp_path / f"{KEYS[1]}.partial").write_bytes(b"not ours by name")
    (tmp_path / f"{KEYS[1]}.x1_y.partial").write_bytes(b"left")
    (tmp_path / f"{KEYS[1]}.lock").touch()
    (tmp_path / "thesis.prefix").write_text("mine")
    assert folder.clear() == size + 4
    assert {file.name for file in tmp_path.iterdir()} == {f"{KEYS[1]}.partial", "thesis.prefix"}


def test_what_killed_writers_left_is_deleted_later(tmp_path: Path) -> None:
    """An old partial file goes at the next write; a young one may belong to a living process."""
    folder = CacheFolder(tmp_path)
    old, young = (tmp_path / f"{KEYS[1]}.{name}.partial" for name in ("old", "young"))
    for file in (old, young):
        file.touch()
    os.utime(old, (0, 0))
    folder.write(KEYS[0], ORIGIN, b"content")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_folder_that_cannot_be_made_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a file is in the way, every operation goes on without the cache."""
    (tmp_path / "file").touch()
    folder = CacheFolder(tmp_path / "file" / "cache")
    for key in KEYS[:3]:
        with folder.alone(key):
            assert folder.read(key) is None
            folder.write(key, ORIGIN, b"content")
    assert folder.entries() == []
    (record,) = caplog.records
    assert record.message == (
        f"cache folder {tmp_path}/file/cache: Not a directory; going on without it"
    )


def test_a_disk_that_fills_up_is_told_of_and_nothing_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails in the middle leaves no part of a file, and one line."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_folder.os, "fsync", full)
    folder = CacheFolder(tmp_path)
    for key in KEYS[:2]:
        folder.write(key, ORIGIN, b"content")
    assert list(tmp_path.iterdir()) == []
    assert [record.message for record in caplog.records] == [
        f"cache folder {tmp_path}: No space left on device; going on without it"
    ]


WRITER = """
import sys
from pathlib import Path
from objectives.cache_folder import CacheFolder, Origin
folder = CacheFolder(Path(sys.argv[1]))
for _ in range(200):
    folder.write(sys.argv[2], Origin("TinyTask", 8, 1, ""), bytes(300_000))
"""


def test_readers_never_see_half_an_entry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two processes write one entry over and over: whoever reads finds it whole."""
    writers = [python(WRITER, tmp_path, KEYS[0]) for _ in range(2)]
    folder, found = CacheFolder(tmp_path), 0
    while any(writer.poll() is None for writer in writers):
        content = folder.read(KEYS[0])
        assert content in {None, bytes(300_000)}
        found += content is not None
    assert [writer.wait() for writer in writers] == [0, 0]
    assert found > 10
    assert not caplog.records
    assert [file.name for file in tmp_path.iterdir()] == [f"{KEYS[0]}.prefix"]
    for writer in writers:
        writer.communicate()


HOLDER = """
import sys, time
from pathlib import Path
from objectives.cache_folder import CacheFolder
with CacheFolder(Path(sys.argv[1])).alone(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Its lock ends with it; while it lives, another one waits no longer than it should."""
    holder = python(HOLDER, tmp_path, KEYS[0])
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waited = pytest.MonkeyPatch()
    waited.setattr(cache_folder, "LONGEST_WAIT_S", 0.3)
    started = time.monotonic()
    with CacheFolder(tmp_path).alone(KEYS[0]):
        assert 0.3 <= time.monotonic() - started < 20
    waited.undo()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    started = time.monotonic()
    with CacheFolder(tmp_path).alone(KEYS[0]):
        assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []
