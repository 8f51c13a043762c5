# SPDX-License-Identifier: Apache-2.0
"""What the candidates of a sweep cost, and the coordinates its front is measured in."""

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import mpqsearch
from hardware.candidate import Candidate
from hardware.cost.model import CostModel
from mpqsearch.coordinates import Coordinates, CostAxis
from mpqsearch.errors import StudyError
from mpqsearch.study_file import StudySpec, read_study
from mpqsearch.sweep import Sweep
from mpqsearch.sweep_table import SweepTable
from mpqsearch.trials import OBJECTIVES

WORST_ERROR = 0.5
"""Error whose loss is 1, as in the published sweep's coordinates, where any candidate errs less."""

PUBLISHED_LAYERS = ("conv1", "conv2", "fc1", "fc2")
PUBLISHED_COORDINATES = Coordinates(
    axes=(CostAxis(0.0, 140.0), CostAxis(2000.0, 2000.0 * 10**2.1, logarithmic=True)),
    worst_error=WORST_ERROR,
)
"""Latency in us over 140, and log10(weight bytes / 2000) / 2.1, of the indoor sweep."""


def published_costs(candidate: Candidate) -> tuple[float, float]:
    """Latency in us and weight bytes of the indoor study's network.

    **Source:** Abushahla et al.: weights of the four layers; latency fitted to the board's.
    """
    length = candidate.input_length
    conv1, conv2, fc1, fc2 = candidate.bits
    weight_bits = 60 * conv1 + 300 * conv2 + 2000 * length * fc1 + 800 * fc2
    return 7.87 + 1.245 * length, weight_bits / 8


class CostSource(enum.Enum):
    """Where costs come from; the value is its name on the command line."""

    TABLE = "table"
    MODEL = "model"
    PUBLISHED = "published"


@dataclass(frozen=True)
class PricedSweep:
    """A sweep with the costs of its candidates.

    Attributes:
        sweep: The candidates that have costs.
        costs: Theirs, in the order of `names`.
        names: What the costs are.
        source: Where they come from.
        source_text: The same in words.
        coordinates: What hypervolumes are measured in.
        missing: Mixes of the table's lengths and widths that it does not have.
        misfits: Candidates of the table that do not fit the chip.
    """

    sweep: Sweep
    costs: Mapping[Candidate, tuple[float, ...]] = field(repr=False)
    names: tuple[str, ...]
    source: CostSource
    source_text: str
    coordinates: Coordinates
    missing: int
    misfits: int = 0


def price_sweep(
    table: SweepTable, source: CostSource | None = None, study: StudySpec | None = None
) -> PricedSweep:
    """Gives the candidates of a table their costs.

    Args:
        table: The sweep.
        source: Where the costs come from. Without it: the study's cost model where one is given,
            else the table's columns where it has any, else the cost model of the study that
            comes along and has the table's layers and input lengths.
        study: Whose cost model is meant.

    Raises:
        StudyError: where there are no costs, or the table is not of the study.
    """
    if study is not None and source not in (None, CostSource.MODEL):
        raise StudyError(f"--study is for --costs model, not {source.value}; leave one of them out")
    if source is None and study is None and table.columns.costs:
        source = CostSource.TABLE
    if source is CostSource.TABLE:
        return _by_table(table)
    if source is CostSource.PUBLISHED:
        whose = "the published indoor sweep"
        sweep = Sweep.of(table.in_layer_order(PUBLISHED_LAYERS, whose))
        return PricedSweep(
            sweep=sweep,
            costs={one: published_costs(one) for one in sweep.space},
            names=("latency_us", "weight_bytes"),
            source=source,
            source_text=f"latency and weight bytes of {whose}, in its fixed coordinates",
            coordinates=PUBLISHED_COORDINATES,
            missing=sweep.missing,
        )
    return _by_model(table, study or _matching_study(table))


def _by_table(table: SweepTable) -> PricedSweep:
    names = table.columns.costs
    if not names:
        raise StudyError(
            f"--costs table: sweep {table.path} has no column known to hold costs; name them:"
            " --columns costs=A+B"
        )
    sweep = Sweep.of(table)
    costs = {one: sweep.costs(one) for one in sweep.space}
    return PricedSweep(
        sweep=sweep,
        costs=costs,
        names=names,
        source=CostSource.TABLE,
        source_text="columns of the table",
        coordinates=_coordinates(sweep, costs),
        missing=sweep.missing,
    )


def _by_model(table: SweepTable, study: StudySpec) -> PricedSweep:
    sweep = Sweep.of(table.in_layer_order(study.space.layer_names, f"study {study.name}"))
    model = CostModel(study.chip, study.calibration)
    costs: dict[Candidate, tuple[float, ...]] = {}
    misfits = set()
    for candidate in sweep.space:
        cost = model.cost(study.task.checked_network(candidate.input_length), candidate.bits)
        if cost.fits:
            costs[candidate] = (
                cost.latency_us.value,
                cost.energy_uj.value,
                cost.size_bytes.value,
            )
        else:
            misfits.add(candidate)
    if not costs:
        raise StudyError(
            f"no candidate of sweep {table.path} fits the {study.chip.name} of study {study.name}"
        )
    fitting = sweep.without(misfits)
    return PricedSweep(
        sweep=fitting,
        costs=costs,
        names=OBJECTIVES[1:],
        source=CostSource.MODEL,
        source_text=f"cost model of study {study.name}, {model.mode}",
        coordinates=_coordinates(fitting, costs),
        missing=sweep.missing,
        misfits=len(misfits),
    )


def _matching_study(table: SweepTable) -> StudySpec:
    """The study that comes along and has the table's layers and input lengths."""
    lengths = {row.candidate.input_length for row in table.rows}
    folder = Path(mpqsearch.__file__).resolve().parent.parent / "studies"
    matching = []
    for file in sorted(folder.glob("*.yaml")):
        study = read_study(file)
        same_layers = sorted(study.space.layer_names) == sorted(table.layer_names)
        if same_layers and lengths <= set(study.space.input_lengths):
            matching.append(study)
    if len(matching) == 1:
        return matching[0]
    named = " and ".join(study.name for study in matching) or "no study that comes along"
    raise StudyError(
        f"sweep {table.path} says nothing of costs, and {named} fits its layers"
        f" ({', '.join(table.layer_names)}) and input lengths; name its cost columns with --columns"
        " costs=A+B, or a study whose cost model prices it with --study"
    )


def _coordinates(sweep: Sweep, costs: Mapping[Candidate, Sequence[float]]) -> Coordinates:
    """Each cost over its range in the table, errors up to a half, or twice the least.

    A task so hard that half of all answers are wrong would have no front in coordinates that end
    at an error of 0.5.
    """
    least = 1.0 - max(sweep.mean_accuracy(candidate) for candidate in sweep.space)
    if math.isclose(least, 1.0):
        raise StudyError("no candidate of the sweep has an accuracy above 0: there is no front")
    worst = min(1.0, max(WORST_ERROR, 2 * least))
    table = np.array([costs[candidate] for candidate in sweep.space], dtype=np.float64)
    return Coordinates.spanning(table, worst)
