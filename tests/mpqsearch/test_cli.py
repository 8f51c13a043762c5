# SPDX-License-Identifier: Apache-2.0
"""A wrong request gives one line on standard error, exit code 2, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Answer, Command, contents, said_by, start

INDOOR = "task: indoor\nspace:\n  input_length: [5]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--nope", "No such option: --nope; see mpqsearch --help"),
        ("fornt", "No such command 'fornt'. Did you mean 'front'?; see mpqsearch --help"),
        ("run", "Missing option '--study' / '-s'; see mpqsearch --help"),
        ("run --study", "Option '--study' requires an argument; see mpqsearch --help"),
        ("run --study digits --trails 3", "No such option: --trails"),
        ("run --study digits more", "Got unexpected extra argument(s) (more)"),
        ("run --study digits --trials ten", "Invalid value for '--trials'"),
        (
            "run --study digits --trials 0",
            "--trials: 'search.trials' must be in 1..1000000 but is 0",
        ),
        ("run --study digits --seed -1", "--seed: 'seed' must be in 0..4294967295 but is -1"),
        ("run --study digits --threads 0", "--threads must be in 1..1024 but is 0"),
        ("run --study digits --data .", "--data: task digits reads no folder; leave --data out"),
        ("run --study digits --name a/b", "a run's name must be 1 to 100 letters"),
        ("run --study digts", "no study is called 'digts'"),
        ("run --study none.yaml", "study file none.yaml does not exist"),
        ("cost --study indoor", "--study needs --bits, one width a layer like 8-8-2-4"),
        (
            "cost --study indoor --bits 8-8-2",
            "bits must name 4 widths (conv1, conv2, fc1, fc2) but 3 were given: 8-8-2",
        ),
        ("cost --study indoor --bits 8-8-8-8-8", "bits must name 4 widths"),
        ("cost --study indoor --bits 8_8", "bits must be written like 8-8-2-4"),
        (
            "cost --study indoor --bits abc",
            "bits must be written like 8-8-2-4, one width a layer, but are 'abc'",
        ),
        ("cost --study indoor --bits=", "bits must be written like 8-8-2-4"),
        ("cost --study indoor --bits 8--8", "bits must be written like 8-8-2-4"),
        ("cost --study indoor --bits 3-3-3-3", "bits must be 1, 2, 4 or 8 but are 3-3-3-3"),
        (
            "cost --study indoor --bits 8-8-8-8 --length 0",
            "input length must be at least 1 but is 0",
        ),
        (
            "cost --study indoor --bits 8-8-8-8 --length 999",
            "input length must be in 1..101, what a crop of the data can give, but is 999",
        ),
        ("cost --study indoor --bits 8-8-8-8 --length x", "Invalid value for '--length'"),
        (
            "cost --study indoor --bits 8-8-8-8 --chip MAX7800",
            "chip must be one of MAX78000, MAX78002 but is 'MAX7800'; did you mean MAX78002?",
        ),
        ("cost --study indoor --bits 8-8-8-8 --chip=", "chip must be one of MAX78000, MAX78002"),
        ("front", "Missing option '--study' / '-s'; see mpqsearch --help"),
        (
            "front --study digits",
            "no run of study 'digits' in runs; there are none, mpqsearch run --study starts one",
        ),
        ("front --study ../digits", "a run's name must be 1 to 100 letters"),
    ],
)
def test_a_wrong_request_is_one_line(
    arguments: str, said: str, mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the option or key, the value and what is allowed; no folder is made."""
    monkeypatch.chdir(tmp_path)
    assert said_by(mpqsearch(*arguments.split())).startswith(said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (INDOOR + "sede: 1\n", "unknown key 'sede'; allowed here: "),
        (INDOOR + "seed: 1\nseed: 2\n", "line 5: key 'seed' stands twice"),
        (INDOOR + "search: {trials: 0}\n", "'search.trials' must be in 1..1000000 but is 0"),
        (INDOOR + "chip: '\x1b[31mred'\n", "not a YAML file: it holds bytes that are no text"),
        (INDOOR + 'chip: "\\e[31m\\n\\u2028red"\n', "chip must be one of MAX78000, MAX78002"),
        (INDOOR + f"chip: {'x' * 100_000}\n", "chip must be one of MAX78000, MAX78002"),
    ],
)
def test_the_command_refuses_a_bad_study_file(text: str, said: str, tmp_path: Path) -> None:
    """In a real process too, whatever the file holds: one printable line of bearable length."""
    (tmp_path / "bad.yaml").write_text(text)
    done = start("run", "--study", "bad.yaml", cwd=tmp_path)
    line = said_by(Answer(done.returncode, done.stdout, done.stderr))
    assert line.startswith(f"bad.yaml: {said}")
    assert line.isprintable()
    assert len(line) < 1100
    assert [file.name for file in tmp_path.iterdir()] == ["bad.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("cost --study indoor --bits 8-8", "bits must name 4 widths"),
        ("front --study none", "no run of study 'none' in runs"),
        ("run --study", "Option '--study' requires an argument"),
    ],
)
def test_the_command_refuses_a_bad_option(arguments: str, said: str, tmp_path: Path) -> None:
    """The real command, a sample of what the table above tries in this process."""
    done = start(*arguments.split(), cwd=tmp_path)
    assert said_by(Answer(done.returncode, done.stdout, done.stderr)).startswith(said)


def test_without_arguments_it_helps(mpqsearch: Command) -> None:
    """`mpqsearch` alone shows its commands on standard output."""
    answer = mpqsearch()
    assert (answer.code, answer.err) == (0, "")
    assert all(command in answer.out for command in ("run", "front", "cost", "doctor"))


def test_traceback_shows_where(tmp_path: Path) -> None:
    """With --traceback the error comes with the place it arose."""
    done = start("--traceback", "front", "--study", "none", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback (most recent call last)" in done.stderr
    assert "StudyError: no run of study 'none'" in done.stderr


def test_a_fault_of_ours_is_no_wrong_request(
    mpqsearch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ValueError from elsewhere exits with 1 and says that it is unexpected."""

    def broken(*_: object, **__: object) -> None:
        raise ValueError("from a library")

    monkeypatch.setattr("mpqsearch.pricing.read_study", broken)
    answer = mpqsearch("cost", "--study", "digits", "--bits", "8-8-8-8")
    assert answer.code == 1
    assert answer.err == (
        "mpqsearch: error: ValueError: from a library (unexpected; --traceback shows where)\n"
    )


def test_cost_is_printed_as_json(mpqsearch: Command) -> None:
    """`--json` gives one JSON document and nothing else."""
    answer = mpqsearch("cost", "--study", "indoor", "--bits", "8-8-8-8", "--json")
    assert (answer.code, answer.err) == (0, "")
    found = json.loads(answer.out)
    assert found["bits"] == "8-8-8-8"
    assert found["chip"] == "MAX78002"
    assert found["fits"] is True


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "does not exist"),
        (lambda place: place.mkdir(), "recordings"),
        (lambda place: place.write_text("x"), "recordings"),
    ],
    ids=["missing", "empty", "a file"],
)
def test_data_that_are_not_there_are_named(
    make: Callable[[Path], object], said: str, mpqsearch: Command, tmp_path: Path
) -> None:
    """A data folder that is missing, empty or a file is named, before a run folder is made."""
    place = tmp_path / "recordings"
    make(place)
    runs = tmp_path / "runs"
    line = said_by(mpqsearch("run", "--study", "indoor", "--data", place, "--runs", runs))
    assert line.startswith(f"data of task indoor: {place}")
    assert said in line
    assert not runs.exists()


def test_a_run_folder_under_a_file_is_refused(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Where a file stands in the way, the line says so and how to go on."""
    file = tmp_path / "file"
    file.write_text("mine")
    line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", file / "runs"))
    assert line == (
        f"run folder {file}/runs/tiny cannot be written: Not a directory; choose another with"
        " --runs"
    )
    assert file.read_text() == "mine"


def test_a_run_folder_that_cannot_be_written_is_refused(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A read-only place is found before any work; for root, a place of the system."""
    place = tmp_path / "read-only"
    place.mkdir(mode=0o555)
    if os.access(place, os.W_OK):
        place = Path("/proc")
        if not place.is_dir():
            pytest.skip("root may write everywhere here")
    line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", place))
    assert line.startswith(f"run folder {place}/tiny cannot be written: ")
    assert line.endswith("; choose another with --runs")


def test_a_run_folder_in_use_is_refused(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """While one process runs there, a second one is sent away at once."""
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    holder = (
        "import sys\nfrom filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(folder / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", folder.parent))
        other.communicate()
    assert line == (
        f"another mpqsearch is running in {folder}; wait for it, or use another --runs or --name"
    )
    assert set(contents(folder)) <= {"lock"}


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("gpu", "--device must be one of auto, cpu, cuda but is 'gpu'"),
        ("cuda", "PyTorch sees no GPU here; install its CUDA build"),
    ],
)
def test_a_device_that_is_not_there_is_refused(
    mpqsearch: Command,
    tiny_study: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    words: str,
) -> None:
    """Before anything is trained, with what to do instead."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    runs = tiny_study.parent / "runs"
    assert words in said_by(
        mpqsearch("run", "--study", tiny_study, "--runs", runs, "--device", device)
    )
    assert not runs.exists()
