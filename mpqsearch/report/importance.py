# SPDX-License-Identifier: Apache-2.0
"""Which choice decides an objective: Optuna's importances."""

import random
import warnings
from collections.abc import Sequence

import optuna
import plotly.graph_objects as go
from optuna.distributions import IntDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState, create_trial

from mpqsearch.certainty_table import percent
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY, MEASURES
from mpqsearch.report.style import Figure, axis, bar, styled
from mpqsearch.trials import DIRECTIONS, Outcome, TrialRecord

FEWEST = 4
"""Scored candidates from which on a forest has something to split."""

TREES = 32
MOST_LEARNED_FROM = 300
"""Candidates the forest learns from; of more, so many are drawn."""


def importance_figure(contents: Contents) -> Figure | None:
    """Shares of each objective's variance; none where too few are scored or nothing varies."""
    scored = contents.of(Outcome.SCORED)
    if len(scored) > MOST_LEARNED_FROM:
        scored = random.Random(0).sample(scored, MOST_LEARNED_FROM)
    shares = importances(scored, contents.about.layer_names)
    if not shares:
        return None
    parameters = list(next(iter(shares.values())))
    plot = go.Figure()
    for number, (key, found) in enumerate(shares.items()):
        plot.add_trace(
            go.Bar(
                y=parameters,
                x=[100 * found[name] for name in parameters],
                orientation="h",
                name=key,
                marker=bar(number),
                hovertemplate="%{y}: %{x:.1f} %<extra>%{fullData.name}</extra>",
            )
        )
    styled(
        plot,
        xaxis=axis("share of the variance, %", rangemode="tozero"),
        yaxis=axis("", autorange="reversed", ticks=""),
        barmode="group",
        bargap=0.25,
    )
    return Figure("importance", "What decides", _reading(shares, len(scored)), plot)


def importances(
    scored: Sequence[TrialRecord], layer_names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Share of each objective's variance that a parameter explains alone, by their names.

    Parameters come in the network's order, the input length first; those that never change have
    none, and objectives that never do are left out.

    **Source:** fANOVA, Hutter, Hoos, Leyton-Brown, ICML 2014, as Optuna computes it.
    """
    if len(scored) < FEWEST:
        return {}
    names = ["input length", *(f"bits of {name}" for name in layer_names)]
    columns = [(one.candidate.input_length, *one.candidate.bits) for one in scored]
    most = [max(column) for column in zip(*columns, strict=True)]
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trials([_trial(record, names, most) for record in scored])
    found = {}
    for at, measure in enumerate(MEASURES):
        if len({record.values[at] for record in scored}) < 2:
            continue
        shares = _shares(study, at)
        if sum(shares.values()) > 0:
            found[measure.name] = {name: float(shares[name]) for name in names}
    return found


def _shares(study: optuna.Study, objective: int) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return get_param_importances(
            study,
            evaluator=FanovaImportanceEvaluator(n_trees=TREES, seed=0),
            target=lambda trial: float(trial.values[objective]),
            normalize=False,  # what several choices decide together is nobody's
        )


def _trial(record: TrialRecord, names: Sequence[str], most: Sequence[int]) -> FrozenTrial:
    """The record for Optuna, with numbers for parameters: a forest splits those in few steps."""
    values = record.candidate.input_length, *record.candidate.bits
    return create_trial(
        state=TrialState.COMPLETE,
        params=dict(zip(names, values, strict=True)),
        distributions={
            name: IntDistribution(1, high) for name, high in zip(names, most, strict=True)
        },
        values=list(record.values),
    )


def _reading(shares: dict[str, dict[str, float]], learned_from: int) -> str:
    key = ACCURACY.name if ACCURACY.name in shares else next(iter(shares))
    ordered = sorted(shares[key].items(), key=lambda one: -one[1])
    said = f"{ordered[0][0]} explains {percent(ordered[0][1])} of the variance in {key}"
    if len(ordered) > 1:
        said += f", {ordered[1][0]} {percent(ordered[1][1])}"
    return f"{said[0].upper()}{said[1:]} (fANOVA over {learned_from:,} candidates)."
