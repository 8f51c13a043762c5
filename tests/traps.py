# SPDX-License-Identifier: Apache-2.0
"""What runs code where it is read carelessly."""

from pathlib import Path
from typing import Any


class Trap:
    """Writes a file when it is unpickled by pickle itself."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.target, "ran")
