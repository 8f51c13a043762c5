# SPDX-License-Identifier: Apache-2.0
"""Random networks for comparison with the izer, and pairs on both sides of a limit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.layer import (
    WEIGHT_BITS,
    Activation,
    Combine,
    Layer,
    NetworkError,
    Operation,
    Pool,
    PoolKind,
)
from hardware.network import Network
from hardware.placement.limits import DoesNotFit, demands
from hardware.placement.packing import check_packing

MOST_MACS = 20_000_000
"""Larger networks take the izer's simulator seconds."""
CHANNELS = (1, 2, 3, 4, 5, 8, 15, 16, 17, 60, 64, 65, 66, 72, 100, 128, 132, 192, 193, 256, 260)


@dataclass(frozen=True)
class Drawn:
    """A network with bits, on a chip."""

    network: Network
    bits: tuple[int, ...]
    chip: Chip

    @property
    def fits(self) -> bool:
        return all(demand.fits for demand in demands(self.network, self.bits, self.chip))

    @property
    def broken(self) -> set[str]:
        found = demands(self.network, self.bits, self.chip)
        return {demand.what for demand in found if not demand.fits}

    @property
    def packs(self) -> bool:
        try:
            check_packing(self.network, self.bits)
        except DoesNotFit:
            return False
        return True


def _channels(generator: np.random.Generator) -> int:
    draw = generator.random()
    if draw < 0.4:
        return int(generator.choice(CHANNELS))
    return int(generator.integers(1, 65 if draw < 0.8 else 261))


def _operation(generator: np.random.Generator, size: tuple[int, ...]) -> Operation:
    draw = generator.random()
    if draw < 0.2:
        return Operation.PASSTHROUGH
    if not size or draw < 0.4:
        return Operation.LINEAR
    return Operation.CONV1D if len(size) == 1 else Operation.CONV2D


def _pool(generator: np.random.Generator, size: tuple[int, ...]) -> Pool | None:
    if not size or generator.random() < 0.5:
        return None
    largest = min(16 if generator.random() < 0.2 else 3, *size)
    stride = int(generator.integers(1, 17 if generator.random() < 0.1 else 4))
    kind = list(PoolKind)[generator.integers(2)]
    return Pool(kind, int(generator.integers(1, largest + 1)), stride)


def draw_layer(
    generator: np.random.Generator, name: str, channels: int, size: tuple[int, ...]
) -> Layer:
    """A layer on an input of this shape.

    Raises:
        NetworkError: where what was drawn leaves nothing of the input.
    """
    operation = _operation(generator, size)
    passing = operation is Operation.PASSTHROUGH
    linear = operation is Operation.LINEAR
    taps = int(generator.integers(1, 10) if len(size) == 1 else generator.choice((1, 3)))
    axes = operation.kernel_axes
    return Layer(
        name=name,
        operation=operation,
        in_channels=channels,
        in_size=size,
        out_channels=channels if passing else _channels(generator),
        kernel=(taps,) * axes,
        padding=int(generator.integers(min(3, taps))) if axes else 0,
        pool=None if linear else _pool(generator, size),
        activation=Activation.NONE if passing else list(Activation)[generator.integers(3)],
        bias=not passing and bool(generator.random() < 0.7),
    )


def draw(generator: np.random.Generator) -> Drawn:
    """A chain of up to 5 layers, the last often wide, whether it fits or not."""
    while True:
        try:
            return _draw(generator)
        except NetworkError:
            continue


def _draw(generator: np.random.Generator) -> Drawn:
    axes = 1 + int(generator.random() < 0.4)
    size = tuple(int(side) for side in generator.integers(1, (201, 33)[axes - 1], axes))
    channels = _channels(generator)
    layers: list[Layer] = []
    for index in range(int(generator.integers(1, 6))):
        layer = draw_layer(generator, f"layer{index}", channels, size)
        layers.append(layer)
        channels, size = layer.out_channels, layer.out_size
    if layers[-1].weight_shape and generator.random() < 0.7:
        layers[-1] = replace(layers[-1], wide=True, activation=Activation.NONE)
    network = Network(tuple(layers))
    if not network.macs or network.macs > MOST_MACS:
        raise NetworkError("no weights, or too many for a test")
    bits = tuple(
        int(generator.choice(WEIGHT_BITS)) if layer.weight_shape else 8 for layer in layers
    )
    return Drawn(network, bits, (MAX78000, MAX78002)[generator.integers(2)])


def rebuilt(layers: list[Layer], channels: int, size: tuple[int, ...]) -> Network:
    """The same layers on another input."""
    found = []
    for layer in layers:
        passing = layer.operation is Operation.PASSTHROUGH
        out = channels if passing else layer.out_channels
        found.append(replace(layer, in_channels=channels, in_size=size, out_channels=out))
        channels, size = out, found[-1].out_size
    return Network(tuple(found))


def grown(generator: np.random.Generator, start: Drawn) -> Iterator[Drawn]:
    """Ever larger versions of a network: one of its sizes goes up by one, by two, ..."""
    layers = list(start.network.layers)
    channels, size = layers[0].in_channels, layers[0].in_size
    index = int(generator.integers(len(layers)))
    chosen = layers[index]
    kind = generator.choice(
        ("input", "channels", "outputs", "outputs", "layers", "kernel", "padding", "pool", "stride")
    )
    for step in range(1, 3000):
        more = list(layers)
        bits = start.bits
        if kind == "input" and size:
            bigger = (size[0] + step, *size[1:])
            yield Drawn(rebuilt(more, channels, bigger), bits, start.chip)
        elif kind == "channels":
            yield Drawn(rebuilt(more, channels + step, size), bits, start.chip)
        elif kind == "outputs" and chosen.weight_shape:
            more[index] = replace(chosen, out_channels=chosen.out_channels + step)
            yield Drawn(rebuilt(more, channels, size), bits, start.chip)
        elif kind == "layers" and step < 140:
            for number in range(step):
                extra = Layer(
                    f"extra{number}",
                    Operation.PASSTHROUGH,
                    1,
                    (),
                    1,
                    activation=Activation.NONE,
                    bias=False,
                )
                more.insert(index, extra)
            bits = (*bits[:index], *(8,) * step, *bits[index:])
            yield Drawn(rebuilt(more, channels, size), bits, start.chip)
        elif kind == "kernel" and chosen.operation is Operation.CONV1D:
            more[index] = replace(chosen, kernel=(chosen.kernel[0] + step,))
            yield Drawn(rebuilt(more, channels, size), bits, start.chip)
        elif kind == "padding" and chosen.kernel:
            more[index] = replace(chosen, padding=chosen.padding + step)
            yield Drawn(rebuilt(more, channels, size), bits, start.chip)
        elif kind in ("pool", "stride") and chosen.pool is not None:
            field = "size" if kind == "pool" else "stride"
            value = getattr(chosen.pool, field) + step
            more[index] = replace(chosen, pool=replace(chosen.pool, **{field: value}))
            yield Drawn(rebuilt(more, channels, size), bits, start.chip)
        else:
            return


def draw_pair(generator: np.random.Generator) -> tuple[Drawn, Drawn]:
    """The last that fits and the first that does not, of a network that grows by ones."""
    while True:
        before = draw(generator)
        if not before.fits:
            continue
        try:
            for larger in grown(generator, before):
                if larger.network.macs > 10 * MOST_MACS:
                    break
                if not larger.fits:
                    return before, larger
                before = larger
        except NetworkError:
            continue


def draw_fitting(generator: np.random.Generator) -> Drawn:
    """A network that fits, and whose weights the izer packs soundly."""
    while True:
        found = draw(generator)
        if found.fits and found.packs:
            return found


def draw_residual(generator: np.random.Generator) -> Drawn:
    """A residual block: two layers' outputs combined element by element, then what follows.

    One operand is a copy, passed through a layer of its own, or on the MAX78002 sometimes what the
    other operand was computed from, read out of its gaps.
    """
    while True:
        try:
            found = _draw_residual(generator)
        except NetworkError:
            continue
        if found.fits and found.packs:
            return found


def _draw_residual(generator: np.random.Generator) -> Drawn:
    chip = (MAX78000, MAX78002)[generator.integers(2)]
    channels = int(generator.choice((3, 4, 8, 20, 64, 72, 128)))
    copied = chip is MAX78000 or channels > 64 or bool(generator.random() < 0.5)
    size = tuple(int(side) for side in generator.integers(1, 10, 2))
    quiet = {"activation": Activation.NONE, "bias": False}

    def block(name: str, taken: int, source: int) -> Layer:
        taps = int(generator.choice((1, 3)))
        return Layer(
            name, Operation.CONV2D, taken, size, channels, (taps,) * 2, taps // 2, sources=(source,)
        )

    layers = [block("first", int(generator.integers(1, 20)), -1)]
    if copied:
        passing = Layer("copy", Operation.PASSTHROUGH, channels, size, channels, **quiet)  # type: ignore[arg-type]
        layers.append(replace(passing, sources=(0,)))
    layers.append(block("second", channels, 0))
    operands = (len(layers) - 2, len(layers) - 1)
    combine = (Combine.ADD, Combine.ADD, Combine.SUBTRACT, Combine.XOR, Combine.OR)
    joined = draw_layer(generator, "joined", channels, size)
    order = 1 if generator.random() < 0.5 else -1
    layers.append(
        replace(joined, sources=operands[::order], combine=combine[generator.integers(5)])
    )
    last = draw_layer(generator, "last", layers[-1].out_channels, layers[-1].out_size)
    layers.append(last)
    bits = tuple(int(generator.choice(WEIGHT_BITS)) if one.weight_shape else 8 for one in layers)
    network = Network(tuple(layers))
    if network.macs > MOST_MACS:
        raise NetworkError("too many weights for a test")
    return Drawn(network, bits, chip)
