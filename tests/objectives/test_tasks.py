# SPDX-License-Identifier: Apache-2.0
"""What every task must keep, and what the tasks that come with mpqsearch are."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hardware.layer import NetworkError
from objectives.data.ctf import CtfDataError, CtfRecordings
from objectives.task import Split, Task, TaskData, TaskError
from objectives.tasks.digits import DigitsTask
from objectives.tasks.indoor import IndoorTask, quantize_sweeps
from tests.objectives.networks import ImagesTask

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TASKS = [DigitsTask(), IndoorTask(sweeps_per_point=2), ImagesTask()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
class TestEveryTask:
    def test_data_fit_the_network(self, task: Task) -> None:
        """Inputs have the network's shape, and there is a logit for every class."""
        data = task.load()
        network = task.checked_network(task.full_length)
        assert data.train.inputs.shape[1:] == network.input_shape
        assert network.layers[-1].out_channels == len(data.class_names)

    def test_data_are_the_same_each_time(self, task: Task) -> None:
        """A task's fields decide its data, to the last bit."""
        assert task.load().digest() == task.load().digest()

    def test_splits_share_no_sample(self, task: Task) -> None:
        """No input of train stands in validation or test, and all classes are in each."""
        data = task.load()
        rows = [
            {one.tobytes() for one in part.inputs}
            for part in (data.train, data.validation, data.test)
        ]
        assert not rows[0] & rows[1]
        assert not rows[0] & rows[2]
        assert not rows[1] & rows[2]
        for part in (data.train, data.validation, data.test):
            assert set(part.labels) == set(range(len(data.class_names)))

    @pytest.mark.parametrize("length", [0, -5, 10_000])
    def test_a_length_no_crop_can_give_is_refused(self, task: Task, length: int) -> None:
        """The message names the value and the range."""
        with pytest.raises(TaskError, match=rf"in 1..{task.full_length}.* but is {length}"):
            task.checked_network(length)


def test_crop_keeps_the_centre() -> None:
    """The first kept sample is (101 - L) // 2, as in the indoor study."""
    inputs = np.arange(101, dtype=np.int8).reshape(1, 1, 101)
    task = IndoorTask()
    assert task.crop(inputs, 51)[0, 0, 0] == 25
    assert task.crop(inputs, 91)[0, 0, [0, -1]].tolist() == [5, 95]
    assert task.crop(inputs, 101).shape == (1, 1, 101)


def test_crop_of_images_is_square() -> None:
    """Both axes are cut alike."""
    images = np.arange(64, dtype=np.int8).reshape(1, 1, 8, 8)
    assert DigitsTask().crop(images, 6)[0, 0, 0].tolist() == list(range(9, 15))


def test_a_digits_network_needs_two_pixels_to_pool() -> None:
    """A length that leaves nothing after pooling is refused by the network."""
    with pytest.raises(NetworkError, match="leaves nothing after"):
        DigitsTask().checked_network(1)


def test_indoor_splits_by_grid_point_in_the_papers_shares() -> None:
    """Per class: 262 points train, 29 validation, 97 test; all sweeps of a point go together."""
    data = IndoorTask(sweeps_per_point=2).load()
    for split, points in ((data.train, 262), (data.validation, 29), (data.test, 97)):
        assert np.bincount(split.labels).tolist() == [2 * points] * 4
    assert data.synthetic
    assert "synthetic" in data.source


def test_other_split_seeds_give_other_splits_of_the_same_sweeps() -> None:
    """The split seed moves points between splits and changes no sweep."""

    def rows(task: IndoorTask) -> list[bytes]:
        data = task.load()
        return [
            one.tobytes()
            for part in (data.train, data.validation, data.test)
            for one in part.inputs
        ]

    first, other = (rows(IndoorTask(sweeps_per_point=1, split_seed=seed)) for seed in (0, 1))
    assert first != other
    assert sorted(first) == sorted(other) or len(set(first) & set(other)) > 0.9 * len(first)


def test_real_sweep_is_scaled_as_in_the_paper() -> None:
    """It becomes x' = (x + 0.011066) / 0.022445, then clamp(round((x' - 0.5) 256), -128, 127)."""
    file = SHARED / "ctf_recording_classroom_static.csv"
    if not file.is_file():
        pytest.skip(f"{file.name} is not there: ../shared/data is not part of the project")
    with file.open() as lines:
        rows = [(float(row["re"]), float(row["im"])) for row in csv.DictReader(lines)]
    sweep = np.array(rows, dtype=np.float32).T[None, None]
    found = quantize_sweeps(sweep, (-0.011066, 0.011379))[0]
    # -0.00095938: x' = 0.450283; (x' - 0.5) 256 = -12.73. -0.00018216: 0.484908, -3.86.
    assert found[:, 0].tolist() == [-13, -4]
    assert found.shape == (2, 101)


def test_extremes_saturate() -> None:
    """Values outside the scale end at -128 and 127."""
    sweeps = np.full((1, 1, 2, 101), 1.0, dtype=np.float32)
    assert quantize_sweeps(sweeps, (-0.01, 0.01)).max() == 127
    assert quantize_sweeps(-sweeps, (-0.01, 0.01)).min() == -128


def test_recordings_keep_at_most_the_first_sweeps_and_say_so() -> None:
    """What is left out is said in the source; more than there are is all there are."""
    sweeps = np.arange(2 * 3 * 202, dtype=np.float32).reshape(2, 3, 2, 101)
    recordings = CtfRecordings((sweeps,), ("room",), None, "test", synthetic=True)
    fewer = recordings.first_sweeps(2)
    assert fewer.sweeps[0].shape == (2, 2, 2, 101)
    np.testing.assert_array_equal(fewer.sweeps[0], sweeps[:, :2])
    assert fewer.source == "test; the first 2 of 3 sweeps at each point"
    assert recordings.first_sweeps(None) is recordings
    assert recordings.first_sweeps(3) is recordings.first_sweeps(10) is recordings


def test_recordings_with_nan_are_refused() -> None:
    """One NaN is one too many."""
    sweeps = np.zeros((2, 3, 2, 101), dtype=np.float32)
    sweeps[1, 2, 0, 50] = np.nan
    with pytest.raises(CtfDataError, match="'room': sweeps hold NaN"):
        CtfRecordings((sweeps,), ("room",), None, "test", synthetic=True)


def test_data_that_contradict_themselves_are_refused() -> None:
    """Types, counts, shapes and labels are checked where data are made."""
    inputs, labels = np.zeros((3, 1, 4), np.int8), np.zeros(3, np.int64)
    with pytest.raises(TaskError, match="int8"):
        Split(inputs.astype(np.float32), labels)  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=r"\(3, 1, 4\) and labels of shape \(2,\)"):
        Split(inputs, labels[:2])
    split, other = Split(inputs, labels), Split(np.zeros((3, 1, 5), np.int8), labels)
    with pytest.raises(TaskError, match="one shape"):
        TaskData(split, split, other, ("a",), "test", synthetic=True)
    wrong = Split(inputs, labels + 1)
    with pytest.raises(TaskError, match=r"train split must be in 0\.\.0"):
        TaskData(wrong, split, split, ("a",), "test", synthetic=True)
