# SPDX-License-Identifier: Apache-2.0
"""How a candidate is trained."""

import math
from dataclasses import dataclass


class RecipeError(ValueError):
    """A recipe that cannot be followed."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the two phases: float training, then quantization-aware training (QAT).

    Defaults are the indoor study's, but for `keep_optimizer_state` and `bias_bits`.
    **Source:** Abushahla et al. and its training policy (PAPERS notes 1, AI8X notes 1).

    Attributes:
        epochs: Passes over the training data, both phases together.
        qat_start_epoch: First epoch, counted from 0, with quantized weights and activations.
        batch_size: Samples of one step.
        learning_rate: Adam's rate in epoch 0; it falls along a half cosine, epoch by epoch.
        final_learning_rate: What the cosine ends at, after the last epoch.
        weight_decay: L2 penalty on weights and biases.
        dropout: Share of the features zeroed after each hidden linear layer, in training.
        batch_norm: Whether each convolution is normalised in the float phase; folded before QAT.
        shift_quantile: Quantile of |weights and bias| that the weight range must cover.
        outlier_z_score: Activations further than this many standard deviations from their mean
            do not count when a layer's output range is chosen.
        keep_optimizer_state: Whether QAT goes on with Adam's moments; the published recipe
            loses them by accident (AI8X notes, trap 7).
        bias_bits: 8 gives every bias the chip's full width; 0 gives it the width of the weights,
            as published (AI8X notes, trap 6).
    """

    epochs: int = 10
    qat_start_epoch: int = 8
    batch_size: int = 256
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    weight_decay: float = 5e-4
    dropout: float = 0.4
    batch_norm: bool = True
    shift_quantile: float = 0.95
    outlier_z_score: float = 2.0
    keep_optimizer_state: bool = True
    bias_bits: int = 8

    def __post_init__(self) -> None:
        _require("epochs", self.epochs, 1 <= self.epochs <= 10_000, "1..10000")
        _require(
            "qat_start_epoch",
            self.qat_start_epoch,
            0 <= self.qat_start_epoch < self.epochs,
            f"0..{self.epochs - 1}, before the last of {self.epochs} epochs",
        )
        _require("batch_size", self.batch_size, 2 <= self.batch_size <= 1 << 20, "2..1048576")
        _require("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "(0, 1]")
        _require(
            "final_learning_rate",
            self.final_learning_rate,
            0 <= self.final_learning_rate <= self.learning_rate,
            f"0..learning_rate, {self.learning_rate}",
        )
        _require("weight_decay", self.weight_decay, 0 <= self.weight_decay <= 1, "0..1")
        _require("dropout", self.dropout, 0 <= self.dropout < 1, "[0, 1)")
        _require("shift_quantile", self.shift_quantile, 0.5 <= self.shift_quantile <= 1, "0.5..1")
        _require(
            "outlier_z_score", self.outlier_z_score, 0 < self.outlier_z_score <= 1000, "(0, 1000]"
        )
        _require("bias_bits", self.bias_bits, self.bias_bits in (0, 8), "8, or 0 for the weights'")

    def learning_rate_at(self, epoch: int) -> float:
        """Adam's rate in an epoch counted from 0: a half cosine over all epochs."""
        fall = (1 + math.cos(math.pi * epoch / self.epochs)) / 2
        return self.final_learning_rate + (self.learning_rate - self.final_learning_rate) * fall


def _require(name: str, value: object, met: bool, allowed: str) -> None:
    if not met:
        raise RecipeError(f"{name} must be in {allowed} but is {value}")
