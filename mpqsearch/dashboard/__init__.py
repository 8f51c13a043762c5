# SPDX-License-Identifier: Apache-2.0
"""A study in optuna-dashboard: its own answers, and what only this project knows beside them."""
