# SPDX-License-Identifier: Apache-2.0
"""Data the tasks learn from."""
