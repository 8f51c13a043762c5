# SPDX-License-Identifier: Apache-2.0
"""Channel recordings read from the folders of UCI data set 480."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from objectives.data.ctf import CtfDataError
from objectives.data.ctf_files import load_ctf_folder

FOLDERS = ("Corridor_rm155_7.1", "Lab139_7.1", "Main_Lobby_7.1", "Sport_Hall_7.1")
POSITIONS = ("0000", "0001", "0110", "1002")
VICTIM = Path("Main_Lobby_7.1", "Loc_0110", "Lab_139_2Ch1.csv")
HEADING = "# Version 1.00\n#\nfreq[Hz];re:Trc1_S11;im:Trc1_S11;re:Trc2_S21;im:Trc2_S21;\n"


def response(place: int, point: int, sweep: int) -> NDArray[np.complex128]:
    """Two echoes in 601 points over 100 MHz, other delays in every sweep: (601,)."""
    frequency_mhz = np.arange(601) / 6
    delay_us = 0.03 + 0.01 * place + 0.002 * point + 0.0002 * sweep
    first = np.exp(-2j * np.pi * frequency_mhz * delay_us)
    echo = 0.3 * np.exp(-2j * np.pi * frequency_mhz * 0.12)
    s21: NDArray[np.complex128] = 0.003 * (first + echo)
    return s21


def write_sweep(path: Path, s21: NDArray[np.complex128], unit_hz: float = 1.0) -> None:
    frequency = np.linspace(2.4e9, 2.5e9, 601) / unit_hz
    s11 = np.full(601, 0.25 - 0.5j)
    columns = [frequency, s11.real, s11.imag, s21.real, s21.imag]
    rows = "".join(
        ";".join(f"{value:.9E}" for value in row) + ";\n" for row in zip(*columns, strict=True)
    )
    path.write_text(HEADING + rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four positions of two sweeps in each of the four classes."""
    for place, name in enumerate(FOLDERS):
        for point, position in enumerate(POSITIONS):
            where = tmp_path / name / f"Loc_{position}"
            where.mkdir(parents=True)
            for sweep, number in enumerate((2, 10)):
                path = where / f"Lab_139_{number}Ch1.csv"
                write_sweep(path, response(place, point, sweep))
    return tmp_path


def test_every_sixth_point_of_s21_is_read(folder: Path) -> None:
    """Bins are 1 MHz apart, points go row by row, and sweep 2 comes before sweep 10."""
    loaded = load_ctf_folder(folder)
    assert loaded.class_names == ("corridor", "lab", "lobby", "sports hall")
    assert loaded.scale is None
    assert not loaded.synthetic
    for place, sweeps in enumerate(loaded.sweeps):
        assert sweeps.dtype == np.float32
        assert sweeps.shape == (4, 2, 2, 101)
        for point in range(4):
            for sweep in range(2):
                s21 = response(place, point, sweep)[::6]
                wanted = np.stack([s21.real, s21.imag])
                np.testing.assert_allclose(sweeps[point, sweep], wanted, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("unit_hz", [1e6, 1e9])
def test_frequencies_may_be_in_mhz_or_ghz(folder: Path, unit_hz: float) -> None:
    """The unit of the first column is told by its size."""
    write_sweep(folder / VICTIM, response(2, 2, 0), unit_hz)
    assert load_ctf_folder(folder).sweeps[2].shape == (4, 2, 2, 101)


def test_a_decimal_comma_is_a_point(folder: Path) -> None:
    """A file from an instrument with a decimal comma gives the same values."""
    before = load_ctf_folder(folder).sweeps[2]
    path = folder / VICTIM
    path.write_text(path.read_text().replace(".", ","))
    np.testing.assert_array_equal(load_ctf_folder(folder).sweeps[2], before)


def test_hidden_and_foreign_files_are_passed_over(folder: Path) -> None:
    """A hidden file beside the sweeps, and files beside the positions, are no recordings."""
    (folder / VICTIM).with_name(".DS_Store").write_bytes(b"\x00")
    (folder / "Main_Lobby_7.1" / "floor_plan.pdf").write_bytes(b"\x00")
    assert load_ctf_folder(folder).sweeps[2].shape == (4, 2, 2, 101)


def spoil_lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return rewrite


def write_nan(path: Path) -> None:
    s21 = response(2, 2, 0)
    s21[7] = complex(np.nan, 0.001)  # between our bins: the file is damaged all the same
    write_sweep(path, s21)


def write_5_ghz(path: Path) -> None:
    path.write_text(path.read_text().replace("\n2.4", "\n5.4"))


BAD_SWEEPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_text(""), "0 lines"),
    "heading only": (lambda path: path.write_text(HEADING), "3 lines and none of them numbers"),
    "not text": (lambda path: path.write_bytes(bytes(range(256))), "none of them numbers"),
    "truncated": (spoil_lines(lambda lines: lines[:400]), "397 points.*601"),
    "cut line": (spoil_lines(lambda lines: [*lines[:400], "2.46E9;0.2"]), "cannot be read"),
    "words": (spoil_lines(lambda lines: [*lines[:400], "a;b;c;d;e"]), "cannot be read"),
    "another delimiter": (
        spoil_lines(lambda lines: [line.replace(";", " ") for line in lines]),
        "none of them numbers",
    ),
    "NaN": (write_nan, "1 of 1202 values"),
    "frequency": (write_5_ghz, "5400 to .*2400 to 2500 MHz"),
    "backwards": (spoil_lines(lambda lines: lines[:3] + lines[:2:-1]), "from 2500 to 2400"),
    "zero": (lambda path: write_sweep(path, np.zeros(601, np.complex128)), "from 0 to 0"),
    "decibels": (lambda path: write_sweep(path, response(0, 0, 0) - 50), "linear"),
}


@pytest.mark.parametrize("case", BAD_SWEEPS)
def test_a_bad_sweep_is_named_in_one_line(folder: Path, case: str) -> None:
    """Whatever is wrong with a sweep file, one line names its path and the fault."""
    spoil, fault = BAD_SWEEPS[case]
    spoil(folder / VICTIM)
    with pytest.raises(CtfDataError, match=fault) as caught:
        load_ctf_folder(folder)
    assert str(VICTIM) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_sweep_is_an_error(folder: Path) -> None:
    """Every position needs as many sweeps as the others; the message names the one that lacks."""
    (folder / VICTIM).unlink()
    with pytest.raises(CtfDataError, match=r"Loc_0110: 1 sweep files, but 2"):
        load_ctf_folder(folder)


def test_missing_folders_are_named(folder: Path) -> None:
    """A missing class and a class without positions are told apart."""
    (folder / "Lab139_7.1").rename(folder / "elsewhere")
    with pytest.raises(CtfDataError, match=r"Lab139_7.1 missing, found 3 of the 4"):
        load_ctf_folder(folder)
    (folder / "Lab139_7.1").mkdir()
    with pytest.raises(CtfDataError, match=r"Lab139_7.1: no folder Loc_rrcc"):
        load_ctf_folder(folder)


def test_two_folders_for_one_class_are_refused(folder: Path) -> None:
    """Two lobbies would be one class twice."""
    (folder / "lobby").mkdir()
    with pytest.raises(CtfDataError, match=r"lobby: .*Main_Lobby_7.1"):
        load_ctf_folder(folder)
