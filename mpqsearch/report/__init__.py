# SPDX-License-Identifier: Apache-2.0
"""The report of a study: one page that needs no network, and its figures as images."""
