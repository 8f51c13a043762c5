# SPDX-License-Identifier: Apache-2.0
"""Writes a report's files, each whole or not at all."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mpqsearch.errors import RunFolderError
from mpqsearch.report import images
from mpqsearch.report.style import Figure

PAGE = "report.html"


def write_page(folder: Path, text: str) -> Path:
    """Writes the page, and gives its path.

    Raises:
        RunFolderError: where the folder cannot be made or written.
    """
    path = folder / PAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{PAGE}.{os.getpid()}"
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"report {path} could not be written: {error.strerror or error}; make room or the"
            " folder writable, or choose another with --out"
        ) from error
    return path


def write_images(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Writes every figure as images, in place of an earlier report's.

    Raises:
        NoImages: where there is no browser to draw them; an earlier report's are gone then too.
        RunFolderError: where the folder cannot be written.
    """
    try:
        for figure in figures:
            for kind in images.FORMATS:
                (folder / f"{figure.name}.{kind}").unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".images-") as drawn:
            return [
                path.replace(folder / path.name)
                for path in images.draw_images(figures, Path(drawn))
            ]
    except OSError as error:
        raise RunFolderError(
            f"images in {folder} could not be written: {error.strerror or error}; the page is whole"
        ) from error
