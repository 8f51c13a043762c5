# SPDX-License-Identifier: Apache-2.0
"""Mixed-precision search for the MAX78000 and MAX78002."""

__version__ = "0.1.0"
