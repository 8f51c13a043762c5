# SPDX-License-Identifier: Apache-2.0
"""Trials per hour: one at a time straight through, with the prefix, stacked, and pruned.

Run from the repository root: `python -m benchmarks.trials [--length 41] [--trained 6]`. The
indoor network on full-size synthetic data (388 points x 200 sweeps x 4 classes), one thread,
everything in one run. A straight trial, one from a prefix and a stack are timed on a few
candidates, the float phase once; rates are those of the whole grid of 81 candidates of one length
that follow from them. With --grid the whole grid is trained twice, without and with pruning, and
both fronts are printed. With --workers 1 2 it is trained by `mpqsearch run --exhaustive --workers
...`, each time without pruning, with it, and with a tolerance: the wall time of the whole
command, start, data and float phase included. Where AI8X_TRAINING and AI8X_TRAINING_PYTHON are
set, as `benchmarks.peer` says, its train.py is timed on the same data, two side by side with a
thread each, and extrapolated to a trial.
"""

import argparse
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.peer import cropped, seconds_a_trial
from hardware.candidate import Candidate
from hardware.chips import MAX78002
from hardware.cost.model import CostModel
from hardware.network import Network
from mpqsearch.front import front_of
from mpqsearch.pruning import Judge, SafeRule, Standing, default_floor
from mpqsearch.trainings import costs_of
from mpqsearch.trials import Outcome, TrialRecord
from objectives.accuracy import AccuracyObjective, Result, Score
from objectives.batches import Batches
from objectives.process import prepare_process
from objectives.tasks.indoor import IndoorTask

CPU = torch.device("cpu")
SEED = 42
RUNGS = (0.0, 0.05, 0.2, 0.5)
GRID = list(itertools.product((8, 4, 2), repeat=4))
STACK = 9
WIDTH = 1024
PEERS = 2
"""Of train.py side by side, as many as the machine that this is for has cores."""


def peak_flops() -> float:
    """Floating-point operations a second of a 1024 x 1024 product, the median of a few."""
    left, right = torch.randn(WIDTH, WIDTH), torch.randn(WIDTH, WIDTH)
    taken = []
    for _ in range(9):
        begun = time.perf_counter()
        left @ right
        taken.append(time.perf_counter() - begun)
    return 2 * WIDTH**3 / statistics.median(taken)


def seconds(objective: AccuracyObjective, candidates: Sequence[Candidate]) -> float:
    """Wall time of training candidates; float prefixes the objective has are used."""
    begun = time.perf_counter()
    for result in objective.evaluate(candidates, seed=SEED):
        if not isinstance(result, Score):
            raise SystemExit(f"{result.candidate} could not be trained")
    return time.perf_counter() - begun


def record_of(result: Result, costs: tuple[float, float, float]) -> TrialRecord:
    """A result as the front takes it."""
    finished = isinstance(result, Score)
    return TrialRecord(
        number=None,
        candidate=result.candidate,
        outcome=Outcome.SCORED if finished else Outcome.PRUNED,
        accuracy=result.validation_accuracy if isinstance(result, Score) else 0.0,
        latency_us=costs[0],
        energy_uj=costs[1],
        size_bytes=int(costs[2]),
        cost_origin="analytic",
    )


def grid(objective: AccuracyObjective, network: Network, length: int, *, prune: bool) -> float:
    """Trains the whole grid in stacks of 9, prints its front; gives the seconds of its QAT."""
    model = CostModel(MAX78002)
    candidates = [Candidate(length, bits) for bits in GRID]
    costs = {one: costs_of(model.cost(network, one.bits)) for one in candidates}
    judge = Judge(SafeRule(), default_floor(4))

    def stops(share: float, there: Sequence[Candidate], found: Sequence[float]) -> list[bool]:
        here = [Standing(costs[one], accuracy) for one, accuracy in zip(there, found, strict=True)]
        return judge.stops(share, here)

    order = random.Random(SEED).sample(candidates, len(candidates))
    records, taken = [], 0.0
    for start in range(0, len(order), STACK):
        begun = time.perf_counter()
        stack = order[start : start + STACK]
        results = list(objective.evaluate(stack, seed=SEED, stops=stops if prune else None))
        taken += time.perf_counter() - begun
        for result in results:
            final = result.validation_accuracy if isinstance(result, Score) else None
            judge.remember(costs[result.candidate], dict(result.rungs), final)  # type: ignore[union-attr]
            records.append(record_of(result, costs[result.candidate]))
    stopped = sum(one.outcome is Outcome.PRUNED for one in records)
    print(f"grid of 81, {'pruned' if prune else 'not pruned'}: {taken:.0f} s, {stopped} stopped")
    for one in front_of(records):
        print(
            f"  {one.candidate}  {one.accuracy:.4%}  {one.energy_uj:.2f} uJ  {one.size_bytes:,} B"
        )
    return taken


STUDY = """\
task: indoor
seed: {seed}
data: {{sweeps_per_point: {sweeps}}}
space: {{input_length: [{length}]}}
pruning: {{{pruning}}}
search: {{batch: {stack}}}
"""


PRUNING = ("rule: none", "rule: safe", "rule: safe, tolerance: 0.005")


def command(length: int, sweeps: int, workers: int, pruning: str) -> float:
    """Wall time in seconds of a run over the whole grid; prints its front."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "grid.yaml"
        text = STUDY.format(seed=SEED, sweeps=sweeps, length=length, pruning=pruning, stack=STACK)
        study.write_text(text)
        where = ["--study", str(study), "--runs", folder, "--cache", f"{folder}/cache", "--json"]
        run = [sys.executable, "-m", "mpqsearch", "run", "--exhaustive", "--workers", str(workers)]
        begun = time.perf_counter()
        # only our own command is run
        done = subprocess.run([*run, *where], check=True, capture_output=True, text=True)  # noqa: S603
        taken = time.perf_counter() - begun
    found = json.loads(done.stdout)
    front = " ".join(f"{one['bits']} {one['accuracy']:.3%}" for one in found["front"])
    stopped = int(found["counts"]["pruned"])
    print(f"{workers} workers, pruning {pruning}: {taken:.0f} s, {stopped} stopped; front: {front}")
    return taken


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=41)
    parser.add_argument("--trained", type=int, default=3, help="candidates timed of each kind")
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--grid", action="store_true", help="train the grid, with and without")
    parser.add_argument("--workers", type=int, nargs="*", default=[], help="the real command's")
    options = parser.parse_args()
    prepare_process(1)
    task = IndoorTask(sweeps_per_point=options.sweeps)
    data, network = task.load(), task.network(options.length)
    chosen = [Candidate(options.length, bits) for bits in GRID[:: 81 // options.trained]]
    chosen = chosen[: options.trained]

    def objective() -> AccuracyObjective:
        return AccuracyObjective(task, data, task.recipe, device=CPU, rungs=RUNGS)

    peaks = [peak_flops()]
    straight = statistics.mean(seconds(objective(), [one]) for one in chosen)
    peaks.append(peak_flops())
    shared = objective()
    first = seconds(shared, chosen[:1])
    alone = statistics.mean(seconds(shared, [one]) for one in chosen)
    prefix = first - alone
    stacked = seconds(shared, chosen) / len(chosen)
    peaks.append(peak_flops())
    rows = {
        "straight, one at a time": straight,
        "with the prefix": prefix / 81 + alone,
        "stacked": prefix / 81 + stacked,
    }
    if options.grid:
        for prune in (False, True):
            taken = grid(shared, network, options.length, prune=prune)
            rows["the grid, pruned" if prune else "the grid"] = (prefix + taken) / 81
            peaks.append(peak_flops())
    for workers in options.workers:
        for pruning in PRUNING:
            taken = command(options.length, options.sweeps, workers, pruning)
            rows[f"run, {workers} workers, {pruning}"] = taken / 81
            peaks.append(peak_flops())
    train = Batches.of(data.train, task.recipe.batch_size, CPU)
    peer = seconds_a_trial(cropped(data, options.length), train.steps, PEERS)
    if peer is not None:
        rows[f"train.py, {PEERS} at once"] = peer
    macs = network.macs * len(data.train.labels)
    qat_epochs = task.recipe.epochs - task.recipe.qat_start_epoch
    peak = statistics.median(peaks)
    share = 6 * macs * qat_epochs / stacked / peak
    print(
        f"length {options.length}, {len(train.labels):,} samples, fp32 peak {peak / 1e9:.0f} GFLOPS"
    )
    print(f"float phase {prefix:.1f} s; QAT with its {len(RUNGS) + 1} looks {alone:.1f} s alone,")
    print(f"{stacked:.1f} s stacked, {share:.1%} of the peak in products")
    print(f"{'':45} {'s a trial':>9} {'trials/h':>9} {'ratio':>6} {'to train.py':>11}")
    for name, each in rows.items():
        beside = "" if peer is None else f"{peer / each:11.1f}"
        print(f"{name:45} {each:9.2f} {3600 / each:9.0f} {straight / each:6.2f} {beside}")


if __name__ == "__main__":
    main()
