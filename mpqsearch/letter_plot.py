# SPDX-License-Identifier: Apache-2.0
"""A plot of letters that any terminal and any pipe shows: a line for each level, best on top."""

from collections.abc import Mapping, Sequence

PLOT_WIDTH = 60
"""Columns between the frame, where there is room."""

MARGIN = 8
"""Columns in front of them, in which the levels stand."""


def letter_plot(
    signs: Mapping[tuple[int, int], str],
    levels: Sequence[float],
    ends: tuple[str, str],
    axis: str,
    *,
    width: int = PLOT_WIDTH,
) -> list[str]:
    """Draws signs into a frame.

    Args:
        signs: The sign at each (line, column) that has one, line 0 on top.
        levels: What each line stands for, 0 to 1; shown as a percentage.
        ends: What the first and the last column stand for.
        axis: What the columns are, behind the last end.
        width: Columns.

    Returns:
        The lines, no wider than they must be.
    """
    lines = []
    for at, level in enumerate(levels):
        row = "".join(signs.get((at, column), " ") for column in range(width))
        lines.append(f"{100 * level:6.2f} |{row.rstrip()}")
    lines.append(f"{'%':>{MARGIN - 2}} +{'-' * width}")
    left, right = ends
    lines.append(f"{'':{MARGIN}}{left:<{width - len(right)}}{right} {axis}")
    return lines
