# SPDX-License-Identifier: Apache-2.0
"""Fidelity: fewer epochs in the same proportion, a fixed share of every class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.fidelity import Fidelity
from objectives.recipe import Recipe, RecipeError
from objectives.task import Split, TaskData


def some_data(counts: tuple[int, ...]) -> TaskData:
    labels = np.repeat(np.arange(len(counts)), counts)
    inputs = np.arange(len(labels)).astype(np.int8).reshape(-1, 1, 1)
    split = Split(inputs, labels)
    names = tuple(str(label) for label in range(len(counts)))
    return TaskData(split, split, split, names, "counted", synthetic=True)


def test_full_fidelity_changes_nothing() -> None:
    """The default is the whole training."""
    recipe, data = Recipe(), some_data((5, 7))
    assert Fidelity().is_full
    assert Fidelity().recipe(recipe) is recipe
    assert Fidelity().data(data) is data


@pytest.mark.parametrize(("epochs", "start"), [(10, 8), (5, 4), (4, 3), (3, 2), (2, 1), (1, 0)])
def test_epochs_before_qat_keep_their_share(epochs: int, start: int) -> None:
    """Of 10 epochs 8 come before QAT; at least one epoch of QAT is left."""
    found = Fidelity(epochs=epochs).recipe(Recipe())
    assert (found.epochs, found.qat_start_epoch) == (epochs, start)


@given(share=st.floats(0.01, 1.0), counts=st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_every_class_keeps_its_share(share: float, counts: list[int]) -> None:
    """Rounded, and at least one sample; the same samples every time."""
    data = some_data(tuple(counts))
    train = Fidelity(train_share=share).data(data).train
    kept = [int(np.sum(train.labels == label)) for label in range(len(counts))]
    assert kept == [max(1, round(share * count)) for count in counts]
    again = Fidelity(train_share=share).data(data).train
    assert np.array_equal(train.inputs, again.inputs)


def test_validation_and_test_stay_whole() -> None:
    """Scores are compared on the same samples."""
    data = some_data((10, 10))
    found = Fidelity(train_share=0.5).data(data)
    assert len(found.train.labels) == 10
    assert found.validation is data.validation
    assert found.test is data.test


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs must be at least 1 but is 0"),
        ({"train_share": 0.0}, r"train_share must be in \(0, 1\] but is 0"),
        ({"train_share": 1.5}, r"train_share must be in \(0, 1\] but is 1.5"),
    ],
)
def test_impossible_fidelities_are_refused(settings: dict[str, float], words: str) -> None:
    """With the value and the range."""
    with pytest.raises(RecipeError, match=words):
        Fidelity(**settings)  # type: ignore[arg-type]


def test_more_epochs_than_the_recipe_are_refused() -> None:
    """A fidelity is a share of the full training."""
    with pytest.raises(RecipeError, match="at most the recipe's 10 but is 11"):
        Fidelity(epochs=11).recipe(Recipe())
