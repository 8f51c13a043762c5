# SPDX-License-Identifier: Apache-2.0
"""Networks just inside the chips' limits, and just outside."""

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.network import LayerPlan, Network, conv, linear, max_pool
from tests.hardware.conftest import indoor_network


def edges(fit: bool) -> list[tuple[Network, tuple[int, ...], Chip]]:
    """Networks just inside the limits, or just outside."""

    def line(length: int, plan: LayerPlan, channels: int = 1) -> Network:
        return Network.chain(channels, (length,), [plan])

    def images(channels: int, middle: int) -> Network:
        plans = [conv(f"a{n}", n, kernel=3, padding=1) for n in (512, middle, 8)]
        return Network.chain(channels, (4, 4), plans)

    def rows(length: int, padding: int) -> Network:
        return line(length, conv("a", 1, kernel=3, padding=padding))

    def image(columns: int) -> Network:
        plans = [conv("a", 4, kernel=1), conv("b", 1, kernel=1)]
        return Network.chain(1, (64, columns), plans)

    points = [conv(f"a{index}", 16, kernel=1) for index in range(31)]
    wide = [conv(f"a{index}", 400, kernel=1) for index in range(4 if fit else 5)]
    flat = [conv("a", 30, kernel=1), conv("b", 40, kernel=1), linear("c", 5), linear("d", 20)]
    inside = [
        (indoor_network(183), (8,) * 4, MAX78002),
        (indoor_network(101), (2, 2, 2, 8), MAX78000),
        (images(1, 448), (8,) * 3, MAX78002),
        (rows(1022, 1), (8,), MAX78000),
        (rows(1020, 2), (8,), MAX78000),
        (rows(2047, 1), (8,), MAX78002),
        (image(64), (8, 8), MAX78002),
        (Network.chain(64, (1,), wide), (8, 8, 8, 8), MAX78002),
        (Network.chain(4, (1,), points), (8,) * 31, MAX78000),
        (Network.chain(16, (1,), points), (8,) * 31, MAX78000),
        (Network.chain(1, (4,), flat), (8,) * 4, MAX78000),
        (Network.chain(1, (4,), flat), (8,) * 4, MAX78002),
        (line(1, linear("a", 66)), (8,), MAX78002),
        (line(7, conv("a", 1, kernel=3), 2), (8,), MAX78000),
        (Network.chain(2, (7,), [linear("a", 1), linear("b", 1)]), (8, 8), MAX78000),
        (line(160, conv("a", 4, kernel=9, padding=2, pool=max_pool(16))), (8,), MAX78002),
        (line(256, linear("a", 4), 10), (8,), MAX78002),
    ]
    outside = [
        (indoor_network(185), (8,) * 4, MAX78002),
        (indoor_network(101), (8,) * 4, MAX78000),
        (images(2, 448), (8,) * 3, MAX78002),
        (rows(1023, 1), (8,), MAX78000),
        (rows(1021, 2), (8,), MAX78000),
        (image(65), (8, 8), MAX78002),
        (Network.chain(64, (1,), wide), (1,) * 5, MAX78000),
        (line(257, linear("a", 4), 10), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=10)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=5, padding=3)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=1, padding=1)), (8,), MAX78002),
        (line(32, conv("a", 4, kernel=3, padding=1), 72), (8,), MAX78002),
        (line(64, conv("a", 4, kernel=1, pool=max_pool(17))), (8,), MAX78002),
        (line(64, conv("a", 4, kernel=1, pool=max_pool(2, 17))), (8,), MAX78002),
        (line(1, conv("a", 4, kernel=1), 1025), (8,), MAX78002),
        (line(1, conv("a", 1025, kernel=1)), (8,), MAX78002),
        (line(1, conv("a", 513, kernel=1)), (8,), MAX78000),
        (Network.chain(3, (300, 300), [conv("a", 1, kernel=3)]), (8,), MAX78002),
    ]
    return inside if fit else outside
