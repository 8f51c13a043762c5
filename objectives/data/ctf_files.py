# SPDX-License-Identifier: Apache-2.0
"""Channel recordings from a folder: the indoor study's MATLAB files or UCI data set 480."""

from pathlib import Path

from objectives.data.ctf import CtfDataError, CtfRecordings
from objectives.data.ctf_mat import find_mat_files, load_ctf_mat_folder, write_ctf_mat_folder
from objectives.data.ctf_uci import CLASS_FOLDERS, find_uci_folders, load_ctf_uci_folder

__all__ = ["load_ctf_folder", "write_ctf_mat_folder"]

_NAMES_SHOWN = 5  # of what a folder holds instead


def load_ctf_folder(folder: Path) -> CtfRecordings:
    """Reads the recordings in a folder, whichever of the two known layouts it has.

    One file `CTF_..._final.mat` makes it the indoor study's; else one class folder of UCI data set
    480 makes it that.

    Args:
        folder: Holds the eight `.mat` files or the four class folders themselves.

    Raises:
        CtfDataError: The folder is missing or of neither layout, or what it holds cannot be used.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise CtfDataError(
            f"{folder}: {found}; it must be a folder of channel recordings; check the path"
        )
    if find_mat_files(folder):
        return load_ctf_mat_folder(folder)
    if find_uci_folders(folder):
        return load_ctf_uci_folder(folder)
    raise CtfDataError(
        f"{folder}: looked for CTF_{{Class,Corridor,Lab,SC}}_{{static,mov}}_final.mat or folders"
        f" {', '.join(CLASS_FOLDERS.values())}; found {_contents(folder)};"
        f" name the folder that holds them directly"
    )


def _contents(folder: Path) -> str:
    """Gives the first names in a folder, in words."""
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "nothing"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
