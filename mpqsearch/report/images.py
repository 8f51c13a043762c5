# SPDX-License-Identifier: Apache-2.0
"""The report's figures as images, drawn by Chrome or Chromium from the page's own description."""

from collections.abc import Sequence
from pathlib import Path

import kaleido
from kaleido.errors import ChromeNotFoundError

from mpqsearch.report.style import IMAGE_SCALE, IMAGE_TALLER, IMAGE_WIDTH, Figure

FORMATS = ("png", "svg")
TABS = 2
"""Figures drawn at a time."""

TIMEOUT_S = 60
"""For one image."""


class NoImages(RuntimeError):  # noqa: N818  (it says what happened, not that the report failed)
    """No image was drawn; the page is whole without them."""


def draw_images(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Draws each figure as PNG and SVG into a folder.

    Raises:
        NoImages: where there is no browser, or it fails: why, and what to do.
        OSError: where the folder cannot be written.
    """
    wanted = [(figure, folder / f"{figure.name}.{kind}") for figure in figures for kind in FORMATS]
    jobs = [
        {
            "fig": figure.plot.to_dict(),
            "path": path,
            "opts": {
                "format": path.suffix[1:],
                "width": IMAGE_WIDTH,
                "height": round(IMAGE_TALLER * figure.height),
                "scale": IMAGE_SCALE if path.suffix == ".png" else 1,
            },
        }
        for figure, path in wanted
    ]
    try:
        # No MathJax: it would be fetched from the network.
        kaleido.write_fig_from_object_sync(
            jobs, kopts={"mathjax": False, "n": TABS, "timeout": TIMEOUT_S}
        )
    except ChromeNotFoundError:
        raise NoImages(
            "no PNG and SVG: they need Chrome or Chromium (apt install chromium); the page is"
            " whole, and the camera above each of its figures saves it"
        ) from None
    except (RuntimeError, TimeoutError) as error:
        reason = str(error.args[0]).rstrip(".") if error.args else "timed out"
        raise NoImages(
            f"no PNG and SVG: the browser failed: {reason}; the page is whole without them"
        ) from error
    return [path for _, path in wanted]
