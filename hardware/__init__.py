# SPDX-License-Identifier: Apache-2.0
"""What the chip does and costs: networks, limits, cost, integer arithmetic, izer formats."""
