# SPDX-License-Identifier: Apache-2.0
"""Formats of ai8x-synthesis, the vendor's code generator ("izer")."""
