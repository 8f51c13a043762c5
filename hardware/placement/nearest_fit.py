# SPDX-License-Identifier: Apache-2.0
"""Whether a network fits, and the nearest change that makes it fit."""

from collections.abc import Callable, Sequence

from hardware.chips import Chip
from hardware.layer import NetworkError
from hardware.network import Network, format_bits
from hardware.placement.limits import DoesNotFit, demands, kernel_words

_NARROWER = {8: 4, 4: 2}


def check_fit(network: Network, bits: Sequence[int], chip: Chip) -> None:
    """Refuses what a chip cannot hold or run.

    Raises:
        DoesNotFit: naming the limit that is exceeded by the largest share, and the nearest bits
            that fit.
    """
    worst = max(demands(network, bits, chip), key=lambda demand: demand.excess)
    if not worst.fits:
        narrower = nearest_bits(network, bits, chip)
        advice = "" if narrower is None else f"; it fits with bits {format_bits(narrower)}"
        raise DoesNotFit(f"does not fit the {chip.name}: {worst}{advice}")


def nearest_bits(network: Network, bits: Sequence[int], chip: Chip) -> tuple[int, ...] | None:
    """Narrower weights that fit, halving each time the layer that takes the most weight memory.

    Returns:
        The bits, the given ones where they fit; None where the narrowest (2 bits) do not.
    """
    found = tuple(bits)
    while not _fits(network, found, chip):
        words = [
            kernel_words(layer, width) if width in _NARROWER else -1
            for layer, width in zip(network.layers, found, strict=True)
        ]
        largest = max(words)
        if largest < 0:
            return None
        index = words.index(largest)
        found = (*found[:index], _NARROWER[found[index]], *found[index + 1 :])
    return found


def longest_input(
    network_at: Callable[[int], Network], length: int, bits: Sequence[int], chip: Chip
) -> int | None:
    """The longest input, not over a length, at which a network with these bits fits.

    Args:
        network_at: Gives the network for a length, or raises NetworkError where there is none.
        length: Where to begin.
        bits: One width a layer.
        chip: What it must fit.
    """
    for shorter in range(length, 0, -1):
        try:
            if _fits(network_at(shorter), bits, chip):
                return shorter
        except NetworkError:
            return None
    return None


def advise(
    network: Network,
    bits: Sequence[int],
    chip: Chip,
    network_at: Callable[[int], Network] | None = None,
) -> str:
    """Says in one line what would make a network fit; '' where it fits.

    Args:
        network: What does not fit.
        bits: One width a layer.
        chip: What it must fit.
        network_at: Gives the network for a shorter input, where there is a choice.
    """
    if _fits(network, bits, chip):
        return ""
    changes = []
    narrower = nearest_bits(network, bits, chip)
    if narrower is not None:
        changes.append(f"bits {format_bits(narrower)}")
    if network_at is not None:
        shorter = longest_input(network_at, network.layers[0].in_size[0], bits, chip)
        if shorter is not None:
            changes.append(f"an input of {shorter}")
    if changes:
        return f"it fits with {' or with '.join(changes)}"
    broken = [demand for demand in demands(network, bits, chip) if not demand.fits]
    rules = [demand for demand in broken if not demand.is_memory]
    if rules:
        kept = ", ".join(
            f"{demand.where}: {demand.what} at most {demand.available}" for demand in rules
        )
        if len(rules) == len(broken):
            return f"it fits with {kept}"
        return f"it needs {kept}; a memory is too small for it besides"
    return "neither narrower weights nor a shorter input alone make it fit"


def _fits(network: Network, bits: Sequence[int], chip: Chip) -> bool:
    return all(demand.fits for demand in demands(network, bits, chip))
