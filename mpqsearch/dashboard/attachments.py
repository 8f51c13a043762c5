# SPDX-License-Identifier: Apache-2.0
"""Artifacts: the report of a study, and of a trial what was exported of it."""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mpqsearch.export.folder import DIFFERS, ExportFolder
from mpqsearch.export.manifest import MANIFEST
from mpqsearch.report.write import PAGE

_NAMES = uuid.UUID("6f1f0f0e-3c39-4d7c-9d0b-0d5c4f9c2a11")
"""Makes one id of one name, in every process."""


@dataclass(frozen=True)
class Attachment:
    """A file that is made when it is asked for.

    Attributes:
        name: Its file name.
        mimetype: What it is.
        pick: The candidate's name it belongs to, `8-4-4-4-4`; empty: the study.
        content: Gives its bytes; OSError where they are gone.
    """

    name: str
    mimetype: str
    pick: str
    content: Callable[[], bytes]

    @property
    def id(self) -> str:
        """What optuna-dashboard asks for it by."""
        return str(uuid.uuid5(_NAMES, f"{self.pick}/{self.name}"))

    def as_answer(self) -> dict[str, str | None]:
        """The attachment as optuna-dashboard lists it."""
        return {
            "artifact_id": self.id,
            "filename": self.name,
            "mimetype": self.mimetype,
            "encoding": None,
        }


def attachments(exports: Path, page: Callable[[], bytes]) -> list[Attachment]:
    """Everything there is to download now.

    Args:
        exports: The run's folder of exports, which need not be there.
        page: Gives the report's page.
    """
    found = [Attachment(PAGE, "text/html; charset=utf-8", "", page)]
    for folder in ExportFolder(exports).exports():
        found += _exported(folder)
    return found


def _exported(folder: Path) -> Iterable[Attachment]:
    pick = folder.name.removesuffix(DIFFERS)
    yield Attachment(f"{folder.name}.zip", "application/zip", pick, lambda: _zipped(folder))
    manifest = folder / MANIFEST
    yield Attachment(f"{folder.name}.{MANIFEST}", "application/json", pick, manifest.read_bytes)


def _zipped(folder: Path) -> bytes:
    """A folder's files, below its own name; no links, which may lead out of it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                archive.write(file, file.relative_to(folder.parent))
    return packed.getvalue()
