# SPDX-License-Identifier: Apache-2.0
"""Synthetic channels: the statistics measured in real rooms, and how the draws hang together."""

import numpy as np
import pytest

from objectives.data.ctf import FREQUENCY_BINS, CtfRecordings
from objectives.data.ctf_statistics import (
    mean_level_db,
    position_std_db,
    power_decay_ns,
    rms_delay_spread_ns,
    sweep_rmse_db,
)
from objectives.data.ctf_synthetic import synthesize_ctf

# (level dB, std over positions dB, rms delay spread ns, decay ns, sweep-to-sweep dB).
# Source: UCI data set 480, "2.4 GHz Indoor Channel Measurements".
MEASURED = {
    "corridor": (-47.9, 4.74, 20.0, 34.0, 0.22),
    "lab": (-50.1, 4.66, 18.0, 28.0, 0.36),
    "lobby": (-47.5, 3.79, 20.0, 32.0, 0.21),
    "sports hall": (-51.0, 2.09, 26.0, 52.0, 0.25),
}


@pytest.fixture(scope="module", params=[0, 1])
def recordings(request: pytest.FixtureRequest) -> CtfRecordings:
    return synthesize_ctf(sweeps_per_point=4, seed=request.param)


def sweeps_of(recordings: CtfRecordings, name: str) -> np.ndarray:
    return recordings.sweeps[recordings.class_names.index(name)]


def test_classes_are_the_four_measured_rooms(recordings: CtfRecordings) -> None:
    """The classes are the four rooms of the data set whose statistics they have."""
    assert recordings.class_names == tuple(MEASURED)


@pytest.mark.parametrize("name", MEASURED)
def test_level_is_within_1_db(recordings: CtfRecordings, name: str) -> None:
    """Each room's mean level is that measured, within 1 dB."""
    assert mean_level_db(sweeps_of(recordings, name)) == pytest.approx(MEASURED[name][0], abs=1.0)


@pytest.mark.parametrize("name", MEASURED)
def test_spread_over_positions_is_within_half_a_db(recordings: CtfRecordings, name: str) -> None:
    """Each room's std over positions is that measured, within 0.5 dB."""
    assert position_std_db(sweeps_of(recordings, name)) == pytest.approx(MEASURED[name][1], abs=0.5)


@pytest.mark.parametrize("name", MEASURED)
def test_delay_spread_is_within_3_ns(recordings: CtfRecordings, name: str) -> None:
    """Each room's rms delay spread is that measured, within 3 ns."""
    assert rms_delay_spread_ns(sweeps_of(recordings, name)) == pytest.approx(
        MEASURED[name][2], abs=3.0
    )


@pytest.mark.parametrize("name", MEASURED)
def test_power_decays_within_a_quarter(recordings: CtfRecordings, name: str) -> None:
    """Each room's late power decays as measured, within 25 % (its definition is not published)."""
    assert power_decay_ns(sweeps_of(recordings, name)) == pytest.approx(MEASURED[name][3], rel=0.25)


@pytest.mark.parametrize("name", MEASURED)
def test_static_sweeps_differ_as_measured(recordings: CtfRecordings, name: str) -> None:
    """Sweeps of a static point differ from one to the next as measured, within 0.08 dB."""
    sweeps = sweeps_of(recordings, name)
    static = sweeps[: len(sweeps) // 2]
    assert sweep_rmse_db(static) == pytest.approx(MEASURED[name][4], abs=0.08)


@pytest.mark.parametrize("name", MEASURED)
def test_moving_points_vary_more_than_static_ones(recordings: CtfRecordings, name: str) -> None:
    """Sweeps differ at least three times as much where people move."""
    sweeps = sweeps_of(recordings, name)
    half = len(sweeps) // 2
    assert sweep_rmse_db(sweeps[half:]) > 3 * sweep_rmse_db(sweeps[:half])


def test_static_and_moving_points_share_positions(recordings: CtfRecordings) -> None:
    """A static point resembles the moving point of its position more than the next one's."""
    mean = recordings.sweeps[0].mean(axis=1)
    half = len(mean) // 2
    static, moving = mean[:half], mean[half:]
    same = np.abs(static - moving).mean()
    other = np.abs(static - np.roll(moving, 1, axis=0)).mean()
    assert same < 0.7 * other


def test_few_values_saturate(recordings: CtfRecordings) -> None:
    """The 8-bit range holds all but one value in a thousand, and most of it is used."""
    assert recordings.scale is not None
    low, high = recordings.scale
    values = np.stack(recordings.sweeps)
    assert np.mean((values < low) | (values > high)) < 0.001
    assert values.max() > 0.8 * high


def test_recordings_are_labelled_synthetic() -> None:
    """Flag and source say synthetic; the source gives the counts and the seed."""
    recordings = synthesize_ctf(points_per_class=6, sweeps_per_point=3, seed=11)
    assert recordings.synthetic
    assert recordings.source.split()[0] == "synthetic"
    for fact in ("4 rooms", "6 points", "3 sweeps", "seed 11"):
        assert fact in recordings.source


@pytest.mark.parametrize(("points", "sweeps"), [(2, 1), (5, 3)])
def test_shape_is_as_asked(points: int, sweeps: int) -> None:
    """Every class has the points and sweeps asked for, as float32."""
    for array in synthesize_ctf(points, sweeps).sweeps:
        assert array.shape == (points, sweeps, 2, FREQUENCY_BINS)
        assert array.dtype == np.float32


def test_equal_arguments_give_equal_recordings() -> None:
    """The same arguments give the same numbers; another seed gives others at every point."""
    first, again = synthesize_ctf(8, 2, seed=4), synthesize_ctf(8, 2, seed=4)
    other = synthesize_ctf(8, 2, seed=5)
    assert np.array_equal(first.sweeps, again.sweeps)
    assert (np.abs(np.subtract(first.sweeps, other.sweeps)).max(axis=(2, 3, 4)) > 1e-5).all()


def test_smaller_sets_are_the_beginning_of_larger_ones() -> None:
    """Fewer points and sweeps give the first ones of each half of a larger set."""
    large, small = synthesize_ctf(12, 5), synthesize_ctf(6, 2)
    for many, few in zip(large.sweeps, small.sweeps, strict=True):
        kept = np.concatenate([many[:3, :2], many[6:9, :2]])
        assert np.abs(kept - few).max() < 1e-7


def test_blocks_do_not_show() -> None:
    """Points drawn in several blocks equal those drawn in one."""
    large, small = synthesize_ctf(6, 3000), synthesize_ctf(6, 2)
    for many, few in zip(large.sweeps, small.sweeps, strict=True):
        assert np.abs(many[:, :2] - few).max() < 1e-7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points_per_class": 1}, "points_per_class must be 2 or more but is 1"),
        ({"sweeps_per_point": 0}, "sweeps_per_point must be 1 or more but is 0"),
        ({"seed": -1}, "seed must be 0 or more but is -1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, int], message: str) -> None:
    """An argument out of its range is refused by name, value and range."""
    with pytest.raises(ValueError, match=message):
        synthesize_ctf(**arguments)
