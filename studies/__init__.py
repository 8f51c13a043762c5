# SPDX-License-Identifier: Apache-2.0
"""The studies that come with mpqsearch, as data."""
