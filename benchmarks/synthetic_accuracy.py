# SPDX-License-Identifier: Apache-2.0
"""Accuracy by input length on the synthetic channels, next to the figures of the real recordings.

Trains the indoor study's network in floating point on inputs of 8 bits, which is within noise of
8-bit weights. Run from the repository root: `python -m benchmarks.synthetic_accuracy`.
"""

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from objectives.data.ctf import FREQUENCY_BINS, CtfRecordings
from objectives.data.ctf_synthetic import synthesize_ctf

# Test accuracy, %, of 8-8-8-8 on the real recordings. Source: Abushahla et al., sweep table.
REAL_ACCURACY = {101: 99.2, 51: 98.1, 31: 96.3, 21: 95.0, 11: 84.8, 5: 69.8}

# Recipe. Source: Abushahla et al.
EPOCHS = 10
BATCH = 256
LEARNING_RATE = 1e-3
LAST_LEARNING_RATE = 1e-5
WEIGHT_DECAY = 5e-4
DROPOUT = 0.4
TRAIN_SHARE = 291 / 388


def quantize(sweeps: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.float32]:
    """Inputs of 8 bits over 128, -1 ... 127/128, in the shape of the sweeps."""
    low, high = scale
    unit = (sweeps - low) / (high - low)
    return (np.clip(np.round((unit - 0.5) * 256), -128, 127) / 128).astype(np.float32)


def split_by_point(
    recordings: CtfRecordings, split_seed: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(inputs (n, 2, 101), labels (n,)) for training and for test, no point in both."""
    if recordings.scale is None:
        raise ValueError("the benchmark needs recordings with a scale")
    inputs: tuple[list[NDArray[np.float32]], ...] = ([], [])
    labels: tuple[list[int], ...] = ([], [])
    for label, sweeps in enumerate(recordings.sweeps):
        points = np.random.default_rng([split_seed, label]).permutation(len(sweeps))
        train_points = round(TRAIN_SHARE * len(sweeps))
        for part, chosen in enumerate((points[:train_points], points[train_points:])):
            taken = quantize(sweeps[chosen], recordings.scale).reshape(-1, 2, FREQUENCY_BINS)
            inputs[part].append(taken)
            labels[part].extend([label] * len(taken))
    train, test = (
        (torch.from_numpy(np.concatenate(inputs[part])), torch.tensor(labels[part]))
        for part in (0, 1)
    )
    return train, test


def build_network(length: int) -> nn.Sequential:
    """The indoor network for inputs of (batch, 2, length)."""
    return nn.Sequential(
        nn.Conv1d(2, 10, 3, padding=1),  # (batch, 10, length)
        nn.BatchNorm1d(10, momentum=0.05),
        nn.ReLU(),
        nn.Conv1d(10, 10, 3, padding=1),  # (batch, 10, length)
        nn.BatchNorm1d(10, momentum=0.05),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(10 * length, 200),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(200, 4),
    )


def test_accuracy(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], length: int, seed: int
) -> float:
    """Trains on the centre `length` bins; share of test sweeps classified right, %."""
    torch.manual_seed(seed)
    start = (FREQUENCY_BINS - length) // 2
    inputs, labels = train[0][:, :, start : start + length].contiguous(), train[1]
    network = build_network(length)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS, LAST_LEARNING_RATE)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(BATCH):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    network.eval()
    with torch.no_grad():
        right = network(test[0][:, :, start : start + length]).argmax(dim=1) == test[1]
    return 100 * float(right.float().mean())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=388, help="points per class")
    parser.add_argument("--sweeps", type=int, default=16, help="sweeps per point")
    parser.add_argument("--seed", type=int, default=0, help="seed of channels and training")
    parser.add_argument("--split-seed", type=int, default=0, help="seed of the split by point")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recordings = synthesize_ctf(arguments.points, arguments.sweeps, arguments.seed)
    train, test = split_by_point(recordings, arguments.split_seed)
    print(recordings.source)
    print(f"{len(train[0])} training sweeps, {len(test[0])} test sweeps, split by point")
    print(f"{'length':>6} {'synthetic %':>12} {'real %':>7} {'difference':>11} {'seconds':>8}")
    for length, real in REAL_ACCURACY.items():
        begun = time.perf_counter()
        accuracy = test_accuracy(train, test, length, arguments.seed)
        seconds = time.perf_counter() - begun
        print(f"{length:6d} {accuracy:12.1f} {real:7.1f} {accuracy - real:+11.1f} {seconds:8.1f}")


if __name__ == "__main__":
    main()
