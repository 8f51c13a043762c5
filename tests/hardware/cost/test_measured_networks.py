# SPDX-License-Identifier: Apache-2.0
"""The shapes written down here against the files of ai8x-synthesis."""

import os
from pathlib import Path

import pytest

from hardware.cost.latency import layer_cycles
from hardware.izer.checkpoint import read_weight_shapes
from hardware.izer.network_yaml import read_network_yaml
from hardware.network import Network
from tests.hardware.measured_networks import (
    aisegment_network,
    cats_dogs_network,
    cifar_network,
    kws_network,
    kws_v3_1_network,
    mnist_network,
)


@pytest.mark.izer
@pytest.mark.parametrize(
    ("network", "definition", "checkpoint"),
    [
        (mnist_network(), "mnist-chw-ai85", "ai85-mnist-qat8-q"),
        (kws_network(), "kws20-v3-hwc", "ai85-kws20_v3-qat8-q"),
        (kws_v3_1_network(), "ai87-kws20-v3-hwc", "ai87-kws20_v3-qat8-q"),
        (cifar_network(), "cifar10-nas", "ai85-cifar10-qat8-q"),
        (cats_dogs_network(), "cats-dogs-hwc-no-fifo", "ai85-catsdogs-qat8-q"),
        (aisegment_network(), "aisegment-unet-large-fakept", "ai85-aisegment-unet-large-fakept-q"),
    ],
)
def test_the_shapes_are_the_files(network: Network, definition: str, checkpoint: str) -> None:
    """Weights and cycles of every layer, from the definition and its trained checkpoint."""
    root = os.environ.get("AI8X_SYNTHESIS")
    if not root or not Path(root, "trained").is_dir():
        pytest.skip("AI8X_SYNTHESIS names no checkout with its trained networks")
    shapes = read_weight_shapes(Path(root) / "trained" / f"{checkpoint}.pth.tar")
    path = Path(root) / "networks" / f"{definition}.yaml"
    found = read_network_yaml(path, shapes, network.input_shape).network
    assert [layer.weight_shape for layer in found.layers] == [
        layer.weight_shape for layer in network.layers
    ]
    assert [layer_cycles(layer) for layer in found.layers] == [
        layer_cycles(layer) for layer in network.layers
    ]
