# SPDX-License-Identifier: Apache-2.0
"""A network in one line of text: layer shapes alone, to price an idea before anything is written.

2x101: conv 10 k3 p1, conv 10 k3 p1, linear 200, linear 4
3x32x32: conv 16 k3 p1, conv 32 k3 p1 max2, linear 10
"""

import re

from hardware.layer import Activation, NetworkError, Pool
from hardware.network import LayerPlan, Network, average_pool, conv, linear, max_pool

GRAMMAR = (
    "CHANNELSxLENGTH or CHANNELSxHEIGHTxWIDTH, a colon, then layers with commas between: conv OUT"
    " kK [pP] [maxN|avgN[/STRIDE]] [abs|none] [nobias], or linear OUT [abs|none] [nobias]"
)
_POOL = re.compile(r"(max|avg)(\d+)(?:/(\d+))?")
_ACTIVATIONS = {"relu": Activation.RELU, "abs": Activation.ABS, "none": Activation.NONE}


def parse_layers(text: str) -> Network:
    """Reads a network from one line; layers are called conv1, conv2, fc1, ... in order.

    Raises:
        NetworkError: where it is not written so, or the layers do not fit each other.
    """
    shape, colon, rest = text.partition(":")
    sizes = shape.strip().split("x")
    if not colon or not 2 <= len(sizes) <= 3 or not all(map(_is_count, sizes)):
        raise NetworkError(f"layers must be written as {GRAMMAR}; but are {text!r}")
    plans: list[LayerPlan] = []
    for item in rest.split(","):
        kinds = [plan.kernel > 0 for plan in plans]
        plans.append(_plan(item.split(), item.strip(), kinds))
    return Network.chain(int(sizes[0]), tuple(map(int, sizes[1:])), plans)


def _plan(words: list[str], item: str, kinds: list[bool]) -> LayerPlan:
    """Reads one layer; `kinds` says of each layer before whether it is a convolution."""
    if len(words) < 2 or words[0] not in {"conv", "linear"} or not _is_count(words[1]):
        raise NetworkError(f"layer {item!r} must begin with conv OUT or linear OUT")
    kernel = padding = 0
    pool: Pool | None = None
    activation, bias = Activation.RELU, True
    for word in words[2:]:
        pooled = _POOL.fullmatch(word)
        if word in _ACTIVATIONS:
            activation = _ACTIVATIONS[word]
        elif word == "nobias":
            bias = False
        elif words[0] == "linear":
            raise NetworkError(f"layer {item!r}: {word!r} must be abs, none or nobias")
        elif word[0] == "k" and _is_count(word[1:]):
            kernel = int(word[1:])
        elif word[0] == "p" and _is_count(word[1:]):
            padding = int(word[1:])
        elif pooled:
            size = int(pooled[2])
            stride = int(pooled[3]) if pooled[3] else size
            pool = (max_pool if pooled[1] == "max" else average_pool)(size, stride)
        else:
            raise NetworkError(
                f"layer {item!r}: {word!r} must be kK, pP, maxN, avgN, abs, none or nobias"
            )
    out = int(words[1])
    if words[0] == "linear":
        return linear(f"fc{kinds.count(False) + 1}", out, activation=activation, bias=bias)
    if not kernel:
        raise NetworkError(f"layer {item!r} must give a kernel size, like k3")
    return conv(
        f"conv{kinds.count(True) + 1}",
        out,
        kernel=kernel,
        padding=padding,
        pool=pool,
        activation=activation,
        bias=bias,
    )


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 7
