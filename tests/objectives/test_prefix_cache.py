# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hardware.candidate import Candidate
from hardware.network import Network
from objectives import accuracy, training
from objectives.accuracy import AccuracyObjective, Score
from objectives.cache_folder import CacheFolder
from objectives.float_phase import FloatPrefix
from objectives.prefix_cache import (
    QAT_ONLY,
    float_facts,
    key_of,
    prefix_from_bytes,
    prefix_to_bytes,
)
from objectives.recipe import Recipe
from objectives.training import Group
from tests.objectives.networks import SHORT, ImagesTask, blobs, one_axis, two_axes
from tests.objectives.test_stacked import prefix_of

CPU = torch.device("cpu")
BITS = ((8, 4, 2, 8), (2, 2, 8, 4))


class Watched(AccuracyObjective):
    """An objective whose last trainings can be looked at."""

    groups: list[Group]

    def everything(self) -> list[Tensor]:
        """Every trained tensor and every number Adam holds, after QAT."""
        found = []
        for group in self.groups:
            biases = [one for one in group.stack.biases if one is not None]
            trained = [*group.stack.weights, *biases]
            held = [group.optimizer.state[one] for one in trained]
            names = ("exp_avg", "exp_avg_sq", "step")
            found += [*(one.detach() for one in trained), *(s[n] for s in held for n in names)]
        return found

    @property
    def prefix(self) -> FloatPrefix:
        return self.groups[0].stack.prefix


def run(cache: CacheFolder | None, seed: int = 1) -> tuple[Watched, list[Score]]:
    """Trains two candidates, and keeps hold of what they were trained as."""
    task = ImagesTask()
    objective = Watched(task, task.load(), task.recipe, device=CPU, cache=cache)
    grouped = training.grouped

    def kept(*given: Any) -> list[Group]:
        objective.groups = grouped(*given)
        return objective.groups

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "grouped", kept)
        patch.setattr(accuracy, "members_at_once", lambda *_: 1)
        scores = list(objective.evaluate([Candidate(9, bits) for bits in BITS], seed=seed))
    assert all(isinstance(score, Score) for score in scores)
    return objective, scores  # type: ignore[return-value]


def test_a_training_from_the_cache_equals_one_straight_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Weights, biases, Adam's moments, thresholds, integers, accuracies: all equal, bit for bit."""
    straight, scores = run(None)
    run(CacheFolder(tmp_path))
    caplog.set_level("INFO")
    cached, again = run(CacheFolder(tmp_path))
    assert "taken from the cache" in caplog.text
    assert "float phase at input length" not in caplog.text
    found = cached.everything()
    assert len(found) == 2 * 28
    assert all(map(torch.equal, found, straight.everything()))
    prefix, kept = straight.prefix, cached.prefix
    assert (prefix.thresholds, prefix.steps, prefix.loss) == (
        kept.thresholds,
        kept.steps,
        kept.loss,
    )
    for score, other in zip(scores, again, strict=True):
        assert score.rungs == other.rungs
        for one, two in zip(score.integers.layers, other.integers.layers, strict=True):
            assert (one.weights == two.weights).all()
            assert one.output_shift == two.output_shift
            assert (one.bias is None and two.bias is None) or (one.bias == two.bias).all()


@pytest.mark.parametrize("network", [one_axis(), two_axes()])
def test_a_prefix_comes_back_from_bytes_as_it_was(network: Network) -> None:
    """Every tensor, every moment, every number: nothing is rounded on the way."""
    prefix, _ = prefix_of(network)
    again = prefix_from_bytes(prefix_to_bytes(prefix), network, prefix.seed, CPU)
    for one, other in zip(prefix.layers, again.layers, strict=True):
        assert torch.equal(one.weights, other.weights)
        assert all(map(torch.equal, one.weight_moments, other.weight_moments))
        assert (one.biases is None) == (other.biases is None)
        if one.biases is not None and other.biases is not None:
            assert torch.equal(one.biases, other.biases)
            assert all(map(torch.equal, one.bias_moments or (), other.bias_moments or ()))
    assert dataclasses.replace(again, layers=()) == dataclasses.replace(prefix, layers=())


def test_an_entry_of_another_network_is_computed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A sound file with the wrong arrays in it is named, and replaced by the right ones."""
    folder = CacheFolder(tmp_path)
    _, scores = run(folder)
    (entry,) = folder.entries()
    assert entry.origin is not None
    other, _ = prefix_of(one_axis())
    folder.write(entry.key, entry.origin, prefix_to_bytes(other))
    _, again = run(folder)
    assert f"cache entry {entry.path} cannot be used: ValueError: weights of layer" in caplog.text
    caplog.clear()
    folder.write(entry.key, entry.origin, b"PK no archive at all")
    run(folder)
    assert f"cache entry {entry.path} cannot be used: " in caplog.text
    assert [one.rungs for one in again] == [one.rungs for one in scores]
    caplog.clear()
    run(folder)
    assert not caplog.records


def test_another_seed_has_an_entry_of_its_own(tmp_path: Path) -> None:
    """Two seeds, two entries, each said to be what it is."""
    folder = CacheFolder(tmp_path)
    for seed in (1, 2, 1):
        run(folder, seed)
    assert sorted(entry.origin.seed for entry in folder.entries() if entry.origin) == [1, 2]


def facts(**changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "network": one_axis(),
        "train": blobs(one_axis(), 50, 1),
        "recipe": SHORT,
        "seed": 1,
        "device": CPU,
    }
    return float_facts(**(given | changed))


CHANGES: dict[str, Any] = {
    "epochs": 5,
    "qat_start_epoch": 1,
    "batch_size": 33,
    "learning_rate": 4e-3,
    "final_learning_rate": 2e-5,
    "weight_decay": 1e-4,
    "dropout": 0.3,
    "batch_norm": False,
    "outlier_z_score": 3.0,
    "shift_quantile": 0.9,
    "keep_optimizer_state": False,
    "bias_bits": 0,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Recipe)])
def test_a_recipe_changes_the_key_where_it_changes_the_float_phase(name: str) -> None:
    """Fields that only QAT reads leave both alone; every other one is in the key."""
    recipe = dataclasses.replace(SHORT, **{name: CHANGES[name]})
    assert (key_of(facts(recipe=recipe)) == key_of(facts())) == (name in QAT_ONLY)


@pytest.mark.parametrize("name", sorted(QAT_ONLY))
def test_what_is_left_out_of_the_key_does_not_matter(name: str) -> None:
    """The float phase gives the same, bit for bit, whatever a field is that only QAT reads."""
    changed = dataclasses.replace(SHORT, **{name: CHANGES[name]})
    assert all(
        map(torch.equal, *(weights(prefix_of(one_axis(), one)[0]) for one in (SHORT, changed)))
    )


def weights(prefix: FloatPrefix) -> list[Tensor]:
    return [layer.weights for layer in prefix.layers]


def test_everything_else_that_matters_changes_the_key() -> None:
    """Data, labels, length, network and seed; equal facts have equal keys."""
    split = blobs(one_axis(), 50, 1)
    inputs, labels = split.inputs.copy(), split.labels.copy()
    inputs[0, 0, 0] ^= 1
    labels[0] = (labels[0] + 1) % 4
    changes: list[dict[str, Any]] = [
        {},
        {"train": dataclasses.replace(split, inputs=inputs)},
        {"train": dataclasses.replace(split, labels=labels)},
        {"train": blobs(one_axis(), 49, 1)},
        {"network": one_axis(length=15)},
        {"network": one_axis(classes=5)},
        {"network": two_axes()},
        {"seed": 2},
    ]
    assert len({key_of(facts(**change)) for change in changes}) == len(changes)
    assert key_of(facts()) == key_of(facts())


@pytest.mark.parametrize("other", ["torch", "numpy", "threads", "source", "device"])
def test_the_machine_and_the_code_are_in_the_key(other: str) -> None:
    """Another version, processor, number of threads or source: other last bits, another key."""
    assert key_of({**facts(), other: "another"}) != key_of(facts())


def test_threads_are_those_that_train() -> None:
    """One thread and two give other sums, and so other keys."""
    before = torch.get_num_threads()
    keys = set()
    for count in (1, 2):
        torch.set_num_threads(count)
        keys.add(key_of(facts()))
    torch.set_num_threads(before)
    assert len(keys) == 2


PROCESS = """
import sys, time
from pathlib import Path
import torch
from hardware.candidate import Candidate
from objectives import accuracy
from objectives.cache_folder import CacheFolder
from tests.objectives.networks import ImagesTask

train = accuracy.train_float
def slowly(*arguments):
    print("trained", flush=True)
    time.sleep(1)
    return train(*arguments)
accuracy.train_float = slowly
torch.set_num_threads(1)
task = ImagesTask()
cache = CacheFolder(Path(sys.argv[1]))
objective = accuracy.AccuracyObjective(
    task, task.load(), task.recipe, device=torch.device("cpu"), cache=cache
)
print("begun", flush=True)
(score,) = objective.evaluate([Candidate(9, (8, 4, 2, 8))], seed=1)
print(score.rungs, score.integers.layers[2].weights.tobytes().hex())
"""


def start_training(folder: Path) -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_share_one_float_phase(tmp_path: Path) -> None:
    """Started together, one trains, the other waits for it, and both come to the same."""
    both = [start_training(tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0][-1] == said[1][-1]
    assert sum(lines.count("trained") for lines in said) == 1
    assert len(CacheFolder(tmp_path).entries()) == 1


def test_a_process_killed_while_it_trains_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """The next one trains at once, and keeps what the first could not."""
    killed = start_training(tmp_path)
    assert killed.stdout is not None
    while killed.stdout.readline() != "trained\n":
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert CacheFolder(tmp_path).entries() == []
    run(CacheFolder(tmp_path))
    (entry,) = CacheFolder(tmp_path).entries()
    assert [file.name for file in tmp_path.iterdir()] == [entry.path.name]
