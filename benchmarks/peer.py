# SPDX-License-Identifier: Apache-2.0
"""Time of the indoor network's training with ai8x-training's own train.py, and with ours.

Run from the repository root: `python -m benchmarks.peer [--length 41] [--threads 1 2] [--workers
0]`, with two variables set: AI8X_TRAINING, a checkout (of its pull request 331, the published
QAT) that holds its distiller, and AI8X_TRAINING_PYTHON, a Python that runs its train.py. Both
train the published network by the published recipe on the same synthetic samples, in turns,
`--steps` steps of each phase; train.py in a copy of the checkout, with a model and a data set
file of ours. Counted on neither side: starting, loading the data, tests. Two threads need two
free cores.
"""

import argparse
import dataclasses
import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.qat_step import CPU, seconds
from objectives.batches import Batches
from objectives.fidelity import Fidelity
from objectives.float_phase import FloatPrefix, train_float
from objectives.process import prepare_process
from objectives.recipe import Recipe
from objectives.stack_size import members_at_once
from objectives.task import Split, TaskData
from objectives.tasks.indoor import IndoorTask
from objectives.training import timed_step, train_quantized

RECIPE = Recipe()
SHORT = Recipe(epochs=2, qat_start_epoch=1)
NO_FLOAT = Recipe(epochs=1, qat_start_epoch=0)
BITS = (8, 8, 2, 4)
GRID = list(itertools.product((8, 4, 2), repeat=4))
STEP = re.compile(r"(\S+ \S+) - Epoch: \[(\d)\]\[ *(\d+)/ *(\d+)\] +(Overall|Loss)")
STATISTICS = re.compile(r"(\S+ \S+) - Collecting (?s:.*)\n(\S+ \S+) - Training epoch: (\d+)")

FILES = {
    "models/indoor.py": """
import ai8x
from torch import nn
class indoor(nn.Module):
    def __init__(self, num_classes, num_channels, dimensions, pretrained=False, **kwargs):
        super().__init__()
        self.conv1 = ai8x.FusedConv1dBNReLU(num_channels, 10, 3, padding=1, **kwargs)
        self.conv2 = ai8x.FusedConv1dBNReLU(10, 10, 3, padding=1, **kwargs)
        self.fc1 = ai8x.FusedLinearReLU(10 * dimensions[0], 200, **kwargs)
        self.dropout = nn.Dropout(0.4)
        self.fc2 = ai8x.Linear(200, num_classes, **kwargs)
    def forward(self, x):
        x = self.conv2(self.conv1(x))
        return self.fc2(self.dropout(self.fc1(x.view(x.size(0), -1))))
models = [{"name": "indoor", "min_input": 1, "dim": 1}]
""",
    "datasets/indoor.py": """
import numpy as np
import torch
class Sweeps(torch.utils.data.Dataset):
    def __init__(self, stored, samples=None):
        self.inputs = torch.from_numpy(stored["inputs"][:samples]).float() / 128
        self.labels = stored["labels"][:samples].tolist()
        self.valid_indices = range(stored["trained"], len(self.labels))
    def __len__(self):
        return len(self.labels)
    def __getitem__(self, index):
        return self.inputs[index], self.labels[index]
def load(data, load_train=True, load_test=True):
    stored = np.load("indoor.npz")
    return Sweeps(stored), Sweeps(stored, samples=256)
datasets = [{"name": "indoor", "input": (2, LENGTH), "output": (0, 1, 2, 3), "loader": load}]
""",
    "schedule.yaml": """
lr_schedulers: {rate: {class: CosineAnnealingLR, T_max: 10, eta_min: 0.00001}}
policies: [{lr_scheduler: {instance_name: rate}, starting_epoch: 0, ending_epoch: 10, frequency: 1}]
""",
    "policy.yaml": """
{start_epoch: 1, weight_bits: 8, shift_quantile: 0.95, outlier_removal_z_score: 2.0,
overrides: {fc1: {weight_bits: 2}, fc2: {weight_bits: 4}}}
""",
}
OPTIONS = """--device MAX78002 --arch indoor --dataset indoor --use-bias --cpu --epochs 2 --seed 1
--optimizer Adam --lr 0.001 --wd 0.0005 --batch-size 256 --compress schedule.yaml --deterministic
--qat-policy policy.yaml --name peer"""


@dataclass(frozen=True)
class Times:
    """Seconds of a training's parts on one side, those of QAT for each assignment.

    Measuring: activation statistics before QAT, per step; judging: a pass over the validation data.
    """

    float_step: float
    qat_step: float
    measuring: float
    float_judging: float
    qat_judging: float

    def trial(self, steps: int, judgings: int, sharing: int = 1) -> float:
        """The ten epochs, where so many assignments share what does not depend on the bits."""
        epoch = steps * self.float_step + self.float_judging
        prefix = RECIPE.qat_start_epoch * epoch + steps * self.measuring
        qat = (RECIPE.epochs - RECIPE.qat_start_epoch) * steps * self.qat_step
        return prefix / sharing + qat + judgings * self.qat_judging


def make_peer_folder(checkout: Path, folder: Path, data: TaskData) -> None:
    """Copies what train.py needs, with our model and data set, cropped already, for its own."""
    for name in ("losses", "nas", "utils"):
        shutil.copytree(checkout / name, folder / name)
    for name in ("models", "datasets"):
        (folder / name).mkdir()
    for pattern in ("*.py", "logging.conf", "datasets/__init__.py", "datasets/visualize.py"):
        for file in checkout.glob(pattern):
            # In torch 2.13, what a graph's node knows is no entry of its __dict__ any more.
            text = file.read_text().replace(".__dict__['meta']", ".meta")
            (folder / file.relative_to(checkout)).write_text(text)
    length = data.train.inputs.shape[-1]
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("LENGTH", str(length)))
    np.savez(
        folder / "indoor.npz",
        inputs=np.concatenate((data.train.inputs, data.validation.inputs)),
        labels=np.concatenate((data.train.labels, data.validation.labels)),
        trained=len(data.train.labels),
    )


def peer_times(checkout: Path, python: str, folder: Path, threads: int, workers: int) -> Times:
    """Runs train.py, a float epoch and a QAT epoch, and reads its log."""
    environment = os.environ | {
        "PYTHONPATH": str(checkout / "distiller"),
        "OMP_NUM_THREADS": str(threads),
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # its checkpoints hold the optimizer's class
    }
    shutil.rmtree(folder / "logs", ignore_errors=True)
    command = [python, "train.py", *OPTIONS.split(), "--workers", str(workers)]
    ran = subprocess.run(  # noqa: S603  (what is timed)
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        why = [line for line in ran.stderr.splitlines() if "Error" in line][-1:]
        raise OSError(f"running train.py of {checkout} failed: {' '.join(why)}")
    log = next(folder.glob("logs/*/peer*.log")).read_text()
    taken, clock = dict[str, float](), datetime.fromisoformat
    for part, logged in itertools.groupby(STEP.finditer(log), lambda line: line[5] + line[2]):
        first, *_, last = logged  # from the tenth step on: the ones before wait for the data
        each = (clock(last[1]) - clock(first[1])).total_seconds() / (int(last[3]) - int(first[3]))
        taken[part] = each * int(last[4]) if part.startswith("Loss") else each
    begun, ended, samples = STATISTICS.findall(log)[0]
    measuring = (clock(ended) - clock(begun)).total_seconds() / int(samples) * RECIPE.batch_size
    return Times(taken["Overall0"], taken["Overall1"], measuring, taken["Loss0"], taken["Loss1"])


def seconds_a_trial(data: TaskData, steps: int, at_once: int, shown: int = 200) -> float | None:
    """Seconds that train.py takes for each whole trial; None where the environment names none.

    Args:
        data: Of one input length.
        steps: In an epoch of the whole data.
        at_once: How many run side by side, a thread each.
        shown: Steps of each phase that are timed.

    Raises:
        OSError: where it could not be run.
    """
    checkout, python = (os.environ.get(name) for name in ("AI8X_TRAINING", "AI8X_TRAINING_PYTHON"))
    if not checkout or not python:
        return None
    some = Fidelity(train_share=min(1.0, shown / steps)).data(data)
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(at_once) as pool:
        folders = [Path(made, str(number)) for number in range(at_once)]
        for folder in folders:
            folder.mkdir()
            make_peer_folder(Path(checkout), folder, some)
        run = partial(peer_times, Path(checkout), python, threads=1, workers=0)
        times = list(pool.map(run, folders))
    return statistics.mean(one.trial(steps, judgings=2) for one in times) / at_once


def cropped(data: TaskData, length: int) -> TaskData:
    """The indoor task's data at one input length."""
    task = IndoorTask()
    train, validation, test = (
        Split(task.crop(split.inputs, length), split.labels)
        for split in (data.train, data.validation, data.test)
    )
    return dataclasses.replace(data, train=train, validation=validation, test=test)


def our_times(data: TaskData, start: FloatPrefix, bits: Sequence[tuple[int, ...]]) -> Times:
    """The same parts of ours, the assignments trained together: differences of whole trainings."""
    batches = Batches.of(data.train, RECIPE.batch_size, CPU)
    one_batch = Batches(batches.inputs[:256], batches.labels[:256], RECIPE.batch_size)

    def floats(recipe: Recipe) -> None:
        train_float(start.network, batches, recipe, 1, CPU)

    def qat(chosen: Batches) -> None:  # judged before and after
        train_quantized(start, bits, chosen, data.validation, SHORT, together=len(bits))

    no_epoch, epoch = seconds(lambda: floats(NO_FLOAT)), seconds(lambda: floats(SHORT))
    no_qat, qat_epoch = seconds(lambda: qat(one_batch)), seconds(lambda: qat(batches))
    float_step = (epoch - no_epoch) / batches.steps
    each_step = (qat_epoch - no_qat) / (batches.steps - 1) / len(bits)
    return Times(float_step, each_step, no_epoch / batches.steps, 0.0, no_qat / 2 / len(bits))


def print_table(peer: Times, alone: Times, stacked: Times, members: int, steps: int) -> None:
    """Both sides, and how many times as long train.py takes."""
    theirs = peer.trial(steps, judgings=2)  # after each QAT epoch; ours once more, before them
    ours, grid = alone.trial(steps, judgings=3), stacked.trial(steps, 3, sharing=len(GRID))
    rows = [
        ("float step, ms", 1e3 * peer.float_step, 1e3 * alone.float_step),
        ("QAT step, ms", 1e3 * peer.qat_step, 1e3 * alone.qat_step),
        (f"QAT step, {members} together, ms each", 1e3 * peer.qat_step, 1e3 * stacked.qat_step),
        ("statistics before QAT, s *", steps * peer.measuring, steps * alone.measuring),
        ("validation in QAT, s", peer.qat_judging, alone.qat_judging),
        ("whole trial, s *", theirs, ours),
        ("trial of a grid of 81, s *", theirs, grid),
    ]
    print(f"{'':34} {'train.py':>9} {'ours':>9} {'ratio':>6}")
    for name, one, other in rows:
        print(f"{name:34} {one:9.2f} {other:9.2f} {one / other:6.1f}")
    print(f"{'trials an hour, grid of 81 *':34} {3600 / theirs:9.0f} {3600 / grid:9.0f}\n")


def compare(data: TaskData, rounds: int, run_peer: Callable[[], Times], steps: int) -> None:
    """Times both sides in turns, and prints the medians."""
    batches = Batches.of(data.train, RECIPE.batch_size, CPU)
    network = IndoorTask().network(data.train.inputs.shape[-1])
    start = train_float(network, batches, SHORT, 1, CPU)
    members = members_at_once(lambda size: timed_step(start, GRID[:size], batches, SHORT), 81)
    runs: list[Callable[[], Times]] = [run_peer]
    runs += [partial(our_times, data, start, bits) for bits in ([BITS], GRID[:members])]
    found = [[dataclasses.astuple(run()) for run in runs] for _ in range(rounds)]
    sides = (zip(*side, strict=True) for side in zip(*found, strict=True))
    peer, alone, stacked = (Times(*map(statistics.median, side)) for side in sides)
    print_table(peer, alone, stacked, members, steps)


def main() -> int:
    """Prints a table for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=101)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--workers", type=int, default=0, help="of train.py's data loader")
    parser.add_argument("--steps", type=int, default=200, help="of each phase, from 30 on")
    parser.add_argument("--rounds", type=int, default=3, help="the medians are printed")
    options = parser.parse_args()
    if options.steps < 30:
        parser.error(f"--steps must be at least 30 but is {options.steps}")
    checkout, python = (os.environ.get(name) for name in ("AI8X_TRAINING", "AI8X_TRAINING_PYTHON"))
    if not checkout or not python or not Path(checkout, "train.py").is_file():
        print("set AI8X_TRAINING and AI8X_TRAINING_PYTHON as --help says", file=sys.stderr)
        return 2
    full = IndoorTask(sweeps_per_point=200).load()
    steps = Batches.of(full.train, RECIPE.batch_size, CPU).steps
    some = Fidelity(train_share=min(1.0, options.steps / steps)).data(full)
    data = cropped(some, options.length)
    print(f"synthetic data, input length {options.length}, bits {BITS}, batch {RECIPE.batch_size};")
    print(
        f"our torch {torch.__version__}; {options.steps} steps a phase, medians of {options.rounds}"
    )
    print(f"* extrapolated to {steps} steps an epoch, 8 float and 2 QAT epochs, each validated\n")
    with tempfile.TemporaryDirectory() as made:
        try:
            make_peer_folder(Path(checkout), Path(made), data)
            for threads in options.threads:
                prepare_process(threads)
                print(f"threads: {threads}; train.py's loader processes: {options.workers}")
                given = (Path(checkout), python, Path(made), threads, options.workers)
                compare(data, options.rounds, partial(peer_times, *given), steps)
        except OSError as error:
            print(f"timing train.py of {checkout}: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
