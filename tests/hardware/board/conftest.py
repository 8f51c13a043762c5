# SPDX-License-Identifier: Apache-2.0
"""A simulated board that holds a small network; its core is compiled with sanitizers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.board.link import Link, open_link
from hardware.board.simulated import SimulatedBoard, SimulatedProject
from tests.compilers import SANITIZERS, make, need
from tests.hardware.board_projects import small_project

PATIENCE_S = 0.2


@pytest.fixture(scope="session")
def host_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host port; memory errors and undefined behaviour end it."""
    need("cc", "make")
    build = tmp_path_factory.mktemp("host")
    make("host", build, f"SANITIZE={SANITIZERS}")
    return build / "harness"


@pytest.fixture(scope="session")
def project() -> SimulatedProject:
    return small_project()


@pytest.fixture
def simulated(host_program: Path, project: SimulatedProject) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(host_program, project) as board:
        yield board


@pytest.fixture
def link(simulated: SimulatedBoard) -> Iterator[Link]:
    with open_link(simulated.port, PATIENCE_S) as opened:
        yield opened
