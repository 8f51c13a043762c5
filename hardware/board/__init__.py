# SPDX-License-Identifier: Apache-2.0
"""The board link: firmware built and flashed, questions asked of it, its power read."""
