# SPDX-License-Identifier: Apache-2.0
"""The tasks that come with mpqsearch."""
