# SPDX-License-Identifier: Apache-2.0
"""Channel transfer functions (CTF): what every source of indoor radio data gives."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

FREQUENCY_BINS = 101
"""Bins from 2.400 to 2.500 GHz, 1 MHz apart. Source: Abushahla et al., indoor data set."""


class CtfDataError(ValueError):
    """Channel data that cannot be used: missing, truncated, misshapen or not finite."""


@dataclass(frozen=True)
class CtfRecordings:
    """Sweeps of the 2.4-2.5 GHz channel, by class and grid point.

    Attributes:
        sweeps: One array per class, float32 of shape (points, sweeps, 2, 101): real and imaginary
            part of S21 (linear) in the bins 2.400 ... 2.500 GHz. Points may differ between classes.
        class_names: One name per class, in label order.
        scale: (lowest, highest) value that maps onto the ends of the 8-bit input range; values
            outside saturate. None: the extremes of the training sweeps.
        source: Where the sweeps come from, in words for tables and reports.
        synthetic: True where no radio was involved.
    """

    sweeps: tuple[NDArray[np.float32], ...]
    class_names: tuple[str, ...]
    scale: tuple[float, float] | None
    source: str
    synthetic: bool

    def __post_init__(self) -> None:
        if len(self.sweeps) != len(self.class_names):
            raise CtfDataError(
                f"{len(self.sweeps)} arrays of sweeps for {len(self.class_names)} classes"
            )
        for name, sweeps in zip(self.class_names, self.sweeps, strict=True):
            if sweeps.ndim != 4 or sweeps.shape[2:] != (2, FREQUENCY_BINS) or sweeps.size == 0:
                raise CtfDataError(
                    f"class {name!r}: sweeps must have shape (points, sweeps, 2, {FREQUENCY_BINS})"
                    f" but have {sweeps.shape}"
                )
            if not np.isfinite(sweeps).all():
                raise CtfDataError(f"class {name!r}: sweeps hold NaN or infinite values")

    def first_sweeps(self, most: int | None) -> Self:
        """Keeps at most this many sweeps of every point, the first ones; None keeps all.

        Where that leaves some out, `source` says so.
        """
        there = max(sweeps.shape[1] for sweeps in self.sweeps)
        if most is None or there <= most:
            return self
        return replace(
            self,
            sweeps=tuple(sweeps[:, :most] for sweeps in self.sweeps),
            source=f"{self.source}; the first {most} of {there} sweeps at each point",
        )
