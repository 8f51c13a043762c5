# SPDX-License-Identifier: Apache-2.0
"""The study behind the dashboard: read when it is asked for, its figures drawn now and then."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial

from mpqsearch.backend import storage_errors
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.report.candidates import ids_in, rows_of
from mpqsearch.report.contents import Contents, read_contents
from mpqsearch.report.page import render_page, sections_of
from mpqsearch.report.style import Figure
from mpqsearch.trials import TrialRecord, record_of

logger = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 5.0
BUSY_SHARE = 0.05
"""Of a processor, at most, for drawing: a search runs beside it."""

HEIGHT, TITLE_PIXELS = 450, 56
"""Pixels that optuna-dashboard gives a figure, and of them those of its title."""


@dataclass(frozen=True)
class Reading:
    """A study at one moment.

    Attributes:
        trials: Optuna's, by their numbers.
        records: What those that finished came to, by the same.
    """

    trials: Mapping[int, FrozenTrial]
    records: Mapping[int, TrialRecord]


@dataclass
class View:
    """What the dashboard shows of a study.

    Attributes:
        opened: The study.
        runs_option: What commands must say of the runs folder.
        contents: The study as figures and note have it, of the last time they were made.
        figures: Those, in Plotly's JSON, by name; none before the first time.
    """

    opened: OpenedStudy
    runs_option: str = ""
    contents: Contents = field(init=False)
    figures: Mapping[str, str] = field(init=False, default_factory=dict)
    _stop: threading.Event = field(init=False, repr=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.contents = read_contents(self.opened, self.runs_option)
        if self.contents.spec_problem:  # said once: they are read again and again
            logger.warning("%s", self.contents.settings_text)

    def read(self) -> Reading:
        """The study now: a trial that has just finished is shown once, and must have its note.

        Raises:
            RunFolderError: where the storage cannot be read.
        """
        with storage_errors(self.opened.folder):
            self.opened.read_again()
        trials = {trial.number: trial for trial in self.opened.trials}
        # One that failed and was tried again is left out of the study's records.
        found = {number: record_of(trial, None) for number, trial in trials.items()}
        known = {one.number: one for one in self.opened.records if one.number is not None}
        kept = {number: record for number, record in found.items() if record is not None}
        return Reading(trials, {**kept, **known})

    def page(self) -> bytes:
        """The report, of the same moment as the figures."""
        contents = self.contents
        return render_page(contents, sections_of(contents)).encode()

    def start_drawing(self) -> None:
        """Has the figures drawn, and drawn again where the study has changed, until `stop`."""
        threading.Thread(target=self._keep_drawing, name="figures", daemon=True).start()

    def stop(self) -> None:
        """Ends the drawing."""
        self._stop.set()

    def _keep_drawing(self) -> None:
        drawn = None
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                contents = read_contents(self.opened, self.runs_option)
                if drawn is None or contents.records != drawn:
                    self.figures = drawn_figures(contents)
                    self.contents = contents
                    drawn = contents.records
                with storage_errors(self.opened.folder):
                    self.opened.read_again()
            except Exception as error:  # the dashboard goes on with the figures it has
                logger.warning("the figures are not of this moment: %s", error)
            took = time.monotonic() - begun
            self._stop.wait(max(SHORTEST_PAUSE_SECONDS, took / BUSY_SHARE))


def drawn_figures(contents: Contents) -> dict[str, str]:
    """The report's figures as Plotly's JSON, each with its title and words at its points."""
    figures = [figure for section in sections_of(contents) for figure in section.figures]
    labels = {int(at): row[0] for at, row in rows_of(contents, ids_in(figures)).items()}
    return {figure.name: json.dumps(_alone(figure, labels)) for figure in figures}


def _alone(figure: Figure, labels: Mapping[int, str]) -> dict[str, Any]:
    """A figure that stands without the report's page, which has its title and its labels."""
    plot: dict[str, Any] = json.loads(figure.plot.to_json())
    for trace in plot["data"]:
        if "customdata" in trace:
            trace["hovertext"] = _labelled(trace.pop("customdata"), labels)
    layout = plot["layout"]
    layout["title"] = {"text": figure.title, "x": 0.01, "y": 0.98, "yanchor": "top"}
    layout["margin"] = {**layout.get("margin", {}), "t": TITLE_PIXELS}
    layout["height"] = HEIGHT
    # Below, where it makes itself room: the report's page has one legend for all figures.
    below = {"y": 0, "yref": "container", "yanchor": "bottom", "font": {"size": 11}}
    layout["legend"] = {**layout.get("legend", {}), **below}
    return plot
    return plot


def _labelled(ids: Any, labels: Mapping[int, str]) -> Any:
    """The labels of candidates, in lists as deep as theirs."""
    if isinstance(ids, list):
        return [_labelled(one, labels) for one in ids]
    return labels.get(ids, "")
