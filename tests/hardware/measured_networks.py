# SPDX-License-Identifier: Apache-2.0
"""The networks whose times and energies were measured, as layer shapes.

Shapes are facts of ai8x-synthesis' `networks/*.yaml` and `trained/*-q.pth.tar`; a test with the
marker `izer` compares what is written here to what its files say.
"""

from hardware.layer import Activation, Layer, Operation, Pool
from hardware.network import LayerPlan, Network, average_pool, conv, linear, max_pool


def indoor_network(length: int) -> Network:
    """The indoor study's network: 2-10-10-200-4, kernel 3."""
    plans = [
        conv("conv1", 10, kernel=3, padding=1),
        conv("conv2", 10, kernel=3, padding=1),
        linear("fc1", 200),
        linear("fc2", 4),
    ]
    return Network.chain(2, (length,), plans)


def mnist_network() -> Network:
    """networks/mnist-chw-ai85.yaml, trained/ai85-mnist-qat8-q.pth.tar."""
    plans = [
        conv("conv1", 60, kernel=3, padding=1, bias=False),
        conv("conv2", 60, kernel=3, padding=2, pool=max_pool(2), bias=False),
        conv("conv3", 56, kernel=3, padding=1, pool=max_pool(2), bias=False),
        conv("conv4", 12, kernel=3, padding=1, pool=average_pool(2), bias=False),
        linear("fc", 10),
    ]
    return Network.chain(1, (28, 28), plans)


def kws_network() -> Network:
    """networks/kws20-v3-hwc.yaml, trained/ai85-kws20_v3-qat8-q.pth.tar."""
    plans = [
        conv("voice_conv1", 100, kernel=1, bias=False),
        conv("voice_conv2", 96, kernel=3, bias=False),
        conv("voice_conv3", 64, kernel=3, padding=1, pool=max_pool(2), bias=False),
        conv("voice_conv4", 48, kernel=3, bias=False),
        conv("kws_conv1", 64, kernel=3, padding=1, pool=max_pool(2), bias=False),
        conv("kws_conv2", 96, kernel=3, bias=False),
        conv("kws_conv3", 100, kernel=3, padding=1, pool=average_pool(2), bias=False),
        conv("kws_conv4", 64, kernel=6, padding=1, pool=max_pool(2), bias=False),
        linear("fc", 21, bias=False),
    ]
    return Network.chain(128, (128,), plans)


def kws_v3_1_network() -> Network:
    """networks/ai87-kws20-v3-hwc.yaml, trained/ai87-kws20_v3-qat8-q.pth.tar."""
    plans = [
        conv("voice_conv1", 100, kernel=1, bias=False),
        conv("voice_conv2", 96, kernel=3, bias=False),
        conv("voice_conv3", 64, kernel=3, pool=max_pool(2), bias=False),
        conv("voice_conv4", 48, kernel=3, bias=False),
        conv("kws_conv1", 64, kernel=3, pool=max_pool(2), bias=False),
        conv("kws_conv2", 96, kernel=3, bias=False),
        conv("kws_conv3", 100, kernel=3, pool=average_pool(2), bias=False),
        conv("kws_conv4", 64, kernel=3, pool=max_pool(2), bias=False),
        linear("fc", 21, bias=False),
    ]
    return Network.chain(128, (128,), plans)


def cifar_network() -> Network:
    """networks/cifar10-nas.yaml, trained/ai85-cifar10-qat8-q.pth.tar."""
    halve = max_pool(2)
    plans = [
        conv("conv1_1", 64, kernel=3, padding=1),
        conv("conv1_2", 32, kernel=1),
        conv("conv1_3", 64, kernel=3, padding=1),
        conv("conv2_1", 32, kernel=3, padding=1, pool=halve),
        conv("conv2_2", 64, kernel=1),
        conv("conv3_1", 128, kernel=3, padding=1, pool=halve),
        conv("conv3_2", 128, kernel=1),
        conv("conv4_1", 64, kernel=3, padding=1, pool=halve),
        conv("conv4_2", 128, kernel=3, padding=1),
        conv("conv5_1", 128, kernel=1, pool=halve),
        linear("fc", 10),
    ]
    return Network.chain(3, (32, 32), plans)


def cats_dogs_network() -> Network:
    """networks/cats-dogs-hwc-no-fifo.yaml, trained/ai85-catsdogs-qat8-q.pth.tar."""
    halve = max_pool(2)
    plans: list[LayerPlan] = [conv("conv1", 16, kernel=3, padding=1, bias=False)]
    for name, channels in (("conv2", 32), ("conv3", 64), ("conv4", 32), ("conv5", 32)):
        plans.append(conv(name, channels, kernel=3, padding=1, pool=halve, bias=False))
    plans += [conv("conv6", 16, kernel=3, padding=1, bias=False), linear("fc", 2)]
    return Network.chain(3, (128, 128), plans)


def aisegment_network() -> Network:
    """networks/aisegment-unet-large-fakept.yaml and its checkpoint: three levels down and up."""
    halve = max_pool(2)
    return Network(
        (
            _planar("prep0", 48, 64, 48, kernel=1),
            _planar("prep1", 64, 64, 48, kernel=1),
            _planar("prep2", 64, 32, 48, kernel=1),
            _planar("enc1", 32, 8, 48),
            _planar("enc2", 8, 28, 48, pool=halve),
            _planar("enc3", 28, 56, 24, pool=halve),
            _planar("bneck", 56, 112, 12, pool=halve),
            _planar("pt", 56, 56, 12, kernel=1, sources=(5,), bias=False),
            _planar("upconv3", 112, 56, 6, sources=(6,), up=True),
            _planar("dec3", 112, 56, 12, sources=(8, 7)),
            _planar("upconv2", 56, 28, 12, up=True),
            _planar("dec2", 56, 28, 24, sources=(10, 4)),
            _planar("upconv1", 28, 8, 24, up=True),
            _planar("dec1", 16, 48, 48, sources=(12, 3)),
            _planar("dec0", 48, 64, 48),
            _planar("conv_p1", 64, 64, 48, kernel=1),
            _planar("conv_p2", 64, 64, 48, kernel=1),
            _planar("conv_p3", 64, 64, 48, kernel=1),
            _planar("conv", 64, 32, 48, kernel=1),
        )
    )


def _planar(
    name: str,
    in_channels: int,
    out_channels: int,
    side: int,
    *,
    kernel: int = 3,
    pool: Pool | None = None,
    sources: tuple[int, ...] = (),
    up: bool = False,
    bias: bool = True,
) -> Layer:
    return Layer(
        name=name,
        operation=Operation.CONVTRANSPOSE2D if up else Operation.CONV2D,
        in_channels=in_channels,
        in_size=(side, side),
        out_channels=out_channels,
        kernel=(kernel, kernel),
        padding=kernel // 2,
        pool=pool,
        activation=Activation.NONE,
        bias=bias,
        sources=sources,
    )
