# SPDX-License-Identifier: Apache-2.0
"""What a network costs, for people and for programs."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hardware.cost.layer_costs import LayerCost
from hardware.cost.model import Cost, Figure
from hardware.layer import Layer
from hardware.network import format_bits
from hardware.placement.nearest_fit import advise
from mpqsearch.pricing import Request
from mpqsearch.terminal import out, print_table

FIGURES = (
    "latency_us",
    "input_us",
    "inference_us",
    "energy_uj",
    "weight_load_us",
    "weight_load_uj",
    "preparation_us",
    "softmax_us",
    "size_bytes",
)


def print_cost(
    request: Request, cost: Cost, parts: Sequence[LayerCost], inferences: int | None = None
) -> None:
    """Prints what a network costs, by layer and in all, and what limits it.

    Args:
        request: What was priced.
        cost: Its cost.
        parts: Its layers' parts.
        inferences: Inputs computed for each loading of the weights, to share its cost among.
    """
    out.print(f"[bold]{escape(request.title)}[/] on {cost.mode}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer")
    table.add_column("shape", no_wrap=True)
    for heading in ("bits", "weights B", "data B", "words", "cycles", "us", "uJ", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in parts:
        table.add_row(
            part.layer.name,
            _shape_text(part.layer),
            str(part.bits) if part.weight_bytes else "-",
            f"{part.weight_bytes:,}",
            f"{part.data_bytes:,}",
            f"{part.kernel_words:,}",
            f"{part.cycles:,}",
            f"{part.time_us:,.1f}",
            f"{part.energy_uj:,.2f}",
            f"{part.share:.1%}",
        )
    print_table(table)
    out.print(f"{'MACs':13} {cost.macs:14,}")
    for name, figure, unit in (
        ("latency", cost.latency_us, "us"),
        ("  input copy", cost.input_us, "us"),
        ("  inference", cost.inference_us, "us"),
        ("energy", cost.energy_uj, "uJ"),
        ("weight load", cost.weight_load_us, "us"),
        ("", cost.weight_load_uj, "uJ"),
        ("on the core", cost.preparation_us, "us, preparing an input; in no latency"),
        ("", cost.softmax_us, "us, softmax; in no latency"),
    ):
        out.print(_figure_line(name, figure, unit), soft_wrap=True)
    if inferences is not None:
        name = f"one of {inferences:,}"
        out.print(
            f"{name:13} {cost.amortised_us(inferences):14,.2f} us and"
            f" {cost.amortised_uj(inferences):,.2f} uJ, its share of one weight load included",
            soft_wrap=True,
        )
    biases = request.network.bias_bytes
    out.print(
        f"{'size':13} {cost.size_bytes.value:14,.0f} B   ({cost.weight_bytes:,} of weights,"
        f" {biases:,} of biases)"
    )
    for demand in cost.demands:
        if demand.is_memory:
            share = demand.needed / demand.available
            out.print(f"{share:13.1%} of {demand.available:,} {demand.what}", soft_wrap=True)
    if cost.fits:
        out.print(Text(f"fits the {cost.mode.chip}", style="green"))
        return
    for demand in cost.demands:
        if not demand.fits:
            out.print(Text(f"does not fit: {demand}", style="bold red"), soft_wrap=True)
    out.print(advise(request.network, request.bits, request.chip, request.network_at))


def cost_json(request: Request, cost: Cost, parts: Sequence[LayerCost]) -> dict[str, Any]:
    """What `print_cost` prints, for programs."""
    return {
        "input_shape": list(request.network.input_shape),
        "bits": format_bits(request.bits),
        "mode": str(cost.mode),
        "chip": cost.mode.chip,
        **{name: _figure_json(getattr(cost, name)) for name in FIGURES},
        "weight_bytes": cost.weight_bytes,
        "bias_bytes": request.network.bias_bytes,
        "macs": cost.macs,
        "fits": cost.fits,
        "limits": [
            {
                "what": demand.what,
                "where": demand.where,
                "needed": demand.needed,
                "available": demand.available,
            }
            for demand in cost.demands
            if demand.is_memory or not demand.fits
        ],
        "advice": advise(request.network, request.bits, request.chip, request.network_at),
        "layers": _layer_rows(parts),
    }


def _layer_rows(parts: Sequence[LayerCost]) -> list[dict[str, Any]]:
    return [
        {
            "name": part.layer.name,
            "shape": _shape_text(part.layer),
            "bits": part.bits,
            "weight_bytes": part.weight_bytes,
            "macs": part.layer.macs,
            "data_bytes": part.data_bytes,
            "kernel_words": part.kernel_words,
            "cycles": part.cycles,
            "time_us": part.time_us,
            "energy_uj": part.energy_uj,
            "share": part.share,
        }
        for part in parts
    ]


def _shape_text(layer: Layer) -> str:
    size = "x".join(map(str, layer.out_size))
    return f"{layer.in_channels} > {layer.out_channels}" + (f" x {size}" if size else "")


def _figure_line(name: str, figure: Figure, unit: str) -> str:
    between = f"{figure.low:,.2f} to {figure.high:,.2f}, {figure.origin.value}"
    return f"{name:13} {figure.value:14,.2f} {unit}  ({between})"


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "origin": figure.origin.value,
    }
