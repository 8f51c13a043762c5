# SPDX-License-Identifier: Apache-2.0
"""UCI data set 480, 2.4 GHz indoor channel measurements: reading its folders of sweeps.

**Source:** AlHajri, Ali, Shubair, "2.4 GHz Indoor Channel Measurements", UCI Machine Learning
Repository, data set 480, CC BY 4.0.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.ctf import FREQUENCY_BINS, CtfDataError, CtfRecordings

logger = logging.getLogger(__name__)

CLASS_FOLDERS = {
    "corridor": "Corridor_rm155_7.1",
    "lab": "Lab139_7.1",
    "lobby": "Main_Lobby_7.1",
    "sports hall": "Sport_Hall_7.1",
}
"""Class name, in label order, and its folder. Source: the data set's archive."""

POSITIONS = 14 * 14
"""Positions recorded in each class. Source: the data set's description."""

SWEEP_POINTS = 601
"""Points of a sweep file over 2.4-2.5 GHz, 1/6 MHz apart. Source: the data set's description."""

POINTS_PER_BIN = (SWEEP_POINTS - 1) // (FREQUENCY_BINS - 1)
"""Every sixth point of a sweep is one of our bins, 1 MHz apart."""

_FOLDER_NAMES = {
    "corridor": r"corridor(rm155)?(71)?",
    "lab": r"lab(139)?(71)?",
    "lobby": r"(main)?lobby(71)?",
    "sports hall": r"sports?hall(71)?",
}
"""Patterns of a folder's name in lower case, without separators."""

_POSITION = re.compile(r"loc[-_ ]?(\d{2})(\d{2})", re.IGNORECASE)
_COLUMNS = (0, 3, 4)  # frequency; S11 re; S11 im; S21 re; S21 im
_FREQUENCY_TOLERANCE_MHZ = 0.05  # files may round; neighbouring points are 0.167 MHz apart
_MHZ_PER_UNIT = {"Hz": 1e-6, "MHz": 1.0, "GHz": 1e3}


@dataclass(frozen=True)
class _Position:
    """One `Loc_rrcc` folder and its sweep files in order."""

    folder: Path
    files: tuple[Path, ...]


def find_uci_folders(folder: Path) -> dict[str, Path]:
    """Gives the folders of the UCI layout that a folder holds, by class name.

    Upper and lower case and separators do not matter, nor does a missing room number or `7.1`.

    Args:
        folder: Where to look; files and hidden folders are passed over.

    Raises:
        CtfDataError: Two folders stand for the same class.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue
        plain = re.sub(r"[-_ .]", "", path.name.lower())
        for name, pattern in _FOLDER_NAMES.items():
            if re.fullmatch(pattern, plain) is None:
                continue
            if name in found:
                raise CtfDataError(
                    f"{path}: stands for the {name}, and so does {found[name].name}; one folder is"
                    f" allowed for each; keep {CLASS_FOLDERS[name]} and move the other away"
                )
            found[name] = path
    return found


def load_ctf_uci_folder(folder: Path) -> CtfRecordings:
    """Reads the four class folders: S21 at every sixth point of every sweep.

    Points stand in the order of their `Loc_rrcc` folders, row by row; a part of the positions will
    do and is logged. Sweeps stand in the order of their file names, numbers by value. Every
    position must have as many sweep files as the others: the published set is complete (10
    everywhere), so a gap means a damaged copy, and cutting all to the least would hide it.

    Args:
        folder: Holds the four class folders themselves.

    Raises:
        CtfDataError: A class folder, its positions or sweep files are missing, the number of
            sweeps differs, or a file is truncated, not finite or of another frequency range.
    """
    folders = find_uci_folders(folder)
    missing = [CLASS_FOLDERS[name] for name in CLASS_FOLDERS if name not in folders]
    if missing:
        raise CtfDataError(
            f"{folder}: {', '.join(missing)} missing, found {len(folders)} of the 4 class folders;"
            f" unpack the whole archive"
        )
    classes = {name: _positions(folders[name]) for name in CLASS_FOLDERS}
    _check_counts([position for positions in classes.values() for position in positions])
    return CtfRecordings(
        sweeps=tuple(_read_class(positions) for positions in classes.values()),
        class_names=tuple(CLASS_FOLDERS),
        scale=None,
        source="UCI data set 480, 2.4 GHz indoor channel measurements",
        synthetic=False,
    )


def _positions(folder: Path) -> list[_Position]:
    """Gives a class's positions, row by row."""
    found: dict[tuple[str, ...], _Position] = {}
    for path in sorted(folder.iterdir()):
        match = _POSITION.fullmatch(path.name)
        if match is None or not path.is_dir():
            continue
        key = match.groups()
        if key in found:
            raise CtfDataError(
                f"{path}: same position as {found[key].folder.name}; one folder is allowed for"
                f" each; move one away"
            )
        found[key] = _Position(path, _files_in(path))
    if not found:
        raise CtfDataError(
            f"{folder}: no folder Loc_rrcc (row and column in two digits) in it; expected"
            f" {POSITIONS}; unpack the whole archive"
        )
    if len(found) != POSITIONS:
        logger.warning("%s: %d of %d positions", folder, len(found), POSITIONS)
    return [found[key] for key in sorted(found)]


def _files_in(position: Path) -> tuple[Path, ...]:
    """Gives the files of one position but hidden ones, numbers in names sorted by value."""
    files = [
        path for path in position.iterdir() if path.is_file() and not path.name.startswith(".")
    ]
    return tuple(sorted(files, key=lambda path: _natural_key(path.name)))


def _natural_key(name: str) -> list[tuple[str, int]]:
    """Splits a name so that `sweep_10` sorts after `sweep_2`."""
    pieces = re.findall(r"(\D*)(\d*)", name.lower())
    return [(text, int(digits or -1)) for text, digits in pieces]


def _check_counts(positions: list[_Position]) -> None:
    """Raises where a position has no sweep file, or not as many as most."""
    counts = [len(position.files) for position in positions]
    usual = max(set(counts), key=counts.count)
    for position, count in zip(positions, counts, strict=True):
        if count != usual or count == 0:
            raise CtfDataError(
                f"{position.folder}: {count} sweep files, but {usual} in most positions; all must"
                f" have as many and at least one; take out what is no sweep or unpack it again"
            )


def _read_class(positions: list[_Position]) -> NDArray[np.float32]:
    """Reads every sweep of a class, shape (points, sweeps, 2, 101)."""
    shape = (len(positions), len(positions[0].files), 2, FREQUENCY_BINS)
    sweeps = np.empty(shape, dtype=np.float32)
    for point, position in enumerate(positions):
        for index, path in enumerate(position.files):
            sweeps[point, index] = _read_sweep(path)
    return sweeps


def _read_sweep(path: Path) -> NDArray[np.float64]:
    """Reads S21 in our bins from one file, shape (2, 101): real part, imaginary part."""
    points = _read_points(path)
    if len(points) != SWEEP_POINTS:
        raise CtfDataError(
            f"{path}: {len(points)} points; a sweep has {SWEEP_POINTS}; the file is truncated or"
            f" of another recording: unpack it again"
        )
    _check_frequencies(path, points[:, 0])
    parts: NDArray[np.float64] = points[:, 1:].T  # (2, 601)
    bad = parts.size - int(np.count_nonzero(np.isfinite(parts)))
    if bad:
        raise CtfDataError(
            f"{path}: {bad} of {parts.size} values of S21 are NaN or infinite; all must be finite;"
            f" unpack the file again or take its position out"
        )
    lowest, highest = float(parts.min()), float(parts.max())
    if lowest == highest or max(-lowest, highest) > 1:
        raise CtfDataError(
            f"{path}: S21 reaches from {lowest:g} to {highest:g}; it is linear, varies and stays"
            f" within -1 to 1; check columns 4 and 5"
        )
    return parts[:, ::POINTS_PER_BIN]


def _read_points(path: Path) -> NDArray[np.float64]:
    """Reads frequency and S21 (re, im) of all points in a file, shape (points, 3).

    The lines before the first that starts with a number are headings: two of comment and the
    names of the columns in the published files. A decimal comma is read as a point.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if _starts_with_number(line)), None)
    if start is None:
        raise CtfDataError(
            f"{path}: {len(lines)} lines and none of them numbers; a sweep has {SWEEP_POINTS} of"
            f" frequency;S11 re;S11 im;S21 re;S21 im; unpack it again or take it out"
        )
    rows = [line.replace(",", ".") for line in lines[start:]]
    try:
        return np.loadtxt(rows, delimiter=";", usecols=_COLUMNS, ndmin=2)
    except ValueError as error:
        raise CtfDataError(
            f"{path}: a line after the {start} of heading cannot be read"
            f" ({' '.join(str(error).split())}); each must be frequency;S11 re;S11 im;S21 re;S21"
            f" im; unpack the file again"
        ) from error


def _starts_with_number(line: str) -> bool:
    try:
        float(line.split(";", maxsplit=1)[0].replace(",", "."))
    except ValueError:
        return False
    return ";" in line


def _check_frequencies(path: Path, frequencies: NDArray[np.float64]) -> None:
    """Raises where the points are not 2400 ... 2500 MHz, evenly spaced; Hz, MHz and GHz will do."""
    middle = float(np.median(frequencies))
    unit = "Hz" if middle > 1e6 else "MHz" if middle > 100 else "GHz"
    wanted = np.linspace(2400.0, 2500.0, SWEEP_POINTS)
    found = frequencies * _MHZ_PER_UNIT[unit]
    if not np.allclose(found, wanted, rtol=0.0, atol=_FREQUENCY_TOLERANCE_MHZ):
        raise CtfDataError(
            f"{path}: frequencies run from {found[0]:g} to {found[-1]:g} MHz (read as {unit});"
            f" they must be {SWEEP_POINTS} even steps from 2400 to 2500 MHz; take out what is no"
            f" sweep of this data set"
        )
