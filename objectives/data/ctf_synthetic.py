# SPDX-License-Identifier: Apache-2.0
"""A physical generator of synthetic 2.4 GHz indoor channels, for work without the recordings.

Four rooms after Saleh and Valenzuela: a direct ray, rays that belong to the room (walls, floor,
furniture: their directions and delays are the same at every position, so their phases turn as the
receiver moves over the grid), diffuse rays drawn per position, and an echo of the instrument. What
a network can learn is the room: its direct ray, its fixed rays, its decay, its level. What keeps it
from certainty is the diffuse part and, in short inputs, the lack of resolution in delay.

**Source:** levels, spread over positions, decays, delay spreads, echoes and sweep-to-sweep
differences are those measured in the UCI data set 480, "2.4 GHz Indoor Channel Measurements"
(AlHajri, Ali, Shubair; CC BY 4.0). What says "fitted" below was not measured: the rays, the grid
spacing, the share of fixed rays and the clutter are chosen so that test accuracy falls with the
input length as Abushahla et al. report for their recordings (`benchmarks/synthetic_accuracy.py`),
at 388 points of 16 sweeps; with more sweeps a network trains longer and does better on short
inputs. Nothing made here is a measurement, and no accuracy reached on it is one of a real room.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from objectives.data.ctf import FREQUENCY_BINS, CtfRecordings

FIRST_ARRIVAL_NS = 30.0
"""Delay of the direct ray at the grid's centre, cables included. Source: UCI 480, all rooms."""

INSTRUMENT_ECHO_NS = 120.0
"""Delay of the echo that stands in all four rooms. Source: UCI 480."""

INSTRUMENT_ECHO_DB = -73.0
"""Level of that echo in S21, dB; fitted: 20 dB and more below the direct rays."""

RAY_SPACING_NS = 5.0
"""Delay between diffuse rays, half of what 100 MHz resolve. Source: Saleh and Valenzuela."""

DIFFUSE_RAYS = 36
"""Diffuse rays per position: 180 ns, by which every decay below has fallen by 15 dB or more."""

FIXED_RAYS = 16
"""Rays of the room itself, equally strong, denser where the room's decay is stronger; fitted."""

FIXED_SHARE = 0.77
"""Share of the scattered power in the room's fixed rays, the rest is diffuse; fitted."""

GRID_COLUMNS = 14
"""Positions per row of the grid. Source: UCI 480, 14 x 14 positions."""

GRID_SPACING_M = 0.01
"""Distance between neighbouring positions, metres; fitted.

The grid then spans little more than a wavelength (0.122 m), and neighbouring points resemble each
other: what a network needs to know a held-out point from a few MHz, and not a property of UCI 480.
"""

PLACEMENT_M = 0.001
"""Standard deviation of the receiver's placement on each axis, metres; fitted."""

CLUTTER_DB = 6.0
"""Standard deviation of the diffuse rays' level over positions, dB (log-normal); fitted."""

MOVING_SHARE = 0.5
"""Share of the diffuse power that people moving redraw in each sweep; fitted."""

SCALE = (-0.011066, 0.011379)
"""Values at the ends of the 8-bit range. Source: Abushahla et al., extremes of their recordings.

Constants rather than the extremes of the training sweeps (None): one step is then 87.7e-6 in S21 as
on the recordings, whatever the seed and sizes, and one strong sweep cannot coarsen all the others.
Fewer than 0.1 % of the synthetic values lie outside and saturate.
"""

_SPEED_OF_LIGHT_M_PER_NS = 0.299792458
_FREQUENCIES_GHZ = 2.4 + 0.001 * np.arange(FREQUENCY_BINS)
_ROOMS_SEED = 480
_SWEEPS_PER_BLOCK = 4096


@dataclass(frozen=True)
class Echo:
    """Late scattered power that stands out of the decay.

    Attributes:
        delay_ns: Its centre.
        width_ns: Its standard deviation.
        level_db: Its level in the power-delay profile relative to the peak, dB.
    """

    delay_ns: float
    width_ns: float
    level_db: float


@dataclass(frozen=True)
class Room:
    """What sets one environment apart.

    Attributes:
        name: Class name.
        level_db: 20 log10 of the mean abs(S21) without the instrument's echo, dB.
        rician_k_db: Power of the direct ray over that of all scattered rays, dB.
        decay_ns: Time in which the scattered power falls to 1/e.
        echo: Late scattered power, where there is any.
        noise_db: Receiver noise relative to the level, dB.
    """

    name: str
    level_db: float
    rician_k_db: float
    decay_ns: float
    echo: Echo | None
    noise_db: float


ROOMS = (
    Room("corridor", -47.9, 1.7, 30.0, Echo(90.0, 4.0, -10.6), -41.0),
    Room("lab", -50.1, 1.6, 26.0, None, -35.0),
    Room("lobby", -47.5, 4.0, 32.0, Echo(100.0, 4.0, -15.8), -38.0),
    Room("sports hall", -51.0, 9.2, 52.0, Echo(110.0, 20.0, -15.5), -32.0),
)
"""The classes in label order.

**Source:** UCI 480 for levels and echoes. K, decay and noise start from it and are fitted so that
the statistics over the grid, in `ctf_statistics`, come out as measured there. So is the hall's
echo: beside so strong a direct ray, 26 ns of delay spread need most scattered power that late.
"""


@dataclass(frozen=True)
class _Rays:
    """The rays of one room.

    Attributes:
        delays_ns: (rays,) direct ray first, then the fixed ones, at the grid's centre.
        amplitudes: (rays,) complex, relative to the room's total power of 1.
        directions: (rays, 2) unit vectors towards where each ray comes from.
        diffuse: (DIFFUSE_RAYS, 101) complex64, each diffuse ray's response in every bin.
    """

    delays_ns: NDArray[np.float64]
    amplitudes: NDArray[np.complex128]
    directions: NDArray[np.float64]
    diffuse: NDArray[np.complex64]


def synthesize_ctf(
    points_per_class: int = 388, sweeps_per_point: int = 16, seed: int = 0
) -> CtfRecordings:
    """Draws synthetic recordings of four rooms.

    The first half of a class's points is static (sweeps differ by receiver noise), the second half
    stands at the same grid positions with people moving (each sweep redraws part of the diffuse
    rays). The rooms are the same for every seed; the seed draws diffuse rays, placements and noise.
    Every point has generators of its own, so a smaller set holds the first points of each half, and
    the first sweeps of each point, of a larger one. As with the recordings, a split by point may
    put the static and the moving point of one position on different sides. More than 196 positions
    add rows to the grid.

    Args:
        points_per_class: Points of each class, 2 or more; 388 as in Abushahla et al.
        sweeps_per_point: Sweeps of each point, 1 or more; 200 in Abushahla et al.
        seed: Seed of everything but the rooms, 0 or more.

    Returns:
        Recordings of shape (points_per_class, sweeps_per_point, 2, 101) per class.

    Raises:
        ValueError: An argument out of its range.
    """
    _require("points_per_class", points_per_class, 2)
    _require("sweeps_per_point", sweeps_per_point, 1)
    _require("seed", seed, 0)
    return CtfRecordings(
        sweeps=tuple(
            _room_sweeps(label, points_per_class, sweeps_per_point, seed)
            for label in range(len(ROOMS))
        ),
        class_names=tuple(room.name for room in ROOMS),
        scale=SCALE,
        source=(
            f"synthetic Saleh-Valenzuela channels with the statistics of UCI data set 480:"
            f" {len(ROOMS)} rooms x {points_per_class} points x {sweeps_per_point} sweeps,"
            f" seed {seed}; no radio was involved"
        ),
        synthetic=True,
    )


def _require(name: str, value: int, lowest: int) -> None:
    if value < lowest:
        raise ValueError(
            f"synthetic channels: {name} must be {lowest} or more but is {value}; raise it"
        )


def _room_sweeps(label: int, points: int, sweeps: int, seed: int) -> NDArray[np.float32]:
    """Sweeps of one class, (points, sweeps, 2, 101)."""
    room, rays, static_points = ROOMS[label], _draw_rays(label), points // 2
    echo = _response(np.array([INSTRUMENT_ECHO_NS]))[0] * 10 ** (INSTRUMENT_ECHO_DB / 20)
    gain = 10 ** (room.level_db / 20) / _mean_amplitude(room.rician_k_db)
    noise = np.float32(10 ** (room.noise_db / 20))
    result = np.empty((points, sweeps, 2, FREQUENCY_BINS), np.float32)
    # Blocks bound the memory; one product per block keeps BLAS from splitting many small ones.
    block = max(1, _SWEEPS_PER_BLOCK // sweeps)
    for first in range(0, points, block):
        last = min(first + block, points)
        fixed, weights, received = [], [], []
        for point in range(first, last):
            moving = point >= static_points
            position = point - static_points if moving else point
            of_position = _generator(seed, label, position, 0)
            of_sweeps = _generator(seed, label, position, 2 if moving else 1)
            fixed.append(_fixed_rays(rays, position, of_sweeps))
            # One row of draws per sweep: its first rows stay the same when more are asked for.
            rows = _complex_normal(of_sweeps, sweeps, DIFFUSE_RAYS + FREQUENCY_BINS)
            share = MOVING_SHARE if moving else 0.0
            weights.append(_diffuse_weights(of_position, rows[:, :DIFFUSE_RAYS], share))
            received.append(noise * rows[:, DIFFUSE_RAYS:])
        scattered = np.stack(weights).reshape(-1, DIFFUSE_RAYS) @ rays.diffuse
        channel = scattered.reshape(last - first, sweeps, FREQUENCY_BINS) + np.stack(received)
        channel = gain * (channel + np.stack(fixed)[:, None]) + echo
        result[first:last, :, 0] = channel.real
        result[first:last, :, 1] = channel.imag
    return result


def _diffuse_weights(
    generator: np.random.Generator, fresh: NDArray[np.complex64], moving_share: float
) -> NDArray[np.complex64]:
    """Amplitudes of a position's diffuse rays in each sweep, (sweeps, DIFFUSE_RAYS)."""
    still = _complex_normal(generator, 1, DIFFUSE_RAYS)
    # Log-normal over positions, its mean square 1.
    sigma = CLUTTER_DB * np.log(10) / 20
    clutter = np.exp(sigma * generator.standard_normal() - sigma**2)
    weights = np.sqrt(1 - moving_share) * still + np.sqrt(moving_share) * fresh
    return np.asarray(clutter * weights, np.complex64)


def _generator(seed: int, label: int, position: int, stream: int) -> np.random.Generator:
    """The generator of a position (stream 0), or of its static (1) or moving (2) sweeps."""
    return np.random.default_rng(np.random.SeedSequence((seed, label, position, stream)))


def _complex_normal(
    generator: np.random.Generator, rows: int, columns: int
) -> NDArray[np.complex64]:
    """Circular complex normal values of unit power, (rows, columns)."""
    pairs = generator.standard_normal((rows, columns, 2), np.float32) * np.float32(np.sqrt(0.5))
    return pairs.view(np.complex64)[..., 0]


def _response(delays_ns: NDArray[np.float64]) -> NDArray[np.complex128]:
    """exp(-2 pi j f tau) for delays (..., rays) in ns: (..., rays, 101)."""
    turns: NDArray[np.float64] = delays_ns[..., None] * _FREQUENCIES_GHZ
    return np.asarray(np.exp(-2j * np.pi * turns))


def _mean_amplitude(k_db: float) -> float:
    """Mean of a Rician amplitude of unit power, sqrt(pi / 4 (K + 1)) L_1/2(-K).

    **Source:** the Rice distribution's mean; Laguerre L_1/2 by the Bessel functions I0 and I1.
    """
    k = 10 ** (k_db / 10)
    laguerre = (1 + k) * i0e(k / 2) + k * i1e(k / 2)
    return float(np.sqrt(np.pi / (4 * (k + 1))) * laguerre)


def _draw_rays(label: int) -> _Rays:
    """The rays of one room: the same whatever the seed of the recordings."""
    room = ROOMS[label]
    generator = np.random.default_rng(np.random.SeedSequence((_ROOMS_SEED, label)))
    direct = 1.0 / (1 + 10 ** (-room.rician_k_db / 10))
    grid_ns = np.asarray(FIRST_ARRIVAL_NS + RAY_SPACING_NS * (0.5 + np.arange(DIFFUSE_RAYS)))
    power = _scattered_power(room, grid_ns, direct)
    # Equal powers at the quantiles of the profile: rays stand denser where more power arrives.
    quantiles = (np.arange(FIXED_RAYS) + 0.5) / FIXED_RAYS
    fixed_ns = np.interp(quantiles, np.cumsum(power) / power.sum(), grid_ns)
    fixed_ns += RAY_SPACING_NS * generator.uniform(-0.5, 0.5, FIXED_RAYS)
    fixed_power = np.full(FIXED_RAYS, FIXED_SHARE * (1 - direct) / FIXED_RAYS)
    phases = generator.uniform(0, 2 * np.pi, FIXED_RAYS + 1)
    angles = generator.uniform(0, 2 * np.pi, FIXED_RAYS + 1)
    diffuse = _response(grid_ns) * np.sqrt((1 - FIXED_SHARE) * power)[:, None]
    return _Rays(
        delays_ns=np.append(FIRST_ARRIVAL_NS, fixed_ns),
        amplitudes=np.sqrt(np.append(direct, fixed_power)) * np.exp(1j * phases),
        directions=np.stack([np.cos(angles), np.sin(angles)], axis=1),
        diffuse=diffuse.astype(np.complex64),
    )


def _scattered_power(
    room: Room, delays_ns: NDArray[np.float64], direct: float
) -> NDArray[np.float64]:
    """Scattered power at each delay: the echo, and the decay with the rest of 1 - direct."""
    power = np.zeros_like(delays_ns)
    if room.echo is not None:
        bump = np.exp(-0.5 * ((delays_ns - room.echo.delay_ns) / room.echo.width_ns) ** 2)
        # A wide echo is spread over several 15 ns cells (a Hann window's) and needs more power.
        cells = max(1.0, np.sqrt(2 * np.pi) * room.echo.width_ns / 15.0)
        power = bump / bump.sum() * cells * direct * 10 ** (room.echo.level_db / 10)
    decay = np.exp(-delays_ns / room.decay_ns)
    return np.asarray(power + decay / decay.sum() * (1 - direct - power.sum()))


def _fixed_rays(
    rays: _Rays, position: int, generator: np.random.Generator
) -> NDArray[np.complex128]:
    """Direct and fixed rays at a position of the grid, (101,)."""
    row_column = np.array(divmod(position, GRID_COLUMNS)) - (GRID_COLUMNS - 1) / 2
    place_m = GRID_SPACING_M * row_column + PLACEMENT_M * generator.standard_normal(2)
    delays_ns = rays.delays_ns - rays.directions @ place_m / _SPEED_OF_LIGHT_M_PER_NS
    return rays.amplitudes @ _response(delays_ns)
