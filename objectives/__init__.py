# SPDX-License-Identifier: Apache-2.0
"""What a candidate scores: tasks, data, quantization-aware training, integer accuracy."""
