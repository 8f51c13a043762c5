# SPDX-License-Identifier: Apache-2.0
"""Networks that the hardware tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from hardware.integer import IntegerLayer, IntegerNetwork, output_shift_range
from hardware.layer import WEIGHT_BITS, Activation
from hardware.network import LayerPlan, Network, average_pool, conv, linear, max_pool
from tests.hardware.measured_networks import (
    cifar_network,
    indoor_network,
    kws_network,
    mnist_network,
)

SEEDS = st.integers(0, 2**32 - 1)
"""Networks are drawn by seed: evenly over all kinds, where drawing part by part repeats a few."""


def random_convolution(
    generator: np.random.Generator, name: str, size: tuple[int, ...]
) -> LayerPlan:
    pool = None
    if generator.random() < 0.6:
        window = int(generator.integers(1, min(3, *size) + 1))
        kind = max_pool if generator.random() < 0.5 else average_pool
        pool = kind(window, int(generator.integers(1, 4)))
        size = tuple((side - window) // pool.stride + 1 for side in size)
    padding = int(generator.integers(0, 3))
    kernels = [1, 2, 3, 5, 9] if len(size) == 1 else [1, 3]
    allowed = [taps for taps in kernels if taps <= min(size) + 2 * padding]
    return conv(
        name,
        int(generator.integers(1, 5)),
        kernel=int(generator.choice(allowed)),
        padding=padding,
        pool=pool,
        activation=list(Activation)[generator.integers(3)],
        bias=bool(generator.random() < 0.7),
    )


def random_network(seed: int) -> Network:
    generator = np.random.default_rng(seed)
    channels = int(generator.integers(1, 4))
    shape = tuple(int(side) for side in generator.integers(3, 8, generator.integers(1, 3)))
    size = shape
    plans: list[LayerPlan] = []
    for index in range(generator.integers(0, 3)):
        plans.append(random_convolution(generator, f"conv{index}", size))
        size = Network.chain(channels, shape, plans).layers[-1].out_size
    for index in range(generator.integers(0 if plans else 1, 3)):
        features = int(generator.integers(1, 6))
        activation = list(Activation)[generator.integers(3)]
        bias = bool(generator.random() < 0.7)
        plans.append(linear(f"fc{index}", features, activation=activation, bias=bias))
    return Network.chain(channels, shape, plans)


def random_integer_network(seed: int) -> IntegerNetwork:
    network = random_network(seed)
    generator = np.random.default_rng([seed, 1])
    layers = []
    for layer in network.layers:
        bits = int(generator.choice(WEIGHT_BITS))
        low, high = output_shift_range(bits)
        reach = 1 << bits - 1
        # mostly where neither all nor nothing saturates, sometimes anywhere
        shifts = (low, high + 1) if generator.random() < 0.2 else (-4, 1)
        bias = generator.integers(-128, 128, layer.out_channels).astype(np.int8)
        layers.append(
            IntegerLayer(
                weights=generator.integers(-reach, reach, layer.weight_shape).astype(np.int8),
                bias=bias if layer.bias else None,
                bits=bits,
                output_shift=int(generator.integers(*shifts)),
            )
        )
    return IntegerNetwork(network, tuple(layers), int(generator.integers(-20, 6)))


@pytest.fixture(scope="session")
def indoor() -> Callable[[int], Network]:
    return indoor_network


@pytest.fixture(scope="session")
def mnist() -> Network:
    return mnist_network()


@pytest.fixture(scope="session")
def kws() -> Network:
    return kws_network()


@pytest.fixture(scope="session")
def cifar() -> Network:
    return cifar_network()


@pytest.fixture(scope="session")
def networks() -> st.SearchStrategy[Network]:
    return SEEDS.map(random_network)


@pytest.fixture(scope="session")
def integer_networks() -> st.SearchStrategy[IntegerNetwork]:
    return SEEDS.map(random_integer_network)


@pytest.fixture(scope="session")
def checkpoint_file() -> Path:
    """The published checkpoint, kept beside the project."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    path = folder / "indoor_51_8824_checkpoint.npz"
    if not path.exists():
        pytest.skip("the published checkpoint is not here: shared/data beside the project")
    return path
