# SPDX-License-Identifier: Apache-2.0
"""The indoor study's eight MATLAB files of channel recordings: reading and writing them."""

import enum
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from objectives.data.ctf import FREQUENCY_BINS, CtfDataError, CtfRecordings

logger = logging.getLogger(__name__)

GRID_POINTS = 194
"""Grid points in one file. Source: Abushahla et al., their data loader (388 / 2)."""

ROWS = 2 * FREQUENCY_BINS
"""Rows of the array in one file: real and imaginary part of every bin."""

SCALE = (-0.011066, 0.011379)
"""Ends of the 8-bit input range, x' = (x + 0.011066) / 0.022445.

Source: Abushahla et al., `GlobalMinMaxNormalize` in their data loader.
"""

CLASS_FILES = {
    "classroom": "Class",
    "corridor": "Corridor",
    "lab": "Lab",
    "sports complex": "SC",
}
"""Class name, in label order, and how the file names spell it. Source: their data loader."""

STATES = ("static", "mov")
"""Nobody moves, people move: the static points come first. Source: their data loader."""

SYNTHETIC_VARIABLE = "CTF_synthetic"
"""Variable name by which `write_ctf_mat_folder` marks data that no radio measured."""

_WANTED = f"one real array of {ROWS} rows and a multiple of {GRID_POINTS} columns"

_FILE_STEM = re.compile(
    r"(?:ctf)?(?P<place>class(?:room)?|corridor|lab(?:oratory)?|sc|sports?complex|stair(?:s|case))"
    r"(?P<state>static|mov(?:ing)?)(?:final)?"
)
"""A file's stem in lower case, without separators."""

_SAMPLED_SWEEPS = 4096  # sweeps of a file whose roughness is taken: enough, and quick
_LEAST_CONTRAST = 1.2  # roughness of the wrong reading over the right; one real sweep: 3.7, 18


class RowOrder(enum.Enum):
    """How the 202 rows of a file hold 101 bins of two parts."""

    INTERLEAVED = "interleaved (Re, Im of bin 0, Re, Im of bin 1, ...)"
    BLOCKS = "blocks (Re of all bins, then Im of all bins)"


@dataclass(frozen=True)
class _CtfFile:
    """What one file holds.

    Attributes:
        path: The file.
        sweeps: float32 of shape (194, S, 2, 101).
        order: How its rows were read.
        synthetic: Its variable says that no radio was involved.
    """

    path: Path
    sweeps: NDArray[np.float32]
    order: RowOrder
    synthetic: bool


def find_mat_files(folder: Path) -> dict[tuple[str, str], Path]:
    """Gives the files of the paper's layout that a folder holds, by class name and state.

    Upper and lower case, separators and the words Ctf and final do not matter: `CTF_SC_mov_final`,
    `ctf-staircase-moving` and `SportsComplex_mov` are the same file.

    Args:
        folder: Where to look; folders inside it and hidden files are passed over.

    Raises:
        CtfDataError: Two files stand for the same class and state.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".mat" or path.name.startswith(".") or not path.is_file():
            continue
        match = _FILE_STEM.fullmatch(re.sub(r"[-_ .]", "", path.stem.lower()))
        if match is None:
            continue
        key = (_class_of(match["place"]), "static" if match["state"] == "static" else "mov")
        if key in found:
            raise CtfDataError(
                f"{path}: stands for {key[0]}, {key[1]}, and so does {found[key].name}; one file is"
                f" allowed for each; keep {_file_name(*key)} and move the other away"
            )
        found[key] = path
    return found


def load_ctf_mat_folder(folder: Path) -> CtfRecordings:
    """Reads the eight files `CTF_{Class,Corridor,Lab,SC}_{static,mov}_final.mat`.

    Each holds one real array (202, 194 * S), its first variable: 194 grid points in turn, S sweeps
    of each. The static points of a class come before the moving ones: (388, S, 2, 101) a class.
    Which of the two row orders the files have is read from the data and logged. One file is in
    memory at a time, beside the float32 result.

    Args:
        folder: Holds the eight files themselves, not folders of them.

    Raises:
        CtfDataError: A file is missing, unreadable, misshapen, not real, not finite, constant or
            above 1, or the files differ in row order or a class's two in S.
    """
    files = find_mat_files(folder)
    missing = [_file_name(*key) for key in _layout() if key not in files]
    if missing:
        raise CtfDataError(
            f"{folder}: {', '.join(missing)} missing, found {len(files)} of the 8 CTF files;"
            f" put all eight into this folder"
        )
    sweeps = []
    first: _CtfFile | None = None
    synthetic = False
    for name in CLASS_FILES:
        static, moving = (_read_file(files[name, state]) for state in STATES)
        first = first or static
        _check_alike(static, moving, first)
        synthetic = synthetic or static.synthetic or moving.synthetic
        sweeps.append(np.concatenate([static.sweeps, moving.sweeps]))  # (388, S, 2, 101)
        logger.info("%s: %s, rows are %s", folder, name, static.order.value)
    _report_range(folder, sweeps)
    return CtfRecordings(
        sweeps=tuple(sweeps),
        class_names=tuple(CLASS_FILES),
        scale=SCALE,
        source="synthetic recordings in the indoor study's files"
        if synthetic
        else "indoor recordings of Abushahla et al.",
        synthetic=synthetic,
    )


def write_ctf_mat_folder(folder: Path, recordings: CtfRecordings) -> None:
    """Writes recordings in the paper's eight-file layout, rows interleaved, float64.

    The layout has no place for the `scale`: whoever reads the files takes the paper's. Synthetic
    recordings stay marked as such by the name of their variable. They may show other rooms than
    the paper's: these take the four file names in label order, which is logged.

    Args:
        folder: Made where absent; files of the same names are overwritten.
        recordings: Four classes, the paper's in any order, 388 points each: the first 194 go into
            the static file, the others into the moving one.

    Raises:
        CtfDataError: Other classes, if a radio recorded them, or another number of points.
    """
    by_name = dict(zip(_written_as(folder, recordings), recordings.sweeps, strict=True))
    for name, sweeps in by_name.items():
        if len(sweeps) != len(STATES) * GRID_POINTS:
            raise CtfDataError(
                f"writing {folder}: {name} has {len(sweeps)} points but the layout holds"
                f" {len(STATES) * GRID_POINTS} a class; record or make as many"
            )
    folder.mkdir(parents=True, exist_ok=True)
    variable = SYNTHETIC_VARIABLE if recordings.synthetic else "CTF"
    for name, state in _layout():
        first = STATES.index(state) * GRID_POINTS
        part = by_name[name][first : first + GRID_POINTS]  # (194, S, 2, 101)
        rows = part.transpose(0, 1, 3, 2).reshape(-1, ROWS).T  # (202, 194 * S), a sweep a column
        scipy.io.savemat(folder / _file_name(name, state), {variable: rows.astype(np.float64)})


def _written_as(folder: Path, recordings: CtfRecordings) -> tuple[str, ...]:
    """Gives for each class the paper's class under whose name it is written."""
    names = recordings.class_names
    if sorted(names) == sorted(CLASS_FILES):
        return names
    if not recordings.synthetic or len(names) != len(CLASS_FILES):
        raise CtfDataError(
            f"writing {folder}: classes are {', '.join(names)} but must be"
            f" {', '.join(CLASS_FILES)}; write them in another format"
        )
    pairs = zip(names, CLASS_FILES, strict=True)
    logger.warning("%s: %s", folder, ", ".join(f"{name} written as {as_}" for name, as_ in pairs))
    return tuple(CLASS_FILES)


def row_order_of(values: NDArray[np.floating]) -> RowOrder | None:
    """Tells the row order of a file by the smoothness of the channel over frequency.

    An echo of delay t turns by 2 pi t * 1 MHz from bin to bin, 1/6 turn at 170 ns, so neighbouring
    bins are alike. The reading with the smaller mean squared difference between neighbours wins.

    Args:
        values: Rows and sweeps, shape (202, sweeps).

    Returns:
        The order, or None where the two readings are within a factor 1.2: no smooth channel.
    """
    step = -(-values.shape[1] // _SAMPLED_SWEEPS)
    rows = values[:, ::step].astype(np.float64)
    interleaved = float(np.mean(np.square(rows[2:] - rows[:-2])))
    inside_blocks = np.delete(np.diff(rows, axis=0), FREQUENCY_BINS - 1, axis=0)
    blocks = float(np.mean(np.square(inside_blocks)))
    logger.debug("roughness: %.3g interleaved, %.3g in blocks", interleaved, blocks)
    if blocks > _LEAST_CONTRAST * interleaved:
        return RowOrder.INTERLEAVED
    if interleaved > _LEAST_CONTRAST * blocks:
        return RowOrder.BLOCKS
    return None


def _class_of(place: str) -> str:
    """Gives the class name for the place in a file name."""
    for name in ("classroom", "corridor", "lab"):
        if place.startswith(name[:5]):
            return name
    return "sports complex"  # SC; the authors' code calls the same recordings staircase, too


def _layout() -> list[tuple[str, str]]:
    """Gives class name and state of the eight files, in label order, static first."""
    return [(name, state) for name in CLASS_FILES for state in STATES]


def _file_name(name: str, state: str) -> str:
    return f"CTF_{CLASS_FILES[name]}_{state}_final.mat"


def _read_file(path: Path) -> _CtfFile:
    """Reads and checks one file."""
    variable, values = _read_variable(path)
    _check_shape(path, values)
    _check_values(path, values)
    order = row_order_of(values)
    if order is None:
        raise CtfDataError(
            f"{path}: neighbouring bins differ as much in rows {RowOrder.INTERLEAVED.value} as in"
            f" {RowOrder.BLOCKS.value}; a channel is smooth over frequency in one of the two;"
            f" check that the rows are bins 2.400 ... 2.500 GHz"
        )
    columns = values.T.reshape(GRID_POINTS, -1, ROWS)  # (194, S, 202), a view
    if order is RowOrder.INTERLEAVED:
        by_part = columns.reshape(*columns.shape[:2], FREQUENCY_BINS, 2).transpose(0, 1, 3, 2)
    else:
        by_part = columns.reshape(*columns.shape[:2], 2, FREQUENCY_BINS)
    sweeps = np.ascontiguousarray(by_part, dtype=np.float32)  # (194, S, 2, 101)
    return _CtfFile(path, sweeps, order, synthetic=variable == SYNTHETIC_VARIABLE)


def _check_alike(static: _CtfFile, moving: _CtfFile, first: _CtfFile) -> None:
    """Raises where a class's files differ in sweeps, or in row order from the first file."""
    counts = [file.sweeps.shape[1] for file in (static, moving)]
    if counts[0] != counts[1]:
        raise CtfDataError(
            f"{moving.path}: {counts[1]} sweeps a grid point, but {counts[0]} in"
            f" {static.path.name}; both files of a class must have the same; cut the longer one"
        )
    for file in (static, moving):
        if file.order is not first.order:
            raise CtfDataError(
                f"{file.path}: rows are {file.order.value}, but {first.order.value} in"
                f" {first.path.name}; all eight files must agree; write them the same way"
            )


def _read_variable(path: Path) -> tuple[str, NDArray[np.floating]]:
    """Reads a file's first variable: its name, and its values where they are real floats."""
    if path.stat().st_size == 0:
        raise CtfDataError(f"{path}: the file is empty; it must hold {_WANTED}; copy it again")
    try:
        name, kind, values = _parse(path)
    except NotImplementedError as error:
        raise CtfDataError(
            f"{path}: MATLAB 7.3 (HDF5) file, only versions up to 7 can be read;"
            f" load it in MATLAB and save it again with `save -v7`"
        ) from error
    except Exception as error:  # the parser meets damaged bytes with any class of error
        raise CtfDataError(
            f"{path}: truncated or no MAT file ({' '.join(str(error).split())});"
            f" it must hold {_WANTED}; copy it again"
        ) from error
    if not name:
        raise CtfDataError(f"{path}: holds no variable; it must hold {_WANTED}; save it again")
    if kind not in ("double", "single") or np.iscomplexobj(values):
        found = "complex" if kind in ("double", "single") else kind
        raise CtfDataError(
            f"{path}: first variable {name!r} is of type {found}; it must be {_WANTED}, double or"
            f" single; save real and imaginary parts as rows of one"
        )
    # MATLAB stores whole numbers in fewer bytes, and scipy gives them as such
    return name, values if values.dtype.kind == "f" else values.astype(np.float64)


def _parse(path: Path) -> tuple[str, str, Any]:
    """Gives name, MATLAB class and values of a file's first variable; no name where none is."""
    for name, _, kind in scipy.io.whosmat(path):
        if not name.startswith("__"):
            return name, kind, scipy.io.loadmat(path, variable_names=[name])[name]
    return "", "", None


def _check_shape(path: Path, values: NDArray[np.floating]) -> None:
    """Raises where the array is not (202, 194 * S)."""
    rows, columns = values.shape if values.ndim == 2 else (0, 0)
    if rows == ROWS and columns > 0 and columns % GRID_POINTS == 0:
        return
    transposed = columns == ROWS and rows > 0 and rows % GRID_POINTS == 0
    step = "it looks transposed: save its transpose" if transposed else "cut or export it again"
    raise CtfDataError(
        f"{path}: first variable has shape {values.shape}; expected ({ROWS}, {GRID_POINTS} * S)"
        f" for S sweeps a grid point, S = 200 in the published files; {step}"
    )


def _check_values(path: Path, values: NDArray[np.floating]) -> None:
    """Raises where values are not finite, all the same, or above what a passive channel gives."""
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise CtfDataError(
            f"{path}: {bad} of {values.size} values are NaN or infinite; all must be finite;"
            f" export the file again"
        )
    lowest, highest = float(values.min()), float(values.max())
    if lowest == highest:
        raise CtfDataError(
            f"{path}: every value is {lowest:g}; a recorded channel varies; export the file again"
        )
    if max(-lowest, highest) > 1:
        raise CtfDataError(
            f"{path}: values reach from {lowest:g} to {highest:g}; S21 is linear and within -1 to"
            f" 1; convert from dB or undo the scaling"
        )
    silent = values.shape[1] - int(np.count_nonzero(values.any(axis=0)))
    if silent:
        logger.warning("%s: %d of %d sweeps are all zero", path, silent, values.shape[1])


def _report_range(folder: Path, sweeps: list[NDArray[np.float32]]) -> None:
    """Warns where values lie outside the paper's input range, and so saturate."""
    lowest = min(float(part.min()) for part in sweeps)
    highest = max(float(part.max()) for part in sweeps)
    tolerance = 1e-6  # the published ends are rounded to six decimals
    if lowest < SCALE[0] - tolerance or highest > SCALE[1] + tolerance:
        logger.warning(
            "%s: values from %g to %g reach beyond the input range %g to %g and saturate",
            *(folder, lowest, highest, *SCALE),
        )
