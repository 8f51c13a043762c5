# SPDX-License-Identifier: Apache-2.0
"""Programs that an installation runs: they end when it does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hardware.izer.child_process import finished
from hardware.izer.toolchain import IzerError


def test_an_interrupt_ends_the_programs_children(tmp_path: Path) -> None:
    """Nothing goes on writing behind the message."""
    (tmp_path / "run.py").write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "from hardware.izer.child_process import finished\n"
        f"finished(['sh', '-c', 'sleep 60 & echo $! >{tmp_path}/child; wait'])\n"
    )
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, str(tmp_path / "run.py"), str(root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        child = tmp_path / "child"
        while not (child.exists() and child.read_text().endswith("\n")):
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) != 0
    number = int(child.read_text())
    state = Path(f"/proc/{number}/stat")
    for _ in range(2000):  # it ends at once, but a busy machine may take its time
        if not _alive(number, state):
            break
        time.sleep(0.01)
    assert not _alive(number, state)


def _alive(number: int, state: Path) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_hangs_is_ended() -> None:
    """With a line that names it."""
    with pytest.raises(IzerError, match="sleep 60 took more than 1 s"):
        finished(["sleep", "60"], 1)
