# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch front`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    JsonOption,
    OrderOption,
    RunsOption,
    SizeRefOption,
    WhereOption,
)
from mpqsearch.errors import StudyError

if TYPE_CHECKING:
    from mpqsearch.export.selection import Selection

NOT_FOUND = 1
"""Exit code where the question is good and the answer is that there is none, as of `grep`."""


def front(
    *,
    study: Annotated[str, typer.Option("--study", "-s", help="A run's name.")],
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            help='The smallest that meets this, like "accuracy >= 0.98", and how sure that is.',
        ),
    ] = None,
    certainty: Annotated[
        bool, typer.Option("--certainty", help="How sure the front is, and who is tied.")
    ] = False,
    sure: Annotated[
        float | None,
        typer.Option("--sure", help="Probability that counts as sure; 0.95 without it."),
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option("--pick", help="What a rule of export takes, and what the rule means."),
    ] = None,
    where: WhereOption = None,
    size_ref: SizeRefOption = None,
    order: OrderOption = None,
    plot: Annotated[
        str,
        typer.Option("--plot", help="What the plot is against: size, latency, energy, or none."),
    ] = "size",
    runs: RunsOption = DEFAULT_RUNS,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the front of a study, finished or still running, and what is certain of it."""
    from mpqsearch.front_answers import Question, answers, answers_json, print_answers
    from mpqsearch.front_plot import PlotCost
    from mpqsearch.opened_study import OpenedStudy

    if sure is not None and not (target or certainty):
        raise StudyError("--sure is for --target and --certainty; give one of them")
    selection = _selection(pick, where, target, size_ref, order)
    question = Question(
        tuple(target or ()), selection, certainty=certainty, plot=PlotCost.parse(plot), sure=sure
    )
    found = answers(OpenedStudy(runs, study, allow_code=allow_code), question)
    if as_json:
        typer.echo(json.dumps(answers_json(found), indent=2))
    else:
        print_answers(found)
    if not found.met:
        raise typer.Exit(NOT_FOUND)


def _selection(
    pick: str | None,
    where: list[str] | None,
    target: list[str] | None,
    size_ref: int | None,
    order: str | None,
) -> "Selection | None":
    from mpqsearch.export.selection import Selection
    from mpqsearch.picks import Pick

    if pick is None:
        if where or size_ref is not None or order is not None:
            raise StudyError("--where, --size-ref and --order are for --pick; give a rule")
        return None
    ace = Pick.parse(pick) is Pick.ACE  # to the others a target is a question beside
    asked = tuple(target or ()) if ace else ()
    return Selection(pick, tuple(where or ()), target=asked, size_ref=size_ref, order=order)
