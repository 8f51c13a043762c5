# SPDX-License-Identifier: Apache-2.0
"""Integer networks kept in files."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.integer import IntegerLayer, IntegerNetwork, IntegerNetworkError
from hardware.integer_file import load_integer_network, save_integer_network
from hardware.network import Network, conv, linear

Indoor = Callable[[int], Network]


def small(bias: bool = True) -> IntegerNetwork:
    net = Network.chain(2, (5,), [conv("a", 4, kernel=3, bias=bias), linear("b", 3)])
    generator = np.random.default_rng(0)
    layers = tuple(
        IntegerLayer(
            generator.integers(-8, 8, layer.weight_shape).astype(np.int8),
            generator.integers(-128, 128, layer.out_channels).astype(np.int8)
            if layer.bias
            else None,
            4,
            -1,
        )
        for layer in net.layers
    )
    return IntegerNetwork(net, layers, -3)


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_a_loaded_network_gives_the_same_logits(
    integer_networks: st.SearchStrategy[IntegerNetwork], data: st.DataObject, seed: int
) -> None:
    """Weights, biases, bits, shifts and the logits' scale come back as they were."""
    integers = data.draw(integer_networks)
    shape = (3, *integers.network.input_shape)
    inputs = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.npz"
        save_integer_network(file, integers)
        loaded = load_integer_network(file, integers.network)
    assert np.array_equal(loaded.logits(inputs), integers.logits(inputs))
    assert (loaded.bits, loaded.logit_exponent) == (integers.bits, integers.logit_exponent)
    assert [layer.output_shift for layer in loaded.layers] == [
        layer.output_shift for layer in integers.layers
    ]


def test_saving_leaves_one_file(tmp_path: Path) -> None:
    """What is written half stands under another name, and is gone at the end."""
    save_integer_network(tmp_path / "network.npz", small())
    save_integer_network(tmp_path / "network.npz", small())
    assert [file.name for file in tmp_path.iterdir()] == ["network.npz"]


def test_a_failing_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of writing does not cost what was there."""
    file = tmp_path / "network.npz"
    save_integer_network(file, small())
    before = file.read_bytes()

    def full(*_args: object, **_arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        save_integer_network(file, replace(small(), logit_exponent=5))
    assert file.read_bytes() == before


def test_a_damaged_file_is_refused_or_harmless(tmp_path: Path) -> None:
    """One wrong byte anywhere is reported as such, or the network is still the same."""
    integers = small()
    file = tmp_path / "network.npz"
    save_integer_network(file, integers)
    whole = file.read_bytes()
    inputs = np.random.default_rng(3).integers(-128, 128, (4, 2, 5)).astype(np.int8)
    messages = []
    for place in range(0, len(whole), 4):
        content = bytearray(whole)
        content[place] ^= 0xFF
        file.write_bytes(content)
        try:
            loaded = load_integer_network(file, integers.network)
        except IntegerNetworkError as error:
            messages.append(str(error))
        else:
            assert np.array_equal(loaded.logits(inputs), integers.logits(inputs))
    assert len(messages) > len(whole) // 8
    assert all(f"checkpoint {file} cannot be used" in message for message in messages)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, share: float) -> None:
    """A file that ends early is reported by its name."""
    file = tmp_path / "network.npz"
    save_integer_network(file, small())
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(IntegerNetworkError, match=r"network\.npz cannot be used"):
        load_integer_network(file, small().network)


def test_a_missing_file_is_an_operating_system_error(tmp_path: Path) -> None:
    """Nothing there is another matter than something wrong there."""
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        load_integer_network(tmp_path / "nowhere.npz", small().network)


def test_a_file_that_could_run_is_refused(tmp_path: Path) -> None:
    """Pickled objects are not loaded, whoever wrote them."""
    file = tmp_path / "network.npz"
    np.savez(file, **{"a.weights": np.array([{"run": "me"}], dtype=object)})
    with pytest.raises(IntegerNetworkError, match="cannot be used"):
        load_integer_network(file, small().network)


def test_a_file_of_another_length_is_refused(tmp_path: Path, indoor: Indoor) -> None:
    """The message gives the shape the network has and the one in the file."""
    file = tmp_path / "network.npz"
    layers = tuple(
        IntegerLayer(
            np.zeros(layer.weight_shape, np.int8), np.zeros(layer.out_channels, np.int8), 8, 0
        )
        for layer in indoor(11).layers
    )
    save_integer_network(file, IntegerNetwork(indoor(11), layers))
    with pytest.raises(IntegerNetworkError, match=r"\(200, 50\) but are int8 of shape \(200, 110"):
        load_integer_network(file, indoor(5))


def test_a_file_with_other_layers_is_refused(tmp_path: Path) -> None:
    """A layer missing in the file, or one too many, is named."""
    file = tmp_path / "network.npz"
    save_integer_network(file, small())
    longer = Network.chain(2, (5,), [conv("a", 4, kernel=3), linear("b", 3), linear("c", 3)])
    shorter = Network.chain(2, (5,), [conv("a", 4, kernel=3)])
    with pytest.raises(IntegerNetworkError, match=r"c\.weights"):
        load_integer_network(file, longer)
    with pytest.raises(IntegerNetworkError, match="has layers b but the network has only a"):
        load_integer_network(file, shorter)


def test_biases_are_not_dropped_in_silence(tmp_path: Path) -> None:
    """A file with biases does not load into the same network described without, nor back."""
    file = tmp_path / "network.npz"
    save_integer_network(file, small())
    with pytest.raises(IntegerNetworkError, match="'a': bias given and bias described differ"):
        load_integer_network(file, small(bias=False).network)
    save_integer_network(file, small(bias=False))
    with pytest.raises(IntegerNetworkError, match="'a': bias given and bias described differ"):
        load_integer_network(file, small().network)
