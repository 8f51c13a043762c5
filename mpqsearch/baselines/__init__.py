# SPDX-License-Identifier: Apache-2.0
"""Bit assignments worth a training, found without one: where a search starts, and what it beats."""
