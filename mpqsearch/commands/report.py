# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch report`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mpqsearch.commands.options import DEFAULT_RUNS, AllowCodeOption, RunsOption


def report(
    *,
    study: Annotated[str, typer.Option("--study", "-s", help="A run's name, finished or running.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report; the run's report/ without it."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Write the figures as PNG and SVG too.")
    ] = True,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    runs: RunsOption = DEFAULT_RUNS,
    allow_code: AllowCodeOption = False,
) -> None:
    """Write what a study found as one page to look at and to send, and its figures as images."""
    from mpqsearch.opened_study import OpenedStudy
    from mpqsearch.report.contents import read_contents
    from mpqsearch.report.images import NoImages
    from mpqsearch.report.page import render_page, sections_of
    from mpqsearch.report.write import write_images, write_page
    from mpqsearch.terminal import err

    opened = OpenedStudy(runs, study, allow_code=allow_code)
    folder = opened.folder.path / "report" if out is None else out
    runs_option = "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"
    contents = read_contents(opened, runs_option)
    if contents.spec_problem:
        err.print(contents.settings_text, markup=False, soft_wrap=True)
    sections = sections_of(contents)
    page = write_page(folder, render_page(contents, sections))
    typer.echo(page)
    if open_page:
        typer.launch(page.absolute().as_uri())
    if not images:
        return
    figures = [figure for one in sections for figure in (*one.figures, *one.folded)]
    try:
        drawn = write_images(folder, figures)
        typer.echo(f"{len(drawn)} images beside it")
    except NoImages as error:
        err.print(str(error), markup=False, soft_wrap=True)
