# SPDX-License-Identifier: Apache-2.0
"""The real izer, for the tests that need it."""

import os
from collections.abc import Iterator

import pytest

from hardware.izer.toolchain import Toolchain, find_toolchain
from tests.hardware.izer_projects import WarmIzer


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The checkout that AI8X_SYNTHESIS names."""
    found = find_toolchain() if os.environ.get("AI8X_SYNTHESIS") else None
    if found is None:
        pytest.skip(
            "AI8X_SYNTHESIS must name an ai8x-synthesis checkout, and AI8X_SYNTHESIS_PYTHON the"
            " interpreter of its environment where that is not beside it"
        )
    return found


@pytest.fixture(scope="session")
def warm_izer(toolchain: Toolchain) -> Iterator[WarmIzer]:
    """The izer, started once."""
    izer = WarmIzer(str(toolchain.checkout), str(toolchain.python))
    yield izer
    izer.close()
