# SPDX-License-Identifier: Apache-2.0
"""Statistics of channel transfer functions, against channels whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from objectives.data.ctf_statistics import (
    frequency_correlation,
    mean_level_db,
    position_std_db,
    power_decay_ns,
    power_delay_profile,
    rms_delay_spread_ns,
    sweep_rmse_db,
)

ONE_SWEEP = (
    Path(__file__).resolve().parents[2].parent
    / "shared"
    / "data"
    / "ctf_recording_classroom_static.csv"
)


def as_sweeps(channel: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Complex S21 (points, sweeps, 101) as (points, sweeps, 2, 101)."""
    return np.stack([channel.real, channel.imag], axis=2)


def two_rays(delays_ns: tuple[float, float], powers: tuple[float, float]) -> NDArray[np.float64]:
    """Many points whose two rays meet in every phase, one sweep each."""
    bins_ghz = 0.001 * np.arange(101)
    rays = np.exp(-2j * np.pi * np.outer(delays_ns, bins_ghz)) * np.sqrt(powers)[:, None]
    turns = np.exp(2j * np.pi * np.arange(64) / 64)[:, None]
    return as_sweeps((rays[0] + turns * rays[1])[:, None])


def rician(k: float, points: int) -> NDArray[np.float64]:
    """Points of a channel with K times as much steady as scattered power, independent bins."""
    pairs = np.random.default_rng(3).normal(size=(2, points, 1, 101)) / np.sqrt(2)
    return as_sweeps(np.sqrt(k / (k + 1)) + np.sqrt(1 / (k + 1)) * (pairs[0] + 1j * pairs[1]))


@pytest.fixture(scope="module")
def classroom() -> NDArray[np.float64]:
    if not ONE_SWEEP.exists():
        pytest.skip("the published classroom sweep is not beside this checkout")
    table = np.loadtxt(ONE_SWEEP, delimiter=",", skiprows=1)
    return table[:, 1:].T[None, None]


def test_classroom_sweep_has_its_published_level(classroom: NDArray[np.float64]) -> None:
    """The real classroom sweep has a mean level of -50.0 dB."""
    assert mean_level_db(classroom) == pytest.approx(-50.0, abs=0.1)


def test_classroom_sweep_has_its_published_delay_spread(classroom: NDArray[np.float64]) -> None:
    """The real classroom sweep has an rms delay spread of 22 to 24 ns."""
    assert 22.0 <= rms_delay_spread_ns(classroom) <= 24.0


def test_classroom_sweep_arrives_when_published(classroom: NDArray[np.float64]) -> None:
    """The real classroom sweep peaks at 29 ns, with late arrivals near 79 and 118 ns."""
    profile = power_delay_profile(classroom)
    peaks = [
        delay for delay in range(1, 130) if profile[delay - 1] < profile[delay] > profile[delay + 1]
    ]
    strong = [delay for delay in peaks if profile[delay] > 0.01]
    assert strong == pytest.approx([29, 79, 118], abs=5)


@pytest.mark.parametrize(("separation_mhz", "published"), [(3, 0.9), (6, 0.7), (11, 0.5)])
def test_classroom_sweep_decorrelates_as_published(
    classroom: NDArray[np.float64], separation_mhz: int, published: float
) -> None:
    """The real classroom sweep's frequency correlation is 0.9, 0.7 and 0.5 at 3, 6 and 11 MHz."""
    assert frequency_correlation(classroom, separation_mhz) == pytest.approx(published, abs=0.05)


def test_level_is_that_of_the_mean_amplitude() -> None:
    """Amplitudes of 1 and 3 have the level of 2, not that of their geometric mean."""
    channel = np.ones((2, 1, 101), complex)
    channel[1] *= 3j
    assert mean_level_db(as_sweeps(channel)) == pytest.approx(6.0206, abs=1e-3)


@pytest.mark.parametrize(("k_db", "std_db"), [(1.7, 4.74), (4.6, 3.79), (9.6, 2.09)])
def test_rician_channels_spread_as_in_the_table(k_db: float, std_db: float) -> None:
    """K of 1.7, 4.6 and 9.6 dB give the spreads listed beside them for the real rooms."""
    spread = position_std_db(rician(10 ** (k_db / 10), points=400))
    assert spread == pytest.approx(std_db, abs=0.15)


def test_profile_peaks_at_the_ray() -> None:
    """A ray at 40 ns alone stands at step 40, and 24 dB lower at 25 ns from it."""
    profile = power_delay_profile(two_rays((40.0, 40.0), (1.0, 0.0)))
    assert int(profile.argmax()) == 40
    assert profile[[15, 65]] == pytest.approx([0.0, 0.0], abs=10**-2.4)


def test_two_equal_rays_spread_by_half_their_distance() -> None:
    """Two equal rays 120 ns apart have a spread of 60 ns, but for the window's few ns."""
    spread_ns = rms_delay_spread_ns(two_rays((30.0, 150.0), (1.0, 1.0)))
    assert spread_ns == pytest.approx(60.0, abs=0.5)


def test_rays_below_the_cut_do_not_count() -> None:
    """A ray of -27 dB changes nothing in the delay spread, one of -20 dB does."""
    alone = rms_delay_spread_ns(two_rays((30.0, 200.0), (1.0, 0.0)))
    below = rms_delay_spread_ns(two_rays((30.0, 200.0), (1.0, 10**-2.7)))
    above = rms_delay_spread_ns(two_rays((30.0, 200.0), (1.0, 10**-2.0)))
    assert below == pytest.approx(alone, abs=0.2)
    assert above > alone + 5.0


@pytest.mark.parametrize("decay_ns", [20.0, 30.0])
def test_exponential_scatter_decays_as_drawn(decay_ns: float) -> None:
    """Scatter drawn with a decay gives that decay back, less what the -25 dB cut takes."""
    delays_ns = 30.0 + 2.0 * np.arange(150)
    draws = np.random.default_rng(5).normal(size=(2, 800, 150))
    gains = (draws[0] + 1j * draws[1]) * np.exp(-(delays_ns - 30.0) / (2 * decay_ns))
    channel = gains @ np.exp(-2j * np.pi * np.outer(delays_ns, 0.001 * np.arange(101)))
    measured_ns = power_decay_ns(as_sweeps(channel[:, None]))
    assert 0.75 * decay_ns < measured_ns < 1.02 * decay_ns


def test_alternating_sweeps_differ_by_their_step() -> None:
    """Sweeps that alternate between 1 and 10^(1/20) differ by 1 dB."""
    gains = np.array([1.0, 10 ** (1 / 20)] * 3)
    channel = gains[None, :, None] * np.ones((4, 6, 101), complex)
    assert sweep_rmse_db(as_sweeps(channel)) == pytest.approx(1.0)


def test_one_ray_stays_correlated() -> None:
    """A single ray's bins are fully correlated at any separation."""
    assert frequency_correlation(two_rays((40.0, 40.0), (1.0, 0.0)), 50) == pytest.approx(1.0)


def test_two_rays_decorrelate_at_half_their_beat() -> None:
    """Two equal rays 50 ns apart have no correlation at 10 MHz, where they beat by half a turn."""
    assert frequency_correlation(two_rays((30.0, 80.0), (1.0, 1.0)), 10) < 0.01


def test_too_little_data_is_named() -> None:
    """One point has no spread over positions and one sweep no difference to the next."""
    one = two_rays((30.0, 60.0), (1.0, 0.5))[:1]
    with pytest.raises(ValueError, match="2 points or more but got 1"):
        position_std_db(one)
    with pytest.raises(ValueError, match="2 sweeps per point or more but got 1"):
        sweep_rmse_db(one)


@pytest.mark.parametrize("separation_mhz", [-1, 101])
def test_separation_outside_the_band_is_refused(separation_mhz: int) -> None:
    """Separations outside 0 ... 100 MHz are refused by name, value and range."""
    with pytest.raises(
        ValueError, match=rf"separation_mhz must be 0 \.\.\. 100 but is {separation_mhz}"
    ):
        frequency_correlation(two_rays((30.0, 60.0), (1.0, 0.5)), separation_mhz)
