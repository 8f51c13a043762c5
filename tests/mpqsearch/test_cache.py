# SPDX-License-Identifier: Apache-2.0
"""The cache of float phases, seen from the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Command, said_by


def counted(answer: str) -> dict[str, object]:
    """A front without what differs between two runs of one study."""
    found = json.loads(answer)
    for record in (*found["front"], *found["references"]):
        record.pop("train_seconds", None)
    return {name: value for name, value in found.items() if name != "study"}


def test_a_second_study_uses_the_first_ones_float_phases(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, cache_folder: Path
) -> None:
    """With the cache, without it and from it, a study comes to the same front."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--json", "--name")
    answers = [
        mpqsearch(*command, "without", "--no-cache"),
        mpqsearch(*command, "first"),
        mpqsearch(*command, "second"),
    ]
    assert [answer.code for answer in answers] == [0, 0, 0]
    fronts = [counted(answer.out) for answer in answers]
    assert fronts[0] == fronts[1] == fronts[2]
    logs = {name: (runs / name / "log.txt").read_text() for name in ("without", "first", "second")}
    assert {name: log.count("float phase at input length") for name, log in logs.items()} == {
        "without": 2,
        "first": 2,
        "second": 0,
    }
    assert logs["second"].count("taken from the cache") == 2
    assert len(list(cache_folder.iterdir())) == 2


def test_the_cache_is_shown_and_cleared(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Folder, entries, size and limit; --clear says what it freed, and then there is nothing."""
    folder = tmp_path / "kept"
    run = ("run", "--study", tiny_study, "--runs", tmp_path / "runs", "--trials", 3)
    assert mpqsearch(*run, "--cache", folder).code == 0
    told = json.loads(mpqsearch("cache", "--cache", folder, "--json").out)
    assert told["folder"] == str(folder)
    assert told["limit_bytes"] == 2_000_000_000
    assert told["entries"]
    for entry in told["entries"]:
        assert (entry["task"], entry["seed"]) == ("TinyTask", 1)
        assert entry["recipe"] == "4 of 6 epochs, batch 16, rate 0.02"
        assert entry["input_length"] in {6, 8}
    sizes = [entry["size_bytes"] for entry in told["entries"]]
    assert told["total_bytes"] == sum(sizes) == sum(f.stat().st_size for f in folder.iterdir())

    shown = mpqsearch("cache", "--cache", folder).out
    assert shown.splitlines()[0] == f"Float phases kept in {folder}"
    assert "TinyTask" in shown
    assert shown.splitlines()[-1] == f"{len(sizes)} entries, {sum(sizes) / 1e6:.1f} MB of 2000 MB"

    cleared = json.loads(mpqsearch("cache", "--cache", folder, "--clear", "--json").out)
    assert cleared == {"folder": str(folder), "removed": len(sizes), "freed_bytes": sum(sizes)}
    assert mpqsearch("cache", "--cache", folder, "--clear").out == (
        f"0 entries, 0.0 MB, deleted from {folder}\n"
    )
    assert mpqsearch("cache", "--cache", folder).out.splitlines()[1:] == [
        "0 entries, 0.0 MB of 2000 MB"
    ]


def test_a_damaged_entry_is_listed_as_such_and_the_run_repairs_it(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, cache_folder: Path
) -> None:
    """A run finds the damage, names the file in its log and computes the entry again."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--trials", 3, "--name")
    assert mpqsearch(*command, "first").code == 0
    files = sorted(cache_folder.iterdir())
    for file in files:
        file.write_bytes(b"what is this\n")
    listed = json.loads(mpqsearch("cache", "--json").out)["entries"]
    assert [entry["damaged"] for entry in listed] == [True] * len(files)
    assert mpqsearch("cache").out.count("damaged") == len(files)
    assert mpqsearch(*command, "second").code == 0
    log = (runs / "second" / "log.txt").read_text()
    for file in files:
        assert f"cache entry {file} cannot be used: it is not one of ours" in log
    listed = json.loads(mpqsearch("cache", "--json").out)["entries"]
    assert not any("damaged" in entry for entry in listed)


def test_the_limit_comes_from_the_environment(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of no bytes keeps nothing; what is no number is refused."""
    monkeypatch.setenv("MPQSEARCH_CACHE_BYTES", "0")
    runs = tmp_path / "runs"
    assert mpqsearch("run", "--study", tiny_study, "--runs", runs, "--trials", 3).code == 0
    told = json.loads(mpqsearch("cache", "--json").out)
    assert (told["limit_bytes"], told["entries"]) == (0, [])
    monkeypatch.setenv("MPQSEARCH_CACHE_BYTES", "two")
    assert "MPQSEARCH_CACHE_BYTES" in said_by(mpqsearch("cache"))


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that can only be read."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_read_only_cache_costs_one_line_of_the_log(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, locked: Path
) -> None:
    """The run goes on without it, and says so once."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--cache", locked, "--trials", 8)
    assert mpqsearch(*command).code == 0
    log = (runs / "tiny" / "log.txt").read_text()
    assert log.count("float phase at input length") == 2
    assert log.count("WARNING") == 1
    assert f"cache folder {locked}: Read-only file system; going on without it" in log


def test_a_folder_that_is_none_is_said_in_one_line(mpqsearch: Command, tmp_path: Path) -> None:
    """A file where the folder should be has no entries; a run there goes on without a cache."""
    (tmp_path / "file").touch()
    shown = mpqsearch("cache", "--cache", tmp_path / "file")
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == "0 entries, 0.0 MB of 2000 MB"


def test_the_cache_is_listed_without_torch(tmp_path: Path) -> None:
    """`mpqsearch cache` needs no PyTorch, which takes seconds to start."""
    program = (
        "import sys; from mpqsearch.cli import app; app(['cache'], standalone_mode=False);"
        " assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
