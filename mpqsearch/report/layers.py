# SPDX-License-Identifier: Apache-2.0
"""Where the time, the energy and the memory of a pick go: layer by layer."""

import plotly.graph_objects as go

from hardware.cost.layer_costs import layer_costs
from hardware.cost.model import CostModel
from mpqsearch.certainty_table import percent
from mpqsearch.report.contents import COMPARED_WITH, Contents
from mpqsearch.report.measures import COSTS, LATENCY, SIZE, Measure
from mpqsearch.report.style import GREY, Figure, axis, bar, styled
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import TrialRecord

COPY, START, BIASES = REST = ("input copy", "start", "biases")
"""What no layer has."""

Parts = dict[str, float]


def layers_figures(contents: Contents) -> list[Figure]:
    """Time, energy and bytes of the picks and of uniform 8 bits, by layer.

    None where nothing was picked, or the network cannot be made any more.

    Raises:
        ValueError: where the task gives no network; its own kind of it.
    """
    spec = contents.spec
    if spec is None or not contents.picks:
        return []
    named = contents.named
    if contents.compared is not None and contents.compared not in named:
        named[contents.compared] = COMPARED_WITH
    parts = {record: parts_of(spec, record) for record in named}
    return [_figure(measure, named, parts, at) for at, measure in enumerate(COSTS)]


def parts_of(spec: StudySpec, record: TrialRecord) -> tuple[Parts, Parts, Parts]:
    """What makes up a candidate's time in us, energy in uJ and bytes, by name.

    The layers, and what no layer has: copying the input, starting the accelerator, biases. Where a
    time or energy was measured, the layers are still the model's, and the rest makes up for it.
    """
    network = spec.task.checked_network(record.candidate.input_length)
    model = CostModel(spec.chip, spec.calibration)
    cost = model.cost(network, record.candidate.bits)
    layers = layer_costs(network, record.candidate.bits, model)
    times = {part.layer.name: part.time_us for part in layers}
    energies = {part.layer.name: part.energy_uj for part in layers}
    sizes = {part.layer.name: float(part.weight_bytes) for part in layers}
    return (
        {COPY: cost.input_us.value, **times, START: _rest(cost.inference_us.value, times)},
        {COPY: cost.input_uj.value, **energies, START: _rest(cost.inference_uj.value, energies)},
        {**sizes, BIASES: _rest(cost.size_bytes.value, sizes)},
    )


def _rest(whole: float, parts: Parts) -> float:
    return max(0.0, whole - sum(parts.values()))


def _figure(
    measure: Measure,
    named: dict[TrialRecord, str],
    parts: dict[TrialRecord, tuple[Parts, Parts, Parts]],
    at: int,
) -> Figure:
    plot = go.Figure()
    rows = [f"{name}<br>{record.candidate}" for record, name in named.items()]
    names = list(next(iter(parts.values()))[at])
    layers = [name for name in names if name not in REST]
    for part in names:
        filling = bar(REST.index(part), GREY) if part in REST else bar(layers.index(part))
        plot.add_trace(
            go.Bar(
                y=rows,
                x=[parts[record][at][part] for record in named],
                orientation="h",
                name=part,
                marker=filling,
                hovertemplate="%{x:,.2f} " + measure.unit + "<extra>%{fullData.name}</extra>",
            )
        )
    styled(
        plot,
        xaxis=axis(measure.title, rangemode="tozero"),
        yaxis=axis("", autorange="reversed", ticks=""),
        barmode="stack",
        bargap=0.35,
    )
    title = f"{measure.name} by layer".capitalize()
    first = next(iter(named))
    return Figure(
        f"layers-{measure.name}",
        title,
        _reading(measure, first, named[first], parts[first][at]),
        plot,
    )


def _reading(measure: Measure, record: TrialRecord, name: str, parts: Parts) -> str:
    most = max(parts, key=parts.__getitem__)
    share = parts[most] / (sum(parts.values()) or 1.0)
    what = {LATENCY: "time", SIZE: "bytes"}.get(measure, measure.name)
    return f"Of the {what} of the {name} ({record.candidate}), {percent(share)} goes to {most}."
