# SPDX-License-Identifier: Apache-2.0
"""What people see on terminals of any kind: a real one of some width, a dumb one, a pipe."""

import dataclasses
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from hardware.candidate import Candidate
from mpqsearch import terminal
from mpqsearch.storage import About
from mpqsearch.trials import Outcome, TrialRecord
from tests.commands import start

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3|4|9|10)[0-9](?:;[0-9]+)*m")


def on_terminal(columns: int, cwd: Path, *arguments: str, **environment: str) -> str:
    """What a command shows on a terminal of so many columns, control sequences and all."""
    process, terminal_end = pty.fork()
    if process == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.chdir(cwd)
        # Not by os.environ alone: a library may have set COLUMNS where Python does not see it.
        kept = {name: os.environ[name] for name in os.environ.keys() - {"NO_COLOR", "COLUMNS"}}
        command = [sys.executable, "-m", "mpqsearch", *arguments]
        _ = 0
        os.execve(sys.executable, command, {**kept, "TERM": "xterm-256color", **environment})  # noqa: S606
    shown = b""
    while True:
        try:
            part = os.read(terminal_end, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal_end)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown.decode()
    return shown.decode()


def lines_of(shown: str) -> list[str]:
    """What stood on each line, whatever was drawn over it."""
    return [line for line in re.split(r"[\r\n]+", CONTROL.sub("", shown)) if line.strip()]


def record(number: int, bits: int, layers: int = 4, **known: object) -> TrialRecord:
    made = TrialRecord(
        number=number,
        candidate=Candidate(128, (bits,) * layers),
        outcome=Outcome.SCORED,
        accuracy=0.9,
        latency_us=12345.6,
        energy_uj=1234.56,
        size_bytes=443_210 + bits,
        cost_origin="analytic",
        seed_accuracies=(0.9, 0.9),
        test_accuracy=0.9,
    )
    return dataclasses.replace(made, **known)  # type: ignore[arg-type]


def progress_on(columns: int, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What progress draws on a terminal of so many columns, of a search of four candidates."""
    text = io.StringIO()
    known = {"TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    console = Console(file=text, force_terminal=True, _environ=known)
    monkeypatch.setattr(terminal, "err", console)
    with terminal.TerminalProgress() as progress:
        for done in range(1, 4):
            progress.advance(record(done, 8), done, 4)
        progress.advance(record(4, 8, outcome=Outcome.PRUNED), 4, 4)
    return text.getvalue()


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_progress_is_whole_on_a_terminal_of_any_width(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut, and no line is wider than the terminal; what there is room for is told."""
    progress = lines_of(progress_on(columns, monkeypatch))
    assert progress[-1].startswith("best 90.00%")
    assert "4/4 0:00:00 ETA 0:00:00" in progress[-1]
    assert all(len(line) <= columns and "…" not in line for line in progress)
    assert any("float phase" in line for line in progress) == (columns == 120)
    assert ("1 stopped early" in progress[-1]) == (columns == 120)
    assert ("━" in progress[-1]) == (columns > 40)


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each candidate, and no control sequence."""
    shown = progress_on(60, monkeypatch, TERM="dumb")
    assert "\x1b" not in shown
    assert [line.split()[0] for line in lines_of(shown)] == ["1/4", "2/4", "3/4", "4/4"]


def test_a_real_terminal_of_60_columns_without_colours(tiny_study: Path) -> None:
    """A whole run: NO_COLOR takes every colour, and no line but the table's is wider."""
    shown = on_terminal(60, tiny_study.parent, "run", "--study", "tiny.yaml", NO_COLOR="1")
    assert "\x1b" in shown
    assert not COLOUR.search(shown)
    lines = lines_of(shown)
    assert "…" not in "".join(lines)
    assert any("12/12" in line for line in lines)
    (head,) = [at for at, line in enumerate(lines) if line.startswith("trial")]
    (foot,) = [at for at, line in enumerate(lines) if line.startswith("bits: ")]
    assert max(map(len, lines[:head] + lines[foot:-1])) <= 60


def test_a_pipe_gets_the_same_whatever_the_environment_says(
    tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of terminals: no colour, nothing cut, plain ASCII."""
    folder = tiny_study.parent
    done = start("run", "--study", tiny_study, cwd=folder)
    assert done.stderr.splitlines()[0].startswith("1/12 ")
    assert "\x1b" not in done.stdout + done.stderr
    for name, value in (("COLUMNS", "60"), ("PYTHONIOENCODING", "ascii"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert start("front", "--study", "tiny", cwd=folder).stdout == done.stdout


@pytest.mark.parametrize(("layers", "broken"), [(4, False), (6, False), (24, True)])
def test_the_front_fits_100_columns(
    layers: int, broken: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of a deep network, with several seeds and a reference that does not fit."""
    names = tuple(f"conv{layer}" for layer in range(layers))
    about = About("deep", "nowhere", True, "MAX78002", names, 10)
    records = [
        record(1000, 2, layers),
        record(1001, 8, layers, reference="uniform 8", outcome=Outcome.INFEASIBLE),
    ]
    terminal.print_front(about, records)
    lines = capsys.readouterr().out.splitlines()
    (head,) = [at for at, line in enumerate(lines) if line.startswith("trial")]
    (foot,) = [at for at, line in enumerate(lines) if line.startswith("bits: ")]
    table = lines[head:foot]
    assert max(len(line) for line in table) <= 100
    assert any("uniform 8: does not fit" in line for line in table)
    assert ("-".join("2" * layers) in "\n".join(table)) is not broken
    joined = "".join(
        line.split()[0 if at else 2] for at, line in enumerate(table[1 : len(table) // 2 + 1])
    )
    assert joined == "-".join("2" * layers)
