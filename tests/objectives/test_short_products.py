# SPDX-License-Identifier: Apache-2.0
"""Products with short factors: exact for the chip's integers, near for everything else."""

import pytest
import torch

from objectives import short_products
from objectives.short_products import LEAST_REUSE, add_product, product, reuse, short_factors

LARGE = (200, 410, 256)
SMALL = (4, 200, 256)


def integers(*shape: int, low: int = -128, high: int = 128) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.parametrize("shape", [LARGE, SMALL])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("units", [True, False])
def test_integers_of_eight_bits_are_exact(
    shape: tuple[int, int, int], members: int, units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, with and without units for short numbers, whatever this machine has."""
    monkeypatch.setattr(short_products, "_has_units", lambda device: units)  # noqa: ARG005
    rows, inner, columns = shape
    left, right = integers(members, rows, inner), integers(members, inner, columns)
    exact = torch.bmm(left.double(), right.double())
    assert exact.abs().max() < 2**24
    assert torch.equal(product(left, right).double(), exact)
    sums = integers(members, rows, columns)
    wanted = exact + sums
    add_product(sums, left, right)
    assert torch.equal(sums.double(), wanted)


def test_other_numbers_keep_eight_significant_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gradients lose: each factor at most 2^-9 of itself."""
    monkeypatch.setattr(short_products, "_has_units", lambda device: True)  # noqa: ARG005
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(1, 200, 410, generator=generator)
    right = torch.randn(1, 410, 256, generator=generator)
    exact = torch.bmm(left.double(), right.double())
    most = torch.bmm(left.double().abs(), right.double().abs()) * (2**-8 + 2**-18)
    assert ((product(left, right).double() - exact).abs() <= most).all()


def test_only_products_with_much_reuse_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last linear layer, whose input dropout has scaled, is not among them."""
    monkeypatch.setattr(short_products, "_has_units", lambda device: True)  # noqa: ARG005
    assert reuse(*SMALL) < LEAST_REUSE < reuse(*LARGE)
    seen = []
    real = torch.bmm

    def noting(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        seen.append(torch.get_float32_matmul_precision())
        return real(left, right)

    monkeypatch.setattr(torch, "bmm", noting)
    for rows, inner, columns in (SMALL, LARGE):
        product(torch.zeros(1, rows, inner), torch.zeros(1, inner, columns))
    assert seen == ["highest", "medium"]


def test_the_precision_is_put_back() -> None:
    """Also after an error: the float phase must never run with it."""
    with pytest.raises(KeyError), short_factors():
        raise KeyError
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_gpu_has_units() -> None:
    """And whether this processor has some is a plain yes or no."""
    assert short_products._has_units("cuda")
    assert short_products._has_units("cpu") in (True, False)
