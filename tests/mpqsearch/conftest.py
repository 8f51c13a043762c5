# SPDX-License-Identifier: Apache-2.0
"""A run with exports that can be measured; database servers that runs share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpqsearch import allowed_code
from tests.commands import start
from tests.compilers import need
from tests.conftest import write_tiny_study
from tests.mpqsearch.measurable_exports import bring_firmware
from tests.mpqsearch.servers import Server, Servers


@pytest.fixture(scope="session")
def measurable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run with three exports, each with its firmware; not to be changed."""
    need("cc", "make")
    folder = tmp_path_factory.mktemp("measurable")
    write_tiny_study(folder)
    run = ("run", "--study", "tiny.yaml", "--trials", 4, "--cache", folder / "cache")
    assert start(*run, cwd=folder).returncode == 0
    for trial in range(3):
        done = start("export", "--study", "tiny", "--trial", trial, "--no-izer", cwd=folder)
        assert done.returncode == 0, done.stderr
    for pick in (folder / "runs/tiny/export").iterdir():
        if pick.is_dir():
            bring_firmware(pick)
    return folder


@pytest.fixture
def exports(measurable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the three, to write to; the current folder is the study's."""
    for name in ("MAXIM_PATH", "OPENOCD", "AI8X_SYNTHESIS"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "place"
    shutil.copytree(measurable, place, ignore=shutil.ignore_patterns("cache"))
    resolved = place / "runs/tiny/study.yaml"
    resolved.write_text(resolved.read_text().replace(str(measurable), "../.."))
    monkeypatch.chdir(place)
    return place / "runs/tiny/export"


@pytest.fixture
def nothing_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has never allowed any code; gives the file in which it is remembered."""
    monkeypatch.delenv("MPQSEARCH_ALLOW_CODE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(allowed_code, "_allowed_here", set())
    return tmp_path / "state/mpqsearch/allowed-code.txt"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    found = Servers()
    yield found
    found.close()


@pytest.fixture
def server(servers: Servers, request: pytest.FixtureRequest) -> Server:
    """PostgreSQL, or the kind that `every_server` says."""
    return servers.of_kind(getattr(request, "param", "postgresql"))


@pytest.fixture
def url(servers: Servers, server: Server) -> str:
    """A new, empty database of the server."""
    return servers.new_database(server)
