# SPDX-License-Identifier: Apache-2.0
"""Time of one QAT step of the indoor network, and its share of the machine's fp32 peak.

Run from the repository root: `python -m benchmarks.qat_step [--length 41] [--operations]`. The peak
is that of a 1024 x 1024 matrix product, measured between the steps. Counted are the products of the
forward and the backward pass alone: 3 x 2 x multiply-accumulates x batch x members.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from objectives.batches import Batches
from objectives.float_phase import train_float
from objectives.process import prepare_process
from objectives.recipe import Recipe
from objectives.task import Split
from objectives.tasks.indoor import IndoorTask
from objectives.training import timed_step

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=3, qat_start_epoch=1)
MEMBERS = (1, 3, 9, 27)
ASSIGNMENTS = list(itertools.product((8, 4, 2), repeat=4))
WIDTH = 1024
OPERATIONS = 20


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(step: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Median seconds of a step, and of a matrix product taken after each."""
    left, right = torch.randn(WIDTH, WIDTH), torch.randn(WIDTH, WIDTH)
    for _ in range(3):
        step()
    pairs = [(seconds(step), seconds(lambda: left @ right)) for _ in range(repeats)]
    steps, products = zip(*pairs, strict=True)
    return statistics.median(steps), statistics.median(products)


def main() -> None:
    """Prints the table, and where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=101)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--operations", action="store_true", help="list what takes longest")
    options = parser.parse_args()
    prepare_process(options.threads)
    task = IndoorTask(sweeps_per_point=4)  # a step does not see how many samples there are
    network, train = task.network(options.length), task.load().train
    cropped = Split(task.crop(train.inputs, options.length), train.labels)
    batches = Batches.of(cropped, RECIPE.batch_size, CPU)
    prefix = train_float(network, batches, RECIPE, 1, CPU)

    def step_of(members: int) -> Callable[[], float]:
        return timed_step(prefix, ASSIGNMENTS[:members], batches, RECIPE)

    macs = sum(layer.macs for layer in network.layers)
    print(f"{options.threads} threads, length {options.length}, batch {RECIPE.batch_size}")
    print(f"{'members':>7} {'ms/step':>8} {'ms/member':>9} {'peak GFLOPS':>11} {'share':>6}")
    for members in MEMBERS:
        taken, product = measure(step_of(members), options.repeats)
        peak = 2 * WIDTH**3 / product
        share = 6 * macs * RECIPE.batch_size * members / taken / peak
        each = taken / members
        print(f"{members:7} {taken * 1e3:8.1f} {each * 1e3:9.2f} {peak / 1e9:11.0f} {share:6.1%}")
    if options.operations:
        step = step_of(9)
        with profile(activities=[ProfilerActivity.CPU]) as found:
            step()
        averages = found.key_averages()
        print(averages.table(sort_by="self_cpu_time_total", row_limit=OPERATIONS))


if __name__ == "__main__":
    main()
