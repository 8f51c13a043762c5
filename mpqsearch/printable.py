# SPDX-License-Identifier: Apache-2.0
"""Texts that others wrote, fit to be printed: nothing in them steers a terminal."""

from typing import Any

KEPT = "\n\t\u00a0"
"""Signs that Python calls unprintable and that do no harm."""


def printable(text: str) -> str:
    """A text with an escape in place of each control sign and the like."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in KEPT else ascii(sign)[1:-1] for sign in text
    )


def printable_all(written: Any) -> Any:
    """What JSON holds, with every text in it printable."""
    if isinstance(written, str):
        return printable(written)
    if isinstance(written, dict):
        return {printable(str(key)): printable_all(value) for key, value in written.items()}
    if isinstance(written, list | tuple):
        return [printable_all(value) for value in written]
    return written
