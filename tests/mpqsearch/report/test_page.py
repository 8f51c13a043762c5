# SPDX-License-Identifier: Apache-2.0
"""The page of a report: what it says of studies as they come, whole and damaged."""

import dataclasses
import html
import json
import math
import re
from pathlib import Path

import pytest

from hardware.candidate import Candidate
from hardware.chips import chip_named
from hardware.cost.measurements import Measurement, Window
from hardware.cost.mode import Mode
from mpqsearch.picks import Pick
from mpqsearch.report.contents import Contents, is_finite
from mpqsearch.report.page import render_page, sections_of
from mpqsearch.report.uncertainty import Uncertainty
from mpqsearch.study_file import read_study
from mpqsearch.trials import Outcome
from tests.mpqsearch.report.made_up import ABOUT, contents, record, records


def text_of(found: Contents) -> str:
    """What a page says, without its scripts, styles and tags."""
    page = render_page(found, sections_of(found))
    body = page[page.index("<body>") : page.index('<script id="report-data"')]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def anchors(found: Contents) -> list[str]:
    return [section.anchor for section in sections_of(found)]


def test_a_page_holds_everything_and_asks_for_nothing() -> None:
    """No script, style, font or picture comes from elsewhere; names from a study are no HTML."""
    page = render_page(found := contents(records(60)), sections_of(found))
    head, _, scripts = page.partition('<script id="report-data"')
    assert not re.findall(r"(?:src|href)=|@import|url\(", head)
    assert scripts.count("<script>") >= 2
    assert "nobody &lt;measured&gt; these" in head
    assert "9 of 8 <words>" not in page
    assert len(page.encode()) < 6_000_000


def test_synthetic_data_are_named_first() -> None:
    """In the header, before any figure; recorded data are not called so."""
    synthetic, found = "SYNTHETIC DATA", contents(records(10))
    assert text_of(found).index(synthetic) < text_of(found).index("were tried")
    recorded = dataclasses.replace(found, about=dataclasses.replace(ABOUT, synthetic=False))
    assert "SYNTHETIC" not in text_of(recorded)


def test_the_summary_compares_the_knee_with_uniform_8_bits() -> None:
    """By hand: half the energy, 25 % less size and 1.50 points less."""
    eight = record(10, "8-8-8-8", 0.95, number=0, reference="uniform 8", size_bytes=400)
    small = record(10, "2-2-2-2", 0.935, number=1, size_bytes=300, energy_uj=eight.energy_uj / 2)
    worse = record(10, "1-1-1-1", 0.3, number=2, size_bytes=299, energy_uj=small.energy_uj - 0.1)
    found = contents([eight, small, worse])
    assert found.picks[Pick.KNEE] == small
    said = text_of(found)
    assert "50 % less energy and 25 % less size than uniform 8 bits at the longest input" in said
    assert "1.50 points less accuracy" in said


@pytest.mark.parametrize("outcome", [Outcome.PRUNED, Outcome.INFEASIBLE, Outcome.FAILED])
def test_a_study_with_nothing_scored_says_so(outcome: Outcome) -> None:
    """No figure, no pick, and a word on what comes nearest."""
    rungs = ((0.0, 0.3),) if outcome is Outcome.PRUNED else ()
    one = record(10, "8-8-8-8", 0.0, outcome=outcome, message="reason", rungs=rungs)
    said = text_of(contents([one], uncertainty=Uncertainty()))
    assert "1 of" in said
    assert re.search("No (training|candidate)", said)
    assert "The front in figures" not in said


def test_a_study_that_has_only_begun_has_a_page() -> None:
    """No candidate at all: the page says what is running, and rests on the same facts."""
    said = text_of(contents([], running=2))
    assert "2 candidates were being evaluated" in said
    assert "No candidate is finished yet" in said
    assert "What this rests on" in said


def test_one_candidate_is_a_front() -> None:
    """It beats all others; what needs two is left out."""
    found = contents([record(10, "8-8-8-8", 0.9)])
    assert "beats all others" in text_of(found)
    assert not {"progress", "decides", "lengths"} & set(anchors(found))


def test_equal_candidates_and_whole_accuracies_are_drawn() -> None:
    """An error of 0 has no logarithm, and equal values span nothing."""
    same = [record(10, bits, 1.0, number=n) for n, bits in enumerate(("8-8-8-8", "4-4-4-4"))]
    same = [dataclasses.replace(one, size_bytes=5, energy_uj=0.5) for one in same]
    page = render_page(found := contents(same), sections_of(found))
    (data,) = re.findall(r'application/json">(.*?)</script>', page)
    errors = [row[4] for row in json.loads(data)["candidates"].values()]
    assert errors == [0.1, 0.1]


@pytest.mark.parametrize("field", ["accuracy", "latency_us", "energy_uj"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_left_out(field: str, value: float) -> None:
    """Of costs, accuracies and rungs."""
    whole = record(10, "8-8-8-8", 0.9)
    assert is_finite(whole)
    assert not is_finite(dataclasses.replace(whole, **{field: value}))  # type: ignore[arg-type]
    assert not is_finite(dataclasses.replace(whole, rungs=((0.5, value),)))


def test_costs_by_layer_need_the_study(tiny_study: Path) -> None:
    """With it they are drawn and sum up to the candidate's; without it the page says why not."""
    spec = read_study(tiny_study)
    found = dataclasses.replace(
        contents([record(8, "8-4", 0.9), record(6, "4-2", 0.8, number=1)]),
        about=dataclasses.replace(ABOUT, layer_names=spec.space.layer_names),
    )
    missing = dataclasses.replace(found, spec_problem="study.yaml is missing")
    assert "The study's settings cannot be read: study.yaml is missing" in text_of(missing)
    whole = dataclasses.replace(found, spec=spec)
    layers = next(one for one in sections_of(whole) if one.anchor == "layers")
    assert [one.name for one in layers.figures] == [
        "layers-latency",
        "layers-energy",
        "layers-size",
    ]
    assert {"conv1", "fc1", "input copy"} <= {bar.name for bar in layers.figures[0].plot.data}


def test_measured_candidates_are_compared_with_the_model() -> None:
    """In the mode of the costs only."""
    mode = Mode.default(chip_named("MAX78002"))
    one = record(10, "8-8-8-8", 0.9)
    board = Measurement(
        2, Candidate.parse(10, "8-8-8-8"), mode, Window.INPUT_AND_INFERENCE, one.latency_us * 1.1
    )
    about = dataclasses.replace(ABOUT, mode=str(mode))
    found = dataclasses.replace(contents([one], measured=(board,)), about=about)
    assert "Of 1 measured, the model is off by 10.0% at most" in text_of(found)
    assert "board" not in anchors(dataclasses.replace(found, about=ABOUT))


def test_ties_of_a_pick_are_named() -> None:
    """One that chance alone may set apart is, and one far below is not."""
    near = [
        record(10, "8-8-8-8", 0.951, number=0),
        record(10, "4-4-4-4", 0.950, number=1),
        record(10, "1-1-1-1", 0.400, number=2),
    ]
    said = text_of(contents(near))
    assert "Tied with the best, fastest in accuracy, the smallest first: 10 4-4-4-4 ." in said
    unknown = contents(near, uncertainty=Uncertainty(problem="no data"))
    assert "Tied" not in text_of(unknown)
    assert "There are no bars: no data." in text_of(unknown)


def test_an_imported_study_says_what_its_accuracies_are() -> None:
    """Not validation accuracies, and nothing that `mpqsearch run` would compute again."""
    found = contents(
        [record(10, "8-8-8-8", 0.9)], study_text="task: indoor", uncertainty=Uncertainty()
    )
    assert "on the validation split, which chooses" in text_of(found)
    assert "Compute it again" in text_of(found)
    about = dataclasses.replace(ABOUT, imported="test accuracy as recorded")
    said = text_of(dataclasses.replace(found, about=about))
    assert "Accuracy: test accuracy as recorded." in said
    assert "1 imported" in said
    assert "validation" not in said
    assert "Compute it again" not in said
