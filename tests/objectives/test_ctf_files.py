# SPDX-License-Identifier: Apache-2.0
"""Channel recordings read from the indoor study's eight MATLAB files."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray

from objectives.data.ctf import CtfDataError, CtfRecordings
from objectives.data.ctf_files import load_ctf_folder, write_ctf_mat_folder
from objectives.data.ctf_mat import RowOrder, row_order_of

CLASSES = ("classroom", "corridor", "lab", "sports complex")
VICTIM = "CTF_Lab_mov_final.mat"
ONE_SWEEP = (
    Path(__file__).resolve().parents[2].parent
    / "shared"
    / "data"
    / "ctf_recording_classroom_static.csv"
)


def channel(points: int, sweeps: int, seed: int) -> NDArray[np.float32]:
    """Four echoes of 30 to 120 ns, amplitudes near 1/1000: (points, sweeps, 2, 101)."""
    generator = np.random.default_rng(seed)
    delays_us = generator.uniform(0.03, 0.12, (points, sweeps, 4, 1))
    gains = generator.uniform(0.0005, 0.002, (points, sweeps, 4, 1))
    response = (gains * np.exp(-2j * np.pi * np.arange(101) * delays_us)).sum(axis=2)
    return np.stack([response.real, response.imag], axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def written() -> CtfRecordings:
    """Two sweeps at every point of the four classes."""
    return CtfRecordings(
        sweeps=tuple(channel(388, 2, seed) for seed in range(4)),
        class_names=CLASSES,
        scale=(-0.011066, 0.011379),
        source="made in a test",
        synthetic=False,
    )


@pytest.fixture
def folder(tmp_path: Path, written: CtfRecordings) -> Path:
    write_ctf_mat_folder(tmp_path, written)
    return tmp_path


def read(path: Path) -> NDArray[np.float64]:
    values: NDArray[np.float64] = scipy.io.loadmat(path)["CTF"]
    return values


def in_blocks(path: Path) -> None:
    rows = read(path)
    scipy.io.savemat(path, {"CTF": np.concatenate([rows[0::2], rows[1::2]])})


def test_written_recordings_are_read_back_unchanged(folder: Path, written: CtfRecordings) -> None:
    """Writing and reading keep every value, point and sweep in place, and the paper's scale."""
    loaded = load_ctf_folder(folder)
    assert loaded.class_names == CLASSES
    assert loaded.scale == (-0.011066, 0.011379)
    assert not loaded.synthetic
    for before, after in zip(written.sweeps, loaded.sweeps, strict=True):
        assert after.dtype == np.float32
        np.testing.assert_array_equal(before, after)


def test_layout_is_the_papers(folder: Path, written: CtfRecordings) -> None:
    """Column p * S + s holds sweep s of point p; rows 2b and 2b + 1 hold Re and Im of bin b."""
    static = read(folder / "CTF_Corridor_static_final.mat")
    moving = read(folder / "CTF_Corridor_mov_final.mat")
    assert static.shape == moving.shape == (202, 194 * 2)
    assert static[2 * 17, 5 * 2 + 1] == written.sweeps[1][5, 1, 0, 17]
    assert moving[2 * 100 + 1, 193 * 2] == written.sweeps[1][194 + 193, 0, 1, 100]


def test_rows_in_blocks_are_recognised(
    folder: Path, written: CtfRecordings, caplog: pytest.LogCaptureFixture
) -> None:
    """Files with 101 real parts above 101 imaginary parts give the same recordings, and say so."""
    for path in folder.iterdir():
        in_blocks(path)
    with caplog.at_level(logging.INFO):
        loaded = load_ctf_folder(folder)
    np.testing.assert_array_equal(loaded.sweeps[3], written.sweeps[3])
    assert "blocks" in caplog.text


def test_a_real_sweep_tells_its_row_order() -> None:
    """A sweep recorded in the classroom is told apart in both row orders."""
    if not ONE_SWEEP.is_file():
        pytest.skip("shared/data/ctf_recording_classroom_static.csv is absent")
    parts = np.loadtxt(ONE_SWEEP, delimiter=",", skiprows=1)[:, 1:]  # (101, 2)
    assert row_order_of(parts.reshape(202, 1)) is RowOrder.INTERLEAVED
    assert row_order_of(parts.T.reshape(202, 1)) is RowOrder.BLOCKS


def test_names_may_differ_in_case_and_wording(folder: Path) -> None:
    """The staircase files, whatever their case, are the sports complex; macOS shadows are not."""
    (folder / "CTF_SC_mov_final.mat").rename(folder / "ctf_Staircase_moving_FINAL.MAT")
    (folder / "CTF_Lab_static_final.mat").rename(folder / "lab static.mat")
    (folder / "._CTF_Lab_static_final.mat").write_bytes(b"shadow")
    assert load_ctf_folder(folder).class_names == CLASSES


def test_first_variable_counts(folder: Path, written: CtfRecordings) -> None:
    """Any name will do for the array, in single precision too, and later variables do not count."""
    path = folder / VICTIM
    scipy.io.savemat(path, {"a": read(path).astype(np.float32), "b": np.zeros(3)})
    np.testing.assert_array_equal(load_ctf_folder(folder).sweeps[2], written.sweeps[2])


def test_synthetic_rooms_are_written_in_label_order(
    tmp_path: Path, written: CtfRecordings, caplog: pytest.LogCaptureFixture
) -> None:
    """Rooms no radio measured take the four names, with a warning, and stay marked synthetic."""
    rooms = ("corridor", "lab", "lobby", "sports hall")
    write_ctf_mat_folder(tmp_path, CtfRecordings(written.sweeps, rooms, None, "", True))
    assert "lobby written as lab" in caplog.text
    loaded = load_ctf_folder(tmp_path)
    assert loaded.synthetic
    assert loaded.class_names == CLASSES
    np.testing.assert_array_equal(loaded.sweeps[2], written.sweeps[2])


def test_classes_are_written_by_name(tmp_path: Path, written: CtfRecordings) -> None:
    """The paper's classes in another order land in their own files."""
    turned = CtfRecordings(written.sweeps[::-1], CLASSES[::-1], None, "", False)
    write_ctf_mat_folder(tmp_path, turned)
    np.testing.assert_array_equal(load_ctf_folder(tmp_path).sweeps[0], written.sweeps[0])


def test_values_beyond_the_scale_are_reported(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Values that saturate in eight bits are loaded and named in a warning."""
    path = folder / VICTIM
    scipy.io.savemat(path, {"CTF": read(path) * 20})
    load_ctf_folder(folder)
    assert "saturate" in caplog.text


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10_000])


def truncate_compressed(path: Path) -> None:
    scipy.io.savemat(path, {"CTF": read(path)}, do_compression=True)
    truncate(path)


def write_hdf5(path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header.ljust(512, b"\x00") + b"\x89HDF\r\n\x1a\n")


def write_nan(path: Path) -> None:
    rows = read(path)
    rows[3, 4:7] = np.nan
    scipy.io.savemat(path, {"CTF": rows})


def write_noise(path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, (202, 388))
    scipy.io.savemat(path, {"CTF": noise})


def transformed(change: Callable[[NDArray[np.float64]], object]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        scipy.io.savemat(path, {"CTF": change(read(path))})

    return rewrite


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "missing"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "truncated": (truncate, "truncated"),
    "truncated, compressed": (truncate_compressed, "truncated"),
    "text": (lambda path: path.write_text("no data here, sorry\n" * 40), "no MAT file"),
    "short text": (lambda path: path.write_text("x"), "no MAT file"),
    "zeros": (lambda path: path.write_bytes(bytes(4096)), "MAT file|variable"),
    "version 7.3": (write_hdf5, "save -v7"),
    "no variable": (lambda path: scipy.io.savemat(path, {}), "no variable"),
    "transposed": (transformed(np.transpose), r"\(388, 202\).*\(202, 194 \* S\).*transposed"),
    "columns": (transformed(lambda rows: rows[:, :-1]), r"\(202, 387\).*194"),
    "rows": (transformed(lambda rows: rows[:-2]), r"\(200, 388\).*202"),
    "three axes": (transformed(lambda rows: rows.reshape(2, 101, 388)), r"\(2, 101, 388\)"),
    "complex": (transformed(lambda rows: rows[0::2] + 1j * rows[1::2]), "type complex"),
    "integer": (transformed(lambda rows: (rows * 1e6).astype(np.int32)), "type int32"),
    "text variable": (transformed(lambda rows: str(rows.shape)), "type char"),
    "structure": (transformed(lambda rows: {"re": rows}), "type struct"),
    "NaN": (write_nan, r"3 of 78376 values are NaN"),
    "zero": (transformed(np.zeros_like), "every value is 0"),
    "constant": (transformed(lambda rows: np.full_like(rows, 0.5)), "every value is 0.5"),
    "decibels": (transformed(lambda rows: -50 + rows), "dB"),
    "noise": (write_noise, "neighbouring bins"),
    "sweeps": (transformed(lambda rows: rows[:, :194]), "1 sweeps.*2 in CTF_Lab_static_final"),
    "row order": (in_blocks, "interleaved.*all eight"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_in_one_line(folder: Path, case: str) -> None:
    """Whatever is wrong with one of the eight files, one line names the file and the fault."""
    spoil, fault = BAD_FILES[case]
    spoil(folder / VICTIM)
    with pytest.raises(CtfDataError, match=fault) as caught:
        load_ctf_folder(folder)
    assert VICTIM in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_files_for_one_place_are_refused(folder: Path) -> None:
    """Sports complex and staircase at once are two files for one class."""
    (folder / "CTF_Staircase_mov_final.mat").write_bytes(b"")
    with pytest.raises(CtfDataError, match=r"CTF_Staircase_mov_final.mat.*CTF_SC_mov_final.mat"):
        load_ctf_folder(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """The message names what was looked for and what is there, also for a missing folder."""
    with pytest.raises(CtfDataError, match="found nothing"):
        load_ctf_folder(tmp_path)
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(CtfDataError, match=r"CTF_\{Class.*Corridor_rm155_7.1.*holiday.jpg"):
        load_ctf_folder(tmp_path)
    with pytest.raises(CtfDataError, match="is a file"):
        load_ctf_folder(tmp_path / "holiday.jpg")
    with pytest.raises(CtfDataError, match="does not exist"):
        load_ctf_folder(tmp_path / "absent")


def test_other_recordings_are_not_written(tmp_path: Path, written: CtfRecordings) -> None:
    """The layout has no place for other classes or another number of points."""
    few = tuple(sweeps[:100] for sweeps in written.sweeps)
    with pytest.raises(CtfDataError, match="100 points"):
        write_ctf_mat_folder(tmp_path, CtfRecordings(few, CLASSES, None, "", False))
    names = ("corridor", "lab", "lobby", "sports hall")
    with pytest.raises(CtfDataError, match="lobby"):
        write_ctf_mat_folder(tmp_path, CtfRecordings(written.sweeps, names, None, "", False))
