# SPDX-License-Identifier: Apache-2.0
"""The firmware's core as a library, its functions called one by one."""

import ctypes
from pathlib import Path

import pytest

from tests.compilers import make, need


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    need("cc", "make")
    build = tmp_path_factory.mktemp("core")
    make("library", build)
    library = ctypes.CDLL(str(Path(build) / "core.so"))
    library.crc16.restype = ctypes.c_uint16
    for name in ("statistics_mean_milli", "statistics_deviation_milli"):
        getattr(library, name).restype = ctypes.c_uint64
    return library
