# SPDX-License-Identifier: Apache-2.0
"""Keeps float phases on disk: what was computed once starts every bit assignment, in every study.

A training that starts from a kept prefix equals one run straight through, bit for bit. So the key
holds everything that the float phase's result rests on, and nothing else.
"""

import dataclasses
import functools
import hashlib
import io
import json
import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hardware.network import Network
from objectives import batches, float_phase, thresholds
from objectives.cache_folder import CacheFolder, Origin
from objectives.float_phase import FloatPrefix, LayerState
from objectives.recipe import Recipe
from objectives.task import Split

logger = logging.getLogger(__name__)

QAT_ONLY = frozenset({"shift_quantile", "keep_optimizer_state", "bias_bits"})
"""Fields of a recipe that the float phase never reads; any other one changes the key."""


@dataclass(frozen=True)
class Wanted:
    """A float prefix that is asked for.

    Attributes:
        facts: What `float_facts` gives: all that the prefix rests on.
        origin: The same in words, for people.
        network: What is trained.
        device: Where the prefix is to be.
    """

    facts: Mapping[str, Any]
    origin: Origin
    network: Network
    device: torch.device

    @property
    def key(self) -> str:
        """What it is kept under."""
        return key_of(self.facts)


def float_facts(
    network: Network, train: Split, recipe: Recipe, seed: int, device: torch.device
) -> dict[str, Any]:
    """Everything the float phase's result rests on.

    Of the data it is the training split as cropped: the float phase sees nothing else, and a
    task's own `crop` cannot be known from the whole. Threads and processor are in it because they
    change the order of sums (measured: 1 and 2 threads give other last bits), the sources of the
    float phase so that no change of them can be forgotten.
    """
    settings = dataclasses.asdict(recipe)
    return {
        "train": train.digest(),
        "network": repr(network),
        "recipe": {name: settings[name] for name in settings if name not in QAT_ONLY},
        "seed": seed,
        "device": _device_name(device),
        "threads": torch.get_num_threads() if device.type == "cpu" else 0,
        "precision": torch.get_float32_matmul_precision(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "source": _source_digest(),
    }


def key_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 of facts, in hexadecimal; facts are what JSON can write."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def origin_of(task: object, network: Network, recipe: Recipe, seed: int) -> Origin:
    """What a prefix was computed for, in words."""
    return Origin(
        task=type(task).__name__,
        input_length=network.layers[0].in_size[0],
        seed=seed,
        recipe=f"{recipe.qat_start_epoch} of {recipe.epochs} epochs, batch {recipe.batch_size},"
        f" rate {recipe.learning_rate:g}",
    )


def kept_or_trained(
    folder: CacheFolder, wanted: Wanted, train: Callable[[], FloatPrefix]
) -> FloatPrefix:
    """The prefix that is wanted, from the folder; where it is not there, trains and keeps it."""
    key = wanted.key
    with folder.alone(key):
        content = folder.read(key)
        if content is not None:
            try:
                prefix = prefix_from_bytes(
                    content, wanted.network, wanted.origin.seed, wanted.device
                )
            except (KeyError, OSError, ValueError) as error:
                folder.discard(key, f"{type(error).__name__}: {error}")
            else:
                logger.info("float phase %s taken from the cache", key[:12])
                return prefix
        prefix = train()
        folder.write(key, wanted.origin, prefix_to_bytes(prefix))
        return prefix


def prefix_to_bytes(prefix: FloatPrefix) -> bytes:
    """A prefix as plain arrays in the .npz format; network and seed are not written."""
    arrays: dict[str, Any] = {
        "thresholds": np.array(prefix.thresholds, dtype=np.int64),
        "steps": np.int64(prefix.steps),
        "loss": np.float64(prefix.loss),
    }
    for index, layer in enumerate(prefix.layers):
        named = zip(_NAMES, _tensors(layer), strict=True)
        arrays |= {f"{index}.{name}": one.cpu().numpy() for name, one in named if one is not None}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def prefix_from_bytes(
    content: bytes, network: Network, seed: int, device: torch.device
) -> FloatPrefix:
    """What `prefix_to_bytes` wrote, on a device.

    Raises:
        KeyError, OSError, ValueError: where it is not a prefix of this network.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:

        def tensor(index: int, name: str) -> Tensor:
            return torch.from_numpy(arrays[f"{index}.{name}"]).to(device)

        layers = []
        for index, layer in enumerate(network.layers):
            weights, first, second = (tensor(index, name) for name in _NAMES[:3])
            if weights.shape != layer.weight_shape:
                raise ValueError(f"weights of layer {layer.name} have shape {tuple(weights.shape)}")
            biases, moments = None, None
            if layer.bias:
                biases = tensor(index, _NAMES[3])
                moments = (tensor(index, _NAMES[4]), tensor(index, _NAMES[5]))
            layers.append(LayerState(weights, biases, (first, second), moments))
        return FloatPrefix(
            network,
            seed,
            tuple(layers),
            tuple(int(one) for one in arrays["thresholds"]),
            int(arrays["steps"]),
            float(arrays["loss"]),
        )


_NAMES = ("weights", "weights.first", "weights.second", "biases", "biases.first", "biases.second")


def _tensors(layer: LayerState) -> list[Tensor | None]:
    return [
        layer.weights,
        *layer.weight_moments,
        layer.biases,
        *(layer.bias_moments or (None,) * 2),
    ]


@functools.cache
def _source_digest() -> str:
    """SHA-256 of the sources that compute the float phase."""
    found = hashlib.sha256()
    for module in (batches, float_phase, thresholds):
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()


@functools.cache
def _device_name(device: torch.device) -> str:
    """The processor that trains, as exactly as the system names it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    named = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted = ("model name", "cpu family", "model", "stepping")
    told = dict(line.partition(":")[::2] for line in lines)
    facts = [text.strip() for name, text in told.items() if name.strip() in wanted]
    return " ".join([device.type, named, torch.backends.cpu.get_cpu_capability(), *facts])
