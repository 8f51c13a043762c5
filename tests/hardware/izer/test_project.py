# SPDX-License-Identifier: Apache-2.0
"""The folder for the izer and its script, which runs without this project."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.project import (
    CHECKPOINT,
    KNOWN_ANSWER,
    NETWORK,
    SAMPLE,
    SCRIPT,
    Project,
    arch_name,
    write_inputs,
)
from hardware.izer.proof import differences
from hardware.izer.synthesis import read_synthesis
from hardware.izer.toolchain import Toolchain
from hardware.network import Network, conv, linear
from hardware.placement.limits import DoesNotFit
from tests.hardware.izer_projects import integer_case

CHIPS = (MAX78000, MAX78002)
ODD = 'it\'s "a" $HOME `folder` ä'

FAKE = """\
import pathlib, shutil, sys
given = dict(zip(sys.argv[1:], sys.argv[2:]))
assert "--overwrite" in sys.argv
assert pathlib.Path("assets").resolve() == pathlib.Path(__file__).resolve().parent / "assets"
made = pathlib.Path(given["--test-dir"]) / given["--prefix"]
made.mkdir(parents=True, exist_ok=True)
shutil.copy("known_answer.npy", made / given["--sample-numpy-filename"])
with open("runs.txt", "a") as file:
    file.write(f"{made}\\n")
"""


def project(about: str = "a test", bits: tuple[int, int] = (8, 4)) -> Project:
    plans = [conv("a", 4, kernel=3, padding=1), linear("b", 3)]
    network = Network.chain(2, (9,), plans)
    case = integer_case(network, bits, MAX78002, (), 1)
    return Project("9-8-4", "net", about, case.integers, case.inputs)


def filled(folder: Path, one: Project | None = None) -> Path:
    folder.mkdir(parents=True)
    write_inputs(folder, one or project(), CHIPS, max_speed=True)
    return folder


def fake_checkout(folder: Path, program: str = FAKE) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "ai8xize.py").write_text(program)
    return folder


def run(
    folder: Path, where: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The script by /bin/sh, with the variables given and few others."""
    return subprocess.run(
        ["/bin/sh", str(folder / SCRIPT)],
        cwd=where or folder,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": "/x", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def links(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if one.is_symlink()]


def assert_no_path(folder: Path, *paths: Path) -> None:
    """No file names a folder of this machine."""
    files = [one for one in folder.rglob("*") if one.is_file()]
    assert len(files) >= 5
    for file in files:
        content = file.read_bytes()
        for path in paths:
            assert str(path).encode() not in content, file


def test_what_is_written(tmp_path: Path) -> None:
    """Inputs, known answer and script; int64 sample, and the script may be run."""
    folder = filled(tmp_path / "out")
    assert {one.name for one in folder.iterdir()} == {
        CHECKPOINT,
        KNOWN_ANSWER,
        NETWORK,
        SAMPLE,
        SCRIPT,
    }
    sample = np.load(folder / SAMPLE, allow_pickle=False)
    assert (sample.dtype, sample.tolist()) == (np.int64, project().sample.tolist())
    answer = np.load(folder / KNOWN_ANSWER, allow_pickle=False)
    logits = project().integers.logits(project().sample[np.newaxis])[0]
    assert answer.tolist() == logits.tolist()
    assert (folder / SCRIPT).stat().st_mode & stat.S_IXUSR
    assert_no_path(folder, tmp_path, Path(__file__).resolve().parents[3], Path.home())


def test_two_exports_are_the_same_bytes(tmp_path: Path) -> None:
    """Nothing of the day or the folder is in them."""
    one, other = filled(tmp_path / "one"), filled(tmp_path / "zwei ü")
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


def test_a_vector_is_an_image_of_one_pixel(tmp_path: Path) -> None:
    """As the izer wants the input of a network without convolutions."""
    network = Network.chain(5, (), [linear("a", 3)])
    case = integer_case(network, (8,), MAX78002, (), 1)
    filled(tmp_path / "out", Project("5-8", "net", "a test", case.integers, case.inputs))
    assert np.load(tmp_path / "out" / SAMPLE, allow_pickle=False).shape == (5, 1, 1)


def test_what_fits_one_chip_alone_is_not_written_for_both(tmp_path: Path) -> None:
    """Nothing is written then."""
    wide = Network.chain(64, (30, 30), [conv(f"c{n}", 64, kernel=3) for n in range(14)])
    layers = tuple(
        IntegerLayer(np.ones(one.weight_shape, np.int8), np.ones(64, np.int8), 8, 0)
        for one in wide.layers
    )
    sample = np.zeros((64, 30, 30), np.int8)
    big = Project("30-8", "net", "a test", IntegerNetwork(wide, layers), sample)
    big.places(MAX78002)
    with pytest.raises(DoesNotFit, match="MAX78000"):
        write_inputs(tmp_path, big, (MAX78002, MAX78000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("indoor", "indoor"),
        ("my study-2.b", "my_study_2_b"),
        ("größe", "gr__e"),
        ("test", "net_test"),
        ("", "net_"),
    ],
)
def test_names_of_architectures(study: str, name: str) -> None:
    """For `test` the izer would make up weights."""
    assert arch_name(study) == name


def test_the_script_runs_every_program_of_every_chip(tmp_path: Path) -> None:
    """From anywhere, twice, and leaves no links behind."""
    folder = filled(tmp_path / ODD)
    checkout = fake_checkout(tmp_path / "check out")
    told = {"AI8X_SYNTHESIS": str(checkout), "AI8X_SYNTHESIS_PYTHON": sys.executable}
    for where in (folder, tmp_path):
        done = run(folder, where, **told)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("the known answer is as scored") == 4
        assert links(folder) == []
    assert (folder / "runs.txt").read_text().splitlines() == [
        "MAX78000/9-8-4",
        "MAX78000/9-8-4-energy",
        "MAX78002/9-8-4",
        "MAX78002/9-8-4-energy",
    ] * 2


@pytest.mark.parametrize("name", ["bin/python3", "./bin/python3", "python3-of-the-izer"])
def test_checkout_and_python_may_be_named_from_where_one_is(tmp_path: Path, name: str) -> None:
    """By a path from there, or as a program on the path."""
    folder = filled(tmp_path / "out")
    fake_checkout(tmp_path / "izer")
    (tmp_path / "bin").mkdir()
    for link in ("bin/python3", "bin/python3-of-the-izer"):
        (tmp_path / link).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (tmp_path / link).chmod(0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    told = {"AI8X_SYNTHESIS": "izer", "AI8X_SYNTHESIS_PYTHON": name, "PATH": path}
    done = run(folder, tmp_path, **told)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("as scored") == 4


def test_an_interpreter_beside_the_checkout_is_found(tmp_path: Path) -> None:
    """As `mpqsearch izer install` leaves it, in the user's data folder."""
    folder = filled(tmp_path / "out")
    checkout = fake_checkout(tmp_path / "data" / "mpqsearch" / "ai8x-synthesis")
    (checkout / "venv" / "bin").mkdir(parents=True)
    python = checkout / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = run(folder, XDG_DATA_HOME=str(tmp_path / "data"))
    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_izer_the_script_says_what_to_do(tmp_path: Path) -> None:
    """Exit code 2, and nothing is changed."""
    folder = filled(tmp_path / "out")
    before = sorted(folder.iterdir())
    for told in ({}, {"AI8X_SYNTHESIS": str(tmp_path)}):
        done = run(folder, **told)
        assert done.returncode == 2
        assert "set AI8X_SYNTHESIS to a checkout" in done.stderr
        assert "mpqsearch izer install" in done.stderr
    bare = subprocess.run(
        ["/bin/sh", str(folder / SCRIPT)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 2
    assert "set AI8X_SYNTHESIS to a checkout" in bare.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("", "no Python for ai8x-synthesis beside"),
        ("/nowhere/python", "AI8X_SYNTHESIS_PYTHON is /nowhere/python, which is no program"),
        ("no-such-python", "AI8X_SYNTHESIS_PYTHON is no-such-python, which is no program"),
        (".", r"AI8X_SYNTHESIS_PYTHON is ., which is no program"),
    ],
)
def test_without_its_python_the_script_says_so(tmp_path: Path, python: str, words: str) -> None:
    """Exit code 2: the one that was named is never replaced by another."""
    folder = filled(tmp_path / "out")
    checkout = fake_checkout(tmp_path / "izer")
    done = run(folder, AI8X_SYNTHESIS=str(checkout), AI8X_SYNTHESIS_PYTHON=python)
    assert done.returncode == 2
    assert words in done.stderr
    assert links(folder) == []


def test_another_known_answer_is_a_failure(tmp_path: Path) -> None:
    """It names the project and both answers, and stops there."""
    folder = filled(tmp_path / "out")
    other = FAKE + 'import numpy as np; np.save(made / "answer.npy", np.array([[[1]], [[2]]]))\n'
    checkout = fake_checkout(tmp_path / "izer", other)
    told = {"AI8X_SYNTHESIS": str(checkout), "AI8X_SYNTHESIS_PYTHON": sys.executable}
    done = run(folder, **told)
    assert done.returncode not in (0, 2)
    wanted = np.load(folder / KNOWN_ANSWER).tolist()
    assert f"MAX78000/9-8-4/answer.npy: the known answer is [1, 2], not {wanted}" in done.stderr
    assert (folder / "runs.txt").read_text() == "MAX78000/9-8-4\n"
    assert links(folder) == []


def test_a_failure_of_the_izer_is_one_of_the_script(tmp_path: Path) -> None:
    """What it said is there to read."""
    folder = filled(tmp_path / "out")
    checkout = fake_checkout(tmp_path / "izer", 'raise SystemExit("ERROR: no")')
    done = run(folder, AI8X_SYNTHESIS=str(checkout), AI8X_SYNTHESIS_PYTHON=sys.executable)
    assert (done.returncode, done.stderr) == (1, "ERROR: no\n")
    assert links(folder) == []


def test_an_interrupted_script_leaves_no_links(tmp_path: Path) -> None:
    """Ctrl-C reaches it and the izer."""
    folder = filled(tmp_path / "out")
    checkout = fake_checkout(tmp_path / "izer", FAKE + "import time; time.sleep(60)\n")
    with subprocess.Popen(
        ["/bin/sh", str(folder / SCRIPT)],
        env={
            "PATH": os.environ["PATH"],
            "AI8X_SYNTHESIS": str(checkout),
            "AI8X_SYNTHESIS_PYTHON": sys.executable,
        },
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as script:
        until = time.monotonic() + 60
        while not (folder / "runs.txt").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert len(links(folder)) == 2
        os.killpg(script.pid, signal.SIGINT)
        assert script.wait(timeout=30) != 0
    assert links(folder) == []


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "shellcheck"])
def test_the_script_is_plain_shell(tmp_path: Path, shell: str) -> None:
    """To every shell that is here, whatever the project is about."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    about = "it's `one` $(line)\ntouch here; \\ \x07 @RUNS@"
    folder = filled(tmp_path / "out", project(about))
    check = [shell] if shell == "shellcheck" else [shell, "-n"]
    done = subprocess.run(
        [*check, str(folder / SCRIPT)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (folder / SCRIPT).read_text().splitlines()
    assert lines[1] == "# it's `one` $(line) touch here; \\ ? @RUNS@"


@pytest.mark.izer
@pytest.mark.slow
def test_the_script_with_the_real_izer(toolchain: Toolchain, tmp_path: Path) -> None:
    """Twice, in a folder with an odd name: every project holds what was scored, and no paths."""
    folder = filled(tmp_path / ODD)
    told = {
        "AI8X_SYNTHESIS": str(toolchain.checkout),
        "AI8X_SYNTHESIS_PYTHON": str(toolchain.python),
    }
    written = []
    for where in (folder, tmp_path):
        done = run(folder, where, **told)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("the known answer is as scored") == 4
        written.append({one: one.read_bytes() for one in folder.rglob("*.h")})
        assert links(folder) == []
        for chip in CHIPS:
            for name in ("9-8-4", "9-8-4-energy"):
                made = read_synthesis(folder / chip.name / name, done.stdout)
                assert list(differences(project(), chip, made)) == []
    assert written[0] == written[1]
    assert len(written[0]) > 8
    assert_no_path(folder, tmp_path, toolchain.checkout, toolchain.checkout.resolve())
