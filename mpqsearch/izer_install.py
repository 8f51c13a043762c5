# SPDX-License-Identifier: Apache-2.0
"""What `mpqsearch izer install` does and says."""

import importlib.metadata
import shlex
from pathlib import Path
from typing import Any

from hardware.izer.install import Installation, Say, install
from hardware.izer.toolchain import installed_place
from mpqsearch.errors import StudyError


def install_izer(
    source: Path | None, interpreter: str | None, *, force: bool, say: Say
) -> Installation:
    """Installs ai8x-synthesis in the user's data folder, with the PyTorch that runs here.

    Raises:
        StudyError: where no PyTorch is installed here.
        ToolchainError: where the request cannot be met.
        IzerError: where a step of it failed.
    """
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        raise StudyError("torch is missing; run make install") from None
    return install(
        installed_place(),
        torch_version=version,
        source=source,
        interpreter=interpreter,
        force=force,
        say=say,
    )


def installation_text(installation: Installation) -> str:
    """The result for people, in one line."""
    found = installation.toolchain
    where = f"ai8x-synthesis {(found.commit or 'of no commit')[:12]} is"
    if installation.new:
        return f"{where} installed in {shlex.quote(str(found.checkout))}"
    return f"{where} installed already in {shlex.quote(str(found.checkout))}; --force replaces it"


def installation_json(installation: Installation) -> dict[str, Any]:
    """The result for programs."""
    found = installation.toolchain
    return {
        "place": str(found.checkout),
        "python": str(found.python),
        "commit": found.commit,
        "new": installation.new,
    }
