# SPDX-License-Identifier: Apache-2.0
"""The commands of the command line, thin over what the package offers."""
