# SPDX-License-Identifier: Apache-2.0
"""What a network costs on a chip: predicted, calibrated or measured."""
