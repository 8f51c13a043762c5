# SPDX-License-Identifier: Apache-2.0
"""What a run rests on: versions, commit, machine, environment variables."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import mpqsearch

PACKAGES = ("torch", "optuna", "numpy", "scipy", "scikit-learn", "pydantic")

STORAGE_VARIABLE = "MPQSEARCH_STORAGE"
"""Environment variable of --storage: later commands take the password from it."""
CACHE_VARIABLE = "MPQSEARCH_CACHE"
LIMIT_VARIABLE = "MPQSEARCH_CACHE_BYTES"
"""Environment variables of --cache and --cache-bytes."""
ALLOW_CODE_VARIABLE = "MPQSEARCH_ALLOW_CODE"
"""Environment variable that is 1 where every study's own Python file may run."""


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide a result; 'missing' where one is not installed."""
    found = {"mpqsearch": mpqsearch.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def source_commit() -> str | None:
    """Commit of the clone mpqsearch runs from, with `-dirty` where files differ; None outside."""
    home = Path(mpqsearch.__file__).resolve().parent.parent
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command)
            command, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def describe_environment() -> dict[str, Any]:
    """Versions, commit and machine, as kept beside every run."""
    return {
        "versions": package_versions(),
        "commit": source_commit(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
    }
