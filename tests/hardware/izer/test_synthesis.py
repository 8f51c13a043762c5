# SPDX-License-Identifier: Apache-2.0
"""Running the izer: what it is given, and what is made of its refusals, failures and silence."""

import json
import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hardware.izer.synthesis
from hardware.chips import MAX78000, MAX78002
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.project import Project, Variant
from hardware.izer.synthesis import (
    LINKED,
    first_differing_layer,
    linked,
    read_synthesis,
    synthesize,
)
from hardware.izer.toolchain import IzerError, Toolchain
from hardware.network import Network, linear

LOG = """\
Hardware: 1,234 ops (1,200 macc; 30 comp; 4 add; 0 mul; 0 bitwise)
RESOURCE USAGE
Weight memory: 26,660 bytes out of 2,396,160 bytes total (1.1%)
Bias memory:   224 bytes out of 8,192 bytes total (2.7%)
"""
WRITES = f"""
import pathlib
made = pathlib.Path(given["--test-dir"]) / given["--prefix"]
made.mkdir(parents=True)
(made / "log.txt").write_text({LOG!r})
"""

Izer = Callable[[str], Toolchain]


@pytest.fixture
def fake(tmp_path: Path) -> Izer:
    """A checkout, in a folder with a space, whose program does as it is told."""

    def make(body: str) -> Toolchain:
        checkout = tmp_path / "a check out"
        (checkout / "assets").mkdir(parents=True)
        head = """
            import os, sys
            arguments = iter(sys.argv[1:])
            given = dict(zip(sys.argv[1:], sys.argv[2:]))
        """
        program = textwrap.dedent(head) + textwrap.dedent(body)
        (checkout / "ai8xize.py").write_text(program)
        return Toolchain(checkout, Path(sys.executable))

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "some in puts"
    found.mkdir()
    return found


def project() -> Project:
    """Two layers: 5 6 gives 0 6, and that 0 12."""
    network = Network.chain(2, (), [linear("a", 2, bias=False), linear("b", 2, bias=False)])
    weights = ([[-64, 0], [0, 64]], [[2, 0], [0, 2]])
    layers = [IntegerLayer(np.array(one, np.int8), None, 8, 1) for one in weights]
    sample = np.array([5, 6], np.int8)
    return Project("2-8-8", "net", "a test", IntegerNetwork(network, tuple(layers)), sample)


def failure(toolchain: Toolchain, folder: Path) -> str:
    """What is said of a failed run, which must be one line."""
    with linked(toolchain, folder), pytest.raises(IzerError) as error:
        synthesize(toolchain, folder, project(), MAX78002, Variant.LATENCY)
    assert "\n" not in str(error.value)
    assert_no_links(folder)
    return str(error.value)


def assert_no_links(folder: Path) -> None:
    assert [one.name for one in folder.iterdir() if one.is_symlink()] == []


def test_a_project_is_read_from_its_log(fake: Izer, folder: Path) -> None:
    """Counts with their commas; each warning once, notices not at all."""
    said = """
        print("NOTICE: a notice")
        print("  WARNING: not at the beginning")
        print("WARNING: one", file=sys.stderr)
        print("WARNING: two")
        print("WARNING: one")
    """
    toolchain = fake(textwrap.dedent(said) + WRITES)
    with linked(toolchain, folder):
        made = synthesize(toolchain, folder, project(), MAX78002, Variant.ENERGY)
    assert made.folder == folder / "MAX78002" / "2-8-8-energy"
    assert (made.weight_bytes, made.bias_bytes) == (26_660, 224)
    assert (made.operations, made.macs) == (1_234, 1_200)
    assert made.warnings == ("WARNING: one", "WARNING: two")
    assert_no_links(folder)


def test_a_refusal_is_the_izers_own_line(fake: Izer, folder: Path) -> None:
    """Its first error, whatever is said before and after it."""
    body = """
        print("ERROR correction is a word in another line")
        print("ERROR: Layer 1: too much", file=sys.stderr)
        print("  and a second line of it")
        sys.exit(1)
    """
    said = failure(fake(body), folder)
    assert said == "the izer failed: ERROR: Layer 1: too much"


def test_a_refusal_is_found_among_much_that_is_said(fake: Izer, folder: Path) -> None:
    """Its errors come by another stream, which must not meet the first one within a line."""
    body = """
        for number in range(1000):
            print("Reading" * 5, "of a number" * 5, number)
        print("ERROR: too much", file=sys.stderr)
        sys.exit(1)
    """
    assert failure(fake(body), folder) == "the izer failed: ERROR: too much"


def test_a_traceback_is_its_last_line(fake: Izer, folder: Path) -> None:
    """As of the izer's bare assertions."""
    assert failure(fake("raise ValueError('cannot\\nreshape')"), folder).endswith("failed: reshape")
    said = failure(fake_again(folder, "assert 1 < 0"), folder)
    assert said == "the izer failed: AssertionError"


def fake_again(folder: Path, body: str) -> Toolchain:
    """The same checkout with another program."""
    checkout = folder.parent / "a check out"
    (checkout / "ai8xize.py").write_text(body)
    return Toolchain(checkout, Path(sys.executable))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(3)", r"it said nothing \(exit code 3\)"),
        ("os.kill(os.getpid(), 9)", r"it said nothing \(exit code -9\)"),
        ("pass", "the izer wrote no log in .*2-8-8"),
        (WRITES.replace("Hardware:", "Software:"), "does not say its operations"),
        (WRITES.replace("Weight memory:", "Memory:"), "does not say its weight memory"),
        (WRITES.replace("Bias memory:", "Memory:"), "does not say its bias memory"),
        (WRITES.replace("write_text('", "write_bytes(b'\\xff"), "does not say its operations"),
    ],
)
def test_silence_and_strange_logs_are_said(fake: Izer, folder: Path, body: str, words: str) -> None:
    """One line each."""
    with pytest.raises(IzerError, match=words):
        raise IzerError(failure(fake(body), folder))


def test_an_izer_that_hangs_is_stopped(
    fake: Izer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time, and nothing of it goes on."""
    monkeypatch.setattr(hardware.izer.synthesis, "TIMEOUT_S", 1)
    body = """
        import pathlib, time
        pathlib.Path("pid").write_text(str(os.getpid()))
        time.sleep(60)
    """
    started = time.monotonic()
    assert failure(fake(body), folder) == "the izer took over 1 s and was stopped"
    assert time.monotonic() - started < 20
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_a_python_that_does_not_start_is_said(fake: Izer, folder: Path) -> None:
    """With its path."""
    toolchain = Toolchain(fake("").checkout, folder / "python")
    said = failure(toolchain, folder)
    assert said.startswith("the izer could not be started: ")
    assert "some in puts/python" in said


def test_what_it_is_given(fake: Izer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names within its folder alone, and none of our variables for Python."""
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    body = """
        import json, pathlib
        told = [sys.argv, dict(os.environ), os.getcwd(), os.listdir(), sys.stdin.read()]
        pathlib.Path("told.json").write_text(json.dumps(told))
    """
    toolchain = fake(body + textwrap.indent(WRITES, " " * 8))
    with linked(toolchain, folder):
        synthesize(toolchain, folder, project(), MAX78002, Variant.LATENCY, max_speed=True)
    arguments, environment, where, listed, stdin = json.loads((folder / "told.json").read_text())
    assert arguments[0] == "ai8xize.py"
    assert not any("/" in one for one in arguments)
    assert "--max-speed" in arguments
    assert not {"PYTHONPATH", "PYTHONSAFEPATH"} & set(environment)
    assert environment["OMP_NUM_THREADS"] == "1"
    assert (Path(where), stdin) == (folder.resolve(), "")
    assert set(LINKED) <= set(listed)


def test_the_arguments_of_each_program() -> None:
    """Full speed is the MAX78002's alone; the energy program has a name of its own."""
    one = project()
    assert "--max-speed" not in one.arguments(MAX78000, Variant.LATENCY, max_speed=True)
    assert "--max-speed" not in one.arguments(MAX78002, Variant.LATENCY)
    energy = one.arguments(MAX78002, Variant.ENERGY)
    assert "--energy" in energy
    assert energy[energy.index("--prefix") + 1] == "2-8-8-energy"
    assert "--energy" not in one.arguments(MAX78002, Variant.LATENCY)


def test_links_go_whatever_happens(fake: Izer, folder: Path) -> None:
    """After an error within, over links that are there from before, and where one cannot be set."""
    toolchain = fake("")
    (folder / "assets").symlink_to("nowhere")
    with linked(toolchain, folder):
        assert (folder / "assets").resolve() == (toolchain.checkout / "assets").resolve()
    assert_no_links(folder)
    with pytest.raises(KeyError), linked(toolchain, folder):
        raise KeyError
    assert_no_links(folder)
    (folder / "assets").mkdir()  # in the place of the second link
    with pytest.raises(OSError, match="assets"), linked(toolchain, folder):
        pass
    assert_no_links(folder)


TRACES = """
import pathlib
import numpy as np
made = pathlib.Path(given["--test-dir"]) / given["--prefix"]
made.mkdir(parents=True)
answers = {answers}
np.save(made / given["--sample-numpy-filename"], np.array(answers[int(given["--stop-after"])]))
"""


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ([[0, 6], [0, 12]], None),
        ([[[[0]], [[6]]], [[[0]], [[12]]]], None),
        ([[0, 6], [0, 13]], "b"),
        ([[1, 6], [0, 13]], "a"),
        ([[0], [0, 12]], "a"),
    ],
)
def test_the_first_layer_that_differs_is_named(
    fake: Izer, folder: Path, answers: object, name: str | None
) -> None:
    """Whatever shape the izer gives an output; its traces are gone afterwards."""
    toolchain = fake(TRACES.format(answers=answers))
    assert [one.tolist() for one in project().outputs()] == [[0, 6], [0, 12]]
    with linked(toolchain, folder):
        assert first_differing_layer(toolchain, folder, project(), MAX78002) == name
    assert list(folder.iterdir()) == []


def test_a_trace_without_an_answer_is_one_line(fake: Izer, folder: Path) -> None:
    """Where the izer ends well but leaves none."""
    toolchain = fake("")
    with linked(toolchain, folder), pytest.raises(IzerError, match=r"no answer\.npy of layer 'a'"):
        first_differing_layer(toolchain, folder, project(), MAX78002)
    assert list(folder.iterdir()) == []


def test_a_log_is_read_without_running_anything(tmp_path: Path) -> None:
    """What was said may come from anywhere."""
    (tmp_path / "log.txt").write_text(LOG)
    assert read_synthesis(tmp_path, "WARNING: x\r\n").warnings == ("WARNING: x",)
