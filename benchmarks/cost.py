# SPDX-License-Identifier: Apache-2.0
"""Time to price one candidate and the indoor study's whole grid of 891.

Run from the repository root: `python -m benchmarks.cost`.
"""

import itertools
import time

from hardware.chips import MAX78002
from hardware.cost.model import CostModel
from hardware.network import Network, conv, linear

LENGTHS = (101, 91, 81, 71, 61, 51, 41, 31, 21, 11, 5)
REPEATS = 5


def indoor_network(length: int) -> Network:
    """The indoor study's network."""
    plans = [
        conv("conv1", 10, kernel=3, padding=1),
        conv("conv2", 10, kernel=3, padding=1),
        linear("fc1", 200),
        linear("fc2", 4),
    ]
    return Network.chain(2, (length,), plans)


def price_grid(networks: list[Network]) -> float:
    """Seconds to price every length and bits with a new model."""
    model = CostModel(MAX78002)
    begun = time.perf_counter()
    for network in networks:
        for bits in itertools.product((8, 4, 2), repeat=4):
            model.cost(network, bits)
    return time.perf_counter() - begun


def main() -> None:
    """Prints the table."""
    networks = [indoor_network(length) for length in LENGTHS]
    count = len(networks) * 3**4
    seconds = min(price_grid(networks) for _ in range(REPEATS))
    print(f"{'what':24} {'time':>10} {'goal':>10} {'ratio':>6}")
    for what, taken, goal, unit in (
        ("one candidate", seconds / count * 1e6, 100.0, "us"),
        (f"grid of {count}", seconds * 1e3, 100.0, "ms"),
    ):
        print(f"{what:24} {taken:7.1f} {unit} {goal:7.1f} {unit} {taken / goal:6.2f}")


if __name__ == "__main__":
    main()
