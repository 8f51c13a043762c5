# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from hardware.layer import Activation, NetworkError
from hardware.layer_text import parse_layers
from hardware.network import Network, average_pool, max_pool


def test_the_indoor_network_in_one_line(indoor: Callable[[int], Network]) -> None:
    """The text and the task describe the same network, names and all."""
    text = "2x101: conv 10 k3 p1, conv 10 k3 p1, linear 200, linear 4"
    assert parse_layers(text) == indoor(101)


def test_every_word_of_the_grammar_is_read() -> None:
    """Pooling with and without stride, activations, bias."""
    text = "3x32x32: conv 16 k3 p1 abs, conv 8 k1 max3/2 nobias, conv 4 k3 avg2 none, linear 10"
    first, second, third, last = parse_layers(text).layers
    assert (first.activation, first.kernel, first.padding) == (Activation.ABS, (3, 3), 1)
    assert (second.pool, second.bias) == (max_pool(3, 2), False)
    assert (third.pool, third.activation) == (average_pool(2), Activation.NONE)
    assert (last.name, last.wide, last.flatten) == ("fc1", True, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "layers must be written as CHANNELSxLENGTH"),
        ("2x101 conv 10 k3", "layers must be written as"),
        ("101: conv 10 k3", "layers must be written as"),
        ("2x1x1x1: conv 10 k3", "layers must be written as"),
        ("2x: conv 10 k3", "layers must be written as"),
        ("2x-5: conv 10 k3", "layers must be written as"),
        ("2x101:", "must begin with conv OUT or linear OUT"),
        ("2x101: conv 10", "must give a kernel size, like k3"),
        ("2x101: conv ten k3", "must begin with conv OUT"),
        ("2x101: dense 10", "'dense 10' must begin with"),
        ("2x101: conv 10 k3 q7", "'q7' must be kK"),
        ("2x101: conv 10 k3 p", "'p' must be kK"),
        ("2x101: linear 4 k3", "'k3' must be abs, none or nobias"),
        ("2x3: conv 10 k9", "leaves nothing"),
        ("2x101: conv 0 k3", "must be at least 1"),
        ("2x101: conv 10 k3 max0", "must be at least 1"),
        ("2x99999999: conv 10 k3", "layers must be written as"),
    ],
)
def test_text_that_is_no_network_is_refused_in_one_line(text: str, words: str) -> None:
    """The message gives the layer and what may stand there."""
    with pytest.raises(NetworkError, match=words) as error:
        parse_layers(text)
    assert "\n" not in str(error.value)
