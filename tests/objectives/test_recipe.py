# SPDX-License-Identifier: Apache-2.0
import pytest

from objectives.recipe import Recipe, RecipeError


def test_learning_rates_are_the_published_ones() -> None:
    """Half a cosine from 1e-3 to 1e-5 over ten epochs. Source: indoor study's training log."""
    rates = [Recipe().learning_rate_at(epoch) for epoch in range(10)]
    published = [1.0e-3, 9.76e-4, 9.05e-4, 7.96e-4, 6.58e-4, 5.05e-4, 3.52e-4, 2.14e-4]
    assert rates[:8] == pytest.approx(published, rel=2e-3)
    assert rates[8:] == pytest.approx([1.045e-4, 3.42e-5], rel=2e-3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, r"epochs must be in 1\.\.10000 but is 0"),
        ({"qat_start_epoch": 10}, r"qat_start_epoch must be in 0\.\.9.* but is 10"),
        ({"batch_size": 1}, "batch_size must be in 2"),
        ({"learning_rate": 0.0}, "learning_rate must be in"),
        ({"learning_rate": float("nan")}, "learning_rate must be in"),
        ({"final_learning_rate": 0.1}, "final_learning_rate must be in"),
        ({"weight_decay": -1.0}, "weight_decay must be in"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"shift_quantile": 0.2}, "shift_quantile must be in"),
        ({"outlier_z_score": 0.0}, "outlier_z_score must be in"),
        ({"bias_bits": 4}, "bias_bits must be in"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    setting: dict[str, float], message: str
) -> None:
    """The message names the setting, the allowed range and the value."""
    with pytest.raises(RecipeError, match=message):
        Recipe(**setting)  # type: ignore[arg-type]
