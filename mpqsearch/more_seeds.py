# SPDX-License-Identifier: Apache-2.0
"""How many more seeds would settle what is in doubt, if means and spreads stay as they are."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mpqsearch.seed_noise import LEAST_DEGREES

MOST_SEEDS = 1000
"""Seeds beyond which nobody trains; a difference that needs more counts as none."""


def more_seeds(lead: float, error: float, seeds: int, sure: float) -> int | None:
    """Seeds to train in addition until a lead is beyond doubt.

    The least n with |lead| >= t(sure, v) s / sqrt(n), v = max(n - 1, 4) degrees of freedom, and s
    the deviation at one seed. That the lead and s stay as they are is assumed; they will not, so in
    about half of all cases it takes more.

    Args:
        lead: Of a mean over a bound, or of one candidate over another; its sign does not matter.
        error: Its standard error now, that is s / sqrt(seeds).
        seeds: Seeds now; of two candidates, those that both have.
        sure: Probability at which it counts as settled, 0.5 to 1.

    Returns:
        0 where it is settled; None where `MOST_SEEDS` would not do.

    **Source:** sample size of a one-sided, paired t test at a power of one half: W. G. Cochran,
    "Sampling Techniques", 3rd edition, 1977, section 4.6, n = (t s / d)^2.
    """
    if error == 0:
        return None if lead == 0 else 0
    deviation = error * math.sqrt(seeds)
    counts = np.arange(seeds, MOST_SEEDS + 1)
    enough = abs(lead) * np.sqrt(counts) >= _quantiles(sure)[counts - 1] * deviation
    return int(counts[enough.argmax()]) - seeds if enough.any() else None


@cache
def _quantiles(sure: float) -> NDArray[np.float64]:
    """Quantiles of Student's t for 1, 2, ... `MOST_SEEDS` seeds."""
    from scipy.stats import t

    degrees = np.maximum(np.arange(MOST_SEEDS), LEAST_DEGREES)
    return np.asarray(t.ppf(sure, degrees))
