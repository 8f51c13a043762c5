# SPDX-License-Identifier: Apache-2.0
"""The forgiving factor: how much accuracy a cheaper network may lose and count the same."""

import math

from mpqsearch.errors import StudyError


def forgiving_score(
    accuracy: float,
    cost: float,
    reference_cost: float,
    *,
    delta_p: float = 8.0,
    delta_n: float = 8.0,
    rate: float = 2.0,
    stress: float = 1.0,
) -> float:
    """A network's accuracy, raised where it costs less than the reference, lowered where more.

        score = accuracy (1 + delta),  delta = d / 100 ln(stress reference_cost / cost) / ln(rate)

    with d = delta_p where the network is cheaper than stress times the reference, else delta_n.
    With the defaults, halving the cost weighs as much as 8 % of the accuracy, in relative terms.

    Args:
        accuracy: 0 to 1.
        cost: What the network costs, above 0: in AutoQKeras bits, or energy.
        reference_cost: What the network costs that it is compared with, in the same unit, above 0:
            in AutoQKeras the same network at 8 bits.
        delta_p: Percent of the accuracy that a network `rate` times cheaper may lose.
        delta_n: Percent of the accuracy that one `rate` times as expensive must win.
        rate: Factor of cost that those percents are for, above 1.
        stress: What the reference cost is multiplied by, above 0; below 1, networks must be that
            much cheaper before they count as such.

    Raises:
        StudyError: for a number outside its range.

    **Source:** google/qkeras, `autoqkeras/forgiving_metrics/forgiving_factor.py` (`delta`),
    `autoqkeras_internal.py` (`adjusted_score`, and the goal taken where none is given: 8, 8, 2, 1);
    C. N. Coelho et al., "Automatic heterogeneous quantization of deep neural networks for
    low-latency inference on the edge for particle detectors", Nature Machine Intelligence 3, 2021.
    """
    if not 0 <= accuracy <= 1:
        raise StudyError(f"forgiving factor: accuracy must be in [0, 1] but is {accuracy:g}")
    above = {"cost": (cost, 0), "reference_cost": (reference_cost, 0), "stress": (stress, 0)}
    for name, (value, least) in {**above, "rate": (rate, 1)}.items():
        if not least < value < math.inf:
            raise StudyError(
                f"forgiving factor: {name} must be a number above {least} but is {value:g}"
            )
    for name, value in (("delta_p", delta_p), ("delta_n", delta_n)):
        if not 0 <= value < math.inf:
            raise StudyError(f"forgiving factor: {name} must be at least 0 but is {value:g}")
    cheaper = math.log(stress * reference_cost / cost) / math.log(rate)
    percent = delta_p if cheaper > 0 else delta_n
    return accuracy * (1 + percent / 100 * cheaper)
