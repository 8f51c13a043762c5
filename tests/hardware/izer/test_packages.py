# SPDX-License-Identifier: Apache-2.0
"""The izer's packages: which are asked for, and what is said where they cannot be had."""

import subprocess
from pathlib import Path

import pytest

from hardware.izer import install as install_module
from hardware.izer.toolchain import IzerError, ToolchainError


class Programs:
    """Stands for pip: which packages can be had, and what was asked for."""

    def __init__(self, *missing: str, said: str = "ERROR: No matching distribution") -> None:
        self.asked: list[tuple[str, ...]] = []
        self._missing = missing
        self._said = said

    def __call__(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        packages = tuple(command[command.index("--retries") + 2 :]) if "pip" in command else ()
        self.asked += [packages] if packages else []
        failed = bool(set(self._missing) & {*packages, " ".join(packages)})
        return subprocess.CompletedProcess(command, int(failed), "", self._said if failed else "")


@pytest.mark.parametrize(
    ("missing", "tried"),
    [
        pytest.param([], 1, id="plain"),
        pytest.param(["torch==2.13.0+cpu"], 3, id="nowhere"),
    ],
)
def test_a_cpu_build_of_torch_is_asked_for_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str], tried: int
) -> None:
    """As configured, then from PyTorch's own index, and only then the one with CUDA."""
    programs = Programs(*missing)
    monkeypatch.setattr(install_module, "finished", programs)
    install_module.make_environment("python", tmp_path, "2.13.0+cu126", lambda _: None)
    assert "numpy==1.26.4" in programs.asked[0]
    cpu = "torch==2.13.0+cpu"
    wheels = "https://download.pytorch.org/whl/cpu"
    attempts = [(cpu,), ("--extra-index-url", wheels, cpu), ("torch==2.13.0",)]
    assert programs.asked[1:] == attempts[:tried]


def test_packages_that_cannot_be_had_fail_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that failed is a failed run; a full disk is the user's to empty."""
    monkeypatch.setattr(install_module, "finished", Programs("numpy==1.26.4"))
    with pytest.raises(IzerError, match="failed: No matching distribution; check the network"):
        install_module.make_environment("python", tmp_path, "2.13.0", lambda _: None)
    full = Programs("torch==2.13.0+cpu", said="ERROR: [Errno 28] No space left on device")
    monkeypatch.setattr(install_module, "finished", full)
    with pytest.raises(ToolchainError, match="no space left on device; make room"):
        install_module.make_environment("python", tmp_path, "2.13.0", lambda _: None)
    assert len(full.asked) == 2
