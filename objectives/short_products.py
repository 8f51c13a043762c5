# SPDX-License-Identifier: Apache-2.0
"""Products of quantized layers, on the machine's units for short numbers where those are faster."""

import contextlib
import functools
from collections.abc import Iterator

import torch
from torch import Tensor

LEAST_REUSE = 48
"""Multiplications for each number read or written from which on short factors pay.

Source: `python -m benchmarks.short_products`, on a processor with AMX; those with AVX512-BF16 gain
from 16 on already.
"""

CPU_UNITS = ("amx_tile", "avx512_bf16")
"""What PyTorch calls the units of a processor that multiply bfloat16 numbers."""


def product(left: Tensor, right: Tensor) -> Tensor:
    """(members, rows, inner) times (members, inner, columns), each with its own.

    Large ones take their factors as bfloat16 (TF32 on a GPU) and sum in float32. Both hold the
    chip's weights and activations, integers of 8 bits, exactly, so such a product is exact to the
    bit, as float32 sums are below 2^24. Gradients, and activations that dropout has scaled up, are
    rounded to 8 significant bits.
    """
    with _factors(left, right):
        return torch.bmm(left, right)


def add_product(sums: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds to sums (members, rows, columns), in place, what `product` gives."""
    with _factors(left, right):
        sums.baddbmm_(left, right)


@contextlib.contextmanager
def short_factors() -> Iterator[None]:
    """Lets float32 products take bfloat16 factors, or TF32, whatever their size."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def reuse(rows: int, inner: int, columns: int) -> float:
    """Multiplications of a product for each number it reads or writes."""
    return rows * inner * columns / (rows * inner + inner * columns + rows * columns)


def _factors(left: Tensor, right: Tensor) -> contextlib.AbstractContextManager[None]:
    rows, inner = left.shape[-2:]
    enough = reuse(rows, inner, right.shape[-1]) >= LEAST_REUSE
    return short_factors() if enough and _has_units(left.device.type) else contextlib.nullcontext()


@functools.cache
def _has_units(device: str) -> bool:
    """Whether a device multiplies short numbers faster; a fact of the machine, never measured.

    All processes of a machine must train alike. On a CPU these are AMX's tiles or AVX512-BF16's dot
    products; processors with AVX-512 alone convert both factors and gain nothing by it.
    """
    if device != "cpu":
        return True
    asked = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in CPU_UNITS)
    return any(supported is not None and supported() for supported in asked)
