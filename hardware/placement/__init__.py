# SPDX-License-Identifier: Apache-2.0
"""What fits a chip, and where everything lies on it."""
