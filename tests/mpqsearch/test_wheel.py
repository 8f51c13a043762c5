# SPDX-License-Identifier: Apache-2.0
"""What a wheel holds."""

import email
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"hardware", "mpqsearch", "objectives", "studies"}
FILES = ("pyproject.toml", "README.md", "LICENSE")


def test_packages_are_the_folders_that_hold_one() -> None:
    """The packages listed are those with an `__init__.py`: a folder git does not keep is none."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = settings["tool"]["setuptools"]["packages"]
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for file in (ROOT / package).rglob("__init__.py")
    }
    assert sorted(listed) == sorted(there)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy, so that nothing is left in the clone."""
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, clone / package, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, clone)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(out), str(clone)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.slow
def test_top_level_is_exactly_ours(wheel: zipfile.ZipFile) -> None:
    """Four packages and the metadata: no tests, no benchmarks, no stray folder."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (metadata,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == PACKAGES | {metadata}


@pytest.mark.slow
def test_every_source_file_is_in(wheel: zipfile.ZipFile) -> None:
    """No module, type marker or study is forgotten, in a sub-package neither."""
    wanted = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for pattern in ("*.py", "*.yaml", "py.typed")
        for file in (ROOT / package).rglob(pattern)
    }
    assert "studies/indoor.yaml" in wanted
    assert wanted <= set(wheel.namelist())


@pytest.mark.slow
def test_it_is_not_for_upload(wheel: zipfile.ZipFile) -> None:
    """The classifier that makes an index refuse the upload stands in the metadata."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(wheel.read(name))
    assert "Private :: Do Not Upload" in (metadata.get_all("Classifier") or [])
    assert metadata["Name"] == "mpqsearch"


@pytest.mark.slow
def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    """The wheel brings the `mpqsearch` command."""
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "mpqsearch = mpqsearch.__main__:main" in wheel.read(name).decode()
