# SPDX-License-Identifier: Apache-2.0
"""The page: one file that holds everything it shows."""

import importlib.resources
import json
from dataclasses import dataclass
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from mpqsearch.report.board import board_figures
from mpqsearch.report.candidates import FIELDS, export_command, ids_in, rows_of
from mpqsearch.report.contents import Contents
from mpqsearch.report.curves import curves_figure
from mpqsearch.report.fronts import front_figures
from mpqsearch.report.importance import importance_figure
from mpqsearch.report.layers import layers_figures
from mpqsearch.report.lengths import lengths_figure
from mpqsearch.report.points import MOST_DRAWN, Points
from mpqsearch.report.progress import progress_figures
from mpqsearch.report.provenance import facts_of, reproduce_command
from mpqsearch.report.style import (
    CONTENDER,
    DOMINATED,
    FRONT,
    INFEASIBLE,
    PRUNED,
    REFERENCE,
    Figure,
    Mark,
)
from mpqsearch.report.summary import accuracy_text, front_rows, headline, pick_rows, ties_of
from mpqsearch.report.widths import widths_figure
from mpqsearch.trials import Outcome

MAIN_PAIRS = 3
"""Pairs of accuracy and a cost, which come first; those of two costs are folded away."""

WIDTHS_INTRO = (
    "A row is a member of the front, the best first: its accuracy, its input length, and the bits"
    " of each layer."
)


@dataclass(frozen=True)
class Section:
    """Figures that belong together.

    Attributes:
        anchor: Its name in links.
        title: Its heading.
        intro: A sentence that says how to read it.
        figures: Side by side where there is room.
        folded: More of them, shown when asked for.
        missing: Why there is none; empty where there is.
    """

    anchor: str
    title: str
    intro: str
    figures: tuple[Figure, ...]
    folded: tuple[Figure, ...] = ()
    missing: str = ""


def sections_of(contents: Contents) -> list[Section]:
    """Everything that can be drawn of a study, in the order in which it is read."""
    points = Points({record.candidate: at for at, record in enumerate(contents.records)})
    fronts = front_figures(contents, points)
    layers, problem = _layers(contents)
    found = [
        Section(
            "front",
            "The front",
            _front_intro(contents),
            tuple(fronts[:MAIN_PAIRS]),
            tuple(fronts[MAIN_PAIRS:]),
        ),
        Section(
            "bits",
            "Which layer needs bits",
            WIDTHS_INTRO,
            _present(widths_figure(contents, points)),
        ),
        Section("layers", "Where a pick's costs go", "", tuple(layers), missing=problem),
        Section("board", "Model and board", "", tuple(board_figures(contents, points))),
        Section(
            "lengths",
            "What an input length reaches",
            "",
            _present(lengths_figure(contents, points)),
        ),
        Section("decides", "Which choice decides", "", _present(importance_figure(contents))),
        Section(
            "progress",
            "How the search went",
            "Hypervolume: how much of the space of accuracy and costs the front beats, over what it"
            " beats now.",
            tuple(progress_figures(contents)),
        ),
        Section("curves", "How trainings went", "", _present(curves_figure(contents, points))),
    ]
    return [section for section in found if section.figures or section.missing]


def _present(figure: Figure | None) -> tuple[Figure, ...]:
    return () if figure is None else (figure,)


def _layers(contents: Contents) -> tuple[list[Figure], str]:
    """The costs by layer, or why the network cannot be made: a user's task may have moved."""
    if contents.spec is None:
        return [], f"{contents.settings_text}."
    try:
        return layers_figures(contents), ""
    except (ValueError, OSError) as error:
        return [], f"The task gives no network: {error}."


def _front_intro(contents: Contents) -> str:
    known = contents.uncertainty
    bars = f"There are no bars: {known.problem}."
    if known.source:
        bars = f"Bars hold an accuracy over endless seeds with 95 % probability: {known.source}."
    return (
        "The line is what can be had: the best of one for at most so much of the other. Members of"
        f" the front below it pay there for being better in something else. {bars}"
        f"{_thinned(contents)}"
    )


def _thinned(contents: Contents) -> str:
    """Says that not all are drawn, where that is so."""
    most = max(len(contents.dominated), len(contents.of(Outcome.PRUNED)))
    if most <= MOST_DRAWN:
        return ""
    return (
        f" Of kinds with more than {MOST_DRAWN:,} candidates, so many evenly chosen ones are drawn."
    )


def render_page(contents: Contents, sections: list[Section]) -> str:
    """The page's HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mpqsearch.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        about=contents.about,
        contents=contents,
        headline=headline(contents),
        accuracy=accuracy_text(contents),
        picks=pick_rows(contents),
        rows=front_rows(contents),
        ties=ties_of(contents),
        marks=_marks(contents),
        sections=sections,
        facts=facts_of(contents),
        reproduce=reproduce_command(contents),
        ids={record.candidate: at for at, record in enumerate(contents.records)},
        style=_part("page.css"),
        script=_part("page.js"),
        plotly=get_plotlyjs(),
        data=_json_for_script(_data(contents, sections)),
    )


def _marks(contents: Contents) -> list[Mark]:
    """The kinds of candidates that there are."""
    there = {
        FRONT: contents.front,
        CONTENDER: contents.contenders,
        DOMINATED: contents.dominated,
        PRUNED: contents.of(Outcome.PRUNED),
        INFEASIBLE: contents.of(Outcome.INFEASIBLE),
        REFERENCE: contents.references,
    }
    return [mark for mark, records in there.items() if records]


def _data(contents: Contents, sections: list[Section]) -> dict[str, Any]:
    figures = [figure for one in sections for figure in (*one.figures, *one.folded)]
    shown = ids_in(figures)
    listed = {row.record.candidate for row in (*pick_rows(contents), *front_rows(contents))}
    listed |= {record.candidate for tie in ties_of(contents) for record in tie.others}
    shown |= {at for at, one in enumerate(contents.records) if one.candidate in listed}
    return {
        "fields": FIELDS,
        "candidates": rows_of(contents, shown),
        "command": export_command(contents),
        "figures": {figure.name: json.loads(figure.plot.to_json()) for figure in figures},
    }


def _json_for_script(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _part(name: str) -> str:
    return importlib.resources.files("mpqsearch.report").joinpath(name).read_text(encoding="utf-8")
