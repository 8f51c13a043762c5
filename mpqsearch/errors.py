# SPDX-License-Identifier: Apache-2.0
"""Errors of the search; the command line turns them into one line and an exit code."""


class StudyError(ValueError):
    """A wrong request: a study file, option or stored study that cannot be used as asked."""


class RunFolderError(OSError):
    """A run folder that cannot be written, read or had to oneself."""


class RunFailed(RuntimeError):  # noqa: N818  (it says what happened to the run)
    """A run that had to stop; everything finished before is kept."""
