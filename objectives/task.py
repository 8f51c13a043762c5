# SPDX-License-Identifier: Apache-2.0
"""What is learned: data splits, a network for each input length, a recipe."""

import abc
import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hardware.network import Network
from objectives.recipe import Recipe


class TaskError(ValueError):
    """A task that cannot be trained: its data, lengths or networks contradict each other."""


@dataclass(frozen=True)
class Split:
    """Samples that are used for one purpose.

    Attributes:
        inputs: int8 of shape (samples, channels, length) or (samples, channels, height, width),
            at the task's full input length: the values the chip will see.
        labels: int64 of shape (samples,), from 0.
    """

    inputs: NDArray[np.int8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.inputs.dtype != np.int8 or self.labels.dtype != np.int64:
            raise TaskError(
                "inputs must be int8 and labels int64 but are"
                f" {self.inputs.dtype} and {self.labels.dtype}"
            )
        if not self.labels.size:
            raise TaskError("a split must have at least one sample")
        if self.labels.shape != self.inputs.shape[:1]:
            raise TaskError(
                "a split must have one label a sample but has inputs of shape"
                f" {self.inputs.shape} and labels of shape {self.labels.shape}"
            )

    def digest(self) -> str:
        """SHA-256 over every input and label, in hexadecimal."""
        return _digest(self)


@dataclass(frozen=True)
class TaskData:
    """Fixed splits of a task's data: search and selection see train and validation only.

    Attributes:
        train: What the weights are learned from.
        validation: What candidates are compared on.
        test: What the front is reported on, once.
        class_names: One name per label.
        source: Where the data come from, in words, for tables and reports.
        synthetic: True where the data were computed, not recorded; said wherever results are.
    """

    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    source: str
    synthetic: bool

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            if not isinstance(getattr(self, name), Split):
                found = type(getattr(self, name)).__name__
                raise TaskError(f"{name} must be a Split but is of type {found}")
        if not all(isinstance(text, str) for text in (self.source, *self.class_names)):
            raise TaskError("source and every one of class_names must be text")
        if not isinstance(self.synthetic, bool):
            raise TaskError(f"synthetic must be True or False but is {self.synthetic!r}")
        shapes = {split.inputs.shape[1:] for split in (self.train, self.validation, self.test)}
        if len(shapes) != 1:
            raise TaskError(f"the splits' inputs must have one shape but have {sorted(shapes)}")
        for name in ("train", "validation", "test"):
            labels = getattr(self, name).labels
            if labels.min() < 0 or labels.max() >= len(self.class_names):
                raise TaskError(
                    f"labels of the {name} split must be in 0..{len(self.class_names) - 1} but go"
                    f" from {labels.min()} to {labels.max()}"
                )

    def digest(self) -> str:
        """SHA-256 over every input and label of the three splits, in hexadecimal."""
        return _digest(self.train, self.validation, self.test)


def _digest(*splits: Split) -> str:
    found = hashlib.sha256()
    for split in splits:
        for array in (split.inputs, split.labels):
            found.update(str(array.shape).encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


class Task(abc.ABC):
    """Something to learn. Derive from it, as a frozen dataclass, to bring your own.

    The fields of the dataclass are the keys a study file may set under `data:`; a field called
    `folder` is what `mpqsearch run --data DIR` sets.

    Attributes:
        full_length: Samples along each spatial axis of the data; candidates may use fewer.
        recipe: How it is trained, unless the study file says otherwise.
        application: Which of firmware/applications/ prepares its raw data on the board, so that
            this is timed too; none.
    """

    full_length: ClassVar[int]
    recipe: ClassVar[Recipe] = Recipe()
    application: ClassVar[str] = "none"

    @abc.abstractmethod
    def network(self, input_length: int) -> Network:
        """The network for an input of this length, `full_length` or less."""

    @abc.abstractmethod
    def load(self) -> TaskData:
        """Reads or makes the data, always the same for the same fields.

        Raises:
            ValueError: where the data are missing or damaged, in one line.
        """

    def crop(self, inputs: NDArray[np.int8], input_length: int) -> NDArray[np.int8]:
        """Cuts inputs to a length: the centre, along every spatial axis.

        Args:
            inputs: (samples, channels, ...) at full length.
            input_length: Samples to keep; the first is number (full - kept) // 2.
        """
        start = (self.full_length - input_length) // 2
        kept = slice(start, start + input_length)
        cropped = inputs[(slice(None), slice(None), *(kept,) * (inputs.ndim - 2))]
        return np.ascontiguousarray(cropped)

    def checked_network(self, input_length: int) -> Network:
        """The network for a length, after checking that a crop can give that length.

        Raises:
            TaskError: where it cannot, or where the network is not one that can be trained.
            NetworkError: where the task has no network for it.
        """
        if not 1 <= input_length <= self.full_length:
            raise TaskError(
                f"input length must be in 1..{self.full_length}, what a crop of the data can"
                f" give, but is {input_length}"
            )
        network = self.network(input_length)
        if not isinstance(network, Network):
            raise TaskError(f"network() must give a Network but gives {type(network).__name__}")
        if not network.is_plain_chain:
            raise TaskError(
                "the network must be a chain of convolutions and linear layers, the last one wide:"
                " others are priced but not trained"
            )
        return network
