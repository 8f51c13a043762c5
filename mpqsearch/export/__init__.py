# SPDX-License-Identifier: Apache-2.0
"""Picks written as projects for the chip, each with the proof that it computes what was scored."""
