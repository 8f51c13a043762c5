# SPDX-License-Identifier: Apache-2.0
"""Statistics of channel transfer functions, defined as for the table the generator must meet.

Every function takes sweeps of shape (points, sweeps, 2, 101): real and imaginary part of S21 in
bins 1 MHz apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.data.ctf import FREQUENCY_BINS

BIN_SPACING_HZ = 1e6
"""Distance of the frequency bins. Source: Abushahla et al., 101 bins over 2.400-2.500 GHz."""

PROFILE_STEP_NS = 1.0
"""Step of the power-delay profile; 100 MHz resolve about 10 ns, so nothing lies between steps."""

PROFILE_SPAN_NS = 400
"""Length of the profile, ns; it repeats after 1000 ns, indoor power is gone long before."""

DELAY_SPREAD_CUT_DB = -25.0
"""Part of the profile counted, relative to its peak. Source: the table of UCI 480."""

DECAY_START_NS = 20.0
"""Where late power starts after the peak: at the first null of the Hann window (20 ns)."""


def mean_level_db(sweeps: NDArray[np.floating[Any]]) -> float:
    """Level of the channel: 20 log10 of the mean of abs(S21) over points, sweeps and bins, dB.

    The mean is of amplitudes, not of decibels (which lies 0.5 to 1.5 dB lower, the more the channel
    fades). The published classroom sweep has -50.0 dB by this definition and -51.7 dB by the other.
    """
    return float(20 * np.log10(np.abs(as_complex(sweeps)).mean()))


def position_std_db(sweeps: NDArray[np.floating[Any]]) -> float:
    """Spread over positions, dB: std of 20 log10 abs(S21) over the points, rms over the bins.

    Each point is represented by its first sweep, so that averaging cannot hide fading. A channel
    whose direct ray has K times the scattered power has 5.6 dB at K = 0, 4.7 dB at 1.7 dB, 2.1 dB
    at 9.6 dB (the Rice distribution in dB). Needs two points or more.

    Raises:
        ValueError: Fewer than two points.
    """
    if len(sweeps) < 2:
        raise ValueError(f"spread over positions: needs 2 points or more but got {len(sweeps)}")
    level_db = 20 * np.log10(np.abs(as_complex(sweeps[:, 0])))
    return float(np.sqrt(level_db.var(axis=0, ddof=1).mean()))


def power_delay_profile(sweeps: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mean power by delay over points and sweeps, peak 1, (400,) in steps of 1 ns.

    Inverse Fourier transform of the Hann-windowed bins, zero-padded to 1 ns. Without a window the
    -13 dB side lobes of the direct ray would pass the -25 dB cut as if they were echoes; Hann's lie
    below -31 dB, for a main lobe of 20 ns on each side.
    """
    window = np.hanning(FREQUENCY_BINS + 2)[1:-1]
    length = round(1e9 / (BIN_SPACING_HZ * PROFILE_STEP_NS))
    response = np.fft.ifft(as_complex(sweeps) * window, n=length)[..., :PROFILE_SPAN_NS]
    power = (np.abs(response) ** 2).mean(axis=(0, 1))
    return np.asarray(power / power.max())


def rms_delay_spread_ns(sweeps: NDArray[np.floating[Any]]) -> float:
    """Standard deviation of the delay, weighted with the profile above -25 dB of its peak, ns.

    The Hann window itself adds about 5 ns in quadrature; the table's figures contain it as well.
    """
    power = power_delay_profile(sweeps)
    power = np.where(power >= 10 ** (DELAY_SPREAD_CUT_DB / 10), power, 0.0)
    delays_ns = PROFILE_STEP_NS * np.arange(len(power))
    mean_ns = np.average(delays_ns, weights=power)
    return float(np.sqrt(np.average((delays_ns - mean_ns) ** 2, weights=power)))


def power_decay_ns(sweeps: NDArray[np.floating[Any]]) -> float:
    """Time in which late power decays to 1/e, ns: its mean delay after the first 20 ns.

    For a profile that decays as exp(-t / T) the mean delay after any start is T; unlike a straight
    line through the decibels it stays defined where echoes stand in the tail, and counts them.
    Power more than 25 dB below the peak is left out.
    """
    power = power_delay_profile(sweeps)
    power = np.where(power >= 10 ** (DELAY_SPREAD_CUT_DB / 10), power, 0.0)
    late_ns = PROFILE_STEP_NS * (np.arange(len(power)) - int(power.argmax())) - DECAY_START_NS
    tail = late_ns >= 0
    return float(np.average(late_ns[tail], weights=power[tail]))


def sweep_rmse_db(sweeps: NDArray[np.floating[Any]]) -> float:
    """Difference between a sweep and the next of its point, rms over all and over the bins, dB.

    Raises:
        ValueError: Fewer than two sweeps per point.
    """
    if sweeps.shape[1] < 2:
        raise ValueError(
            f"sweep-to-sweep difference: needs 2 sweeps per point or more but got {sweeps.shape[1]}"
        )
    level_db = 20 * np.log10(np.abs(as_complex(sweeps)))
    return float(np.sqrt((np.diff(level_db, axis=1) ** 2).mean()))


def frequency_correlation(sweeps: NDArray[np.floating[Any]], separation_mhz: int) -> float:
    """Correlation of S21 with itself that many MHz on: abs(<h(f) h*(f + d)>), 1 at d = 0.

    The mean runs over points, sweeps and bins; it is divided by the root of both mean powers.

    Raises:
        ValueError: A separation outside 0 ... 100 MHz.
    """
    if not 0 <= separation_mhz < FREQUENCY_BINS:
        raise ValueError(
            f"frequency correlation: separation_mhz must be 0 ... {FREQUENCY_BINS - 1}"
            f" but is {separation_mhz}"
        )
    channel = as_complex(sweeps)
    low, high = channel[..., : FREQUENCY_BINS - separation_mhz], channel[..., separation_mhz:]
    power = (np.abs(low) ** 2).mean() * (np.abs(high) ** 2).mean()
    return float(np.abs((low * high.conj()).mean()) / np.sqrt(power))


def as_complex(sweeps: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """Sweeps (..., 2, 101) as complex S21 (..., 101)."""
    return np.asarray(sweeps[..., 0, :] + 1j * sweeps[..., 1, :].astype(np.float64))
