# SPDX-License-Identifier: Apache-2.0
"""Optuna samplers that propose candidates: ours, and Optuna's own by name."""
