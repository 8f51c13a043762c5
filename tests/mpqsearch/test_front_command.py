# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch front` as it is typed: targets, certainty, rules, and what has no answer."""

import json
from pathlib import Path

import pytest

from tests.commands import Answer, Command, said_by, start
from tests.conftest import write_tiny_study
from tests.mpqsearch.searches import edited


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the tiny study, all of it trained at two seeds."""
    folder = tmp_path_factory.mktemp("front")
    study = edited(write_tiny_study(folder), "seed: 1\n", "seed: 1\nseeds: 2\n")
    done = start("run", "--study", study, "--trials", 18, "--no-cache", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


@pytest.fixture
def front(mpqsearch: Command, runs: Path) -> Command:
    """`front` of that run."""

    def asked(*arguments: object) -> Answer:
        return mpqsearch("front", "--study", "tiny", "--runs", runs, *arguments)

    return asked


def test_a_target_is_answered(front: Command) -> None:
    """With the smallest by mean, and 0; another with the nearest, what is reached, and 1."""
    met = front("--target", "accuracy >= 0.6 and size < 1e6")
    assert met.code == 0
    assert "The smallest with accuracy >= 0.6 and size_bytes < 1000000" in met.out
    assert "by mean: trial" in met.out
    assert "is smallest" in met.out
    missed = front("--target", "accuracy >= 0.6 and latency < 0.1")
    assert (missed.code, missed.err) == (1, "")
    assert "comes nearest, with latency_us" in missed.out
    assert "all that was trained reaches accuracy" in missed.out


def test_programs_are_answered_as_well(front: Command) -> None:
    """The same in JSON: what was asked for, and null where there is none."""
    answer = front("--target", "accuracy >= 0.6", "--certainty", "--pick", "knee", "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    target, certainty = found["target"], found["certainty"]
    assert target["by_mean"]["accuracy"] >= 0.6
    assert 0 <= target["by_mean"]["meets"] <= 1
    assert certainty["source"] in {"pooled", "samples"}
    members = {one["number"] for one in certainty["members"] if one["on_front_by_mean"]}
    assert {one["number"] for one in found["front"]} == members
    assert found["pick"]["rule"] == "knee"
    missed = front("--target", "latency < 0.1", "--json")
    assert missed.code == 1
    assert json.loads(missed.out)["target"]["by_mean"] is None


def test_certainty_fits_a_hundred_columns(front: Command) -> None:
    """Its table does; sentences wrap."""
    answer = front("--certainty")
    assert answer.code == 0
    table = answer.out[answer.out.index("Certainty") :].splitlines()
    rows = [line for line in table if line.endswith(("contender", "%")) or "more seeds " in line]
    assert rows
    assert all(len(line.rstrip()) <= 100 for line in rows)
    assert "best: trial" in answer.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pick", "forgiving"), "forgiving: The forgiving factor"),
        (("--pick", "ace", "--target", "accuracy >= 0.6"), "ace: Accuracy-constrained"),
        (("--pick", "ace", "--target", "accuracy >= 0.6", "--size-ref", 900), "size_ref 900 B"),
        (
            ("--pick", "lexicographic", "--order", "accuracy within 1%, size"),
            "order accuracy within 0.01, size_bytes",
        ),
        (("--pick", "tied"), "tied: The best, and all"),
        (("--pick", "all", "--where", "length == 6"), "with input_length == 6"),
    ],
)
def test_a_rule_says_what_it_means_and_takes(
    front: Command, options: tuple[object, ...], said: str
) -> None:
    """In words, then the candidates."""
    answer = front(*options)
    assert answer.code == 0, answer.err
    assert said in answer.out
    assert "  trial " in answer.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--target accuracy<=0.9", "an accuracy is asked for with >="),
        ("--target accuracy>=2", "accuracy is a share of 1"),
        ("--target test_accuracy>=0.9", "only reported, never chosen on"),
        ("--target size", "no comparison follows size"),
        ("--sure 0.9", "--sure is for --target and --certainty"),
        ("--certainty --sure 1", "--sure must be above 0.5 and below 1 but is 1"),
        ("--certainty --sure 0.5", "--sure must be above 0.5 and below 1 but is 0.5"),
        ("--certainty --sure nan", "--sure must be above 0.5 and below 1 but is nan"),
        ("--certainty --sure 95%", "Invalid value for '--sure'"),
        ("--where size<9", "are for --pick; give a rule"),
        ("--order size", "are for --pick; give a rule"),
        ("--pick ace", "the rule ace needs a target above 0"),
        ("--pick ace --target latency<99", "the rule ace needs a target above 0"),
        ("--pick lexicographic", "the rule lexicographic needs an order"),
        ("--pick forgiving --size-ref 0", "--size-ref must be above 0 bytes but is 0"),
        ("--pick forgiving --size-ref -5", "--size-ref must be above 0 bytes but is -5"),
        ("--pick smalest", "did you mean smallest?"),
        ("--pick best --order size", "--order is for --pick lexicographic"),
        ("--pick smallest --where latency<0.1", "no member of the front"),
    ],
)
def test_what_cannot_be_answered_is_refused(front: Command, options: str, said: str) -> None:
    """In one line, with exit code 2."""
    assert said in said_by(front(*options.split()))


def test_nothing_that_fits_is_said_with_what_would(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A run without a front fails; it and `front` name the nearest candidate and what would do."""
    edited(tiny_study, "seed: 1\n", "seed: 1\ndata: {features: 5000}\n")
    run = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path, "--trials", 3)
    assert run.code == 1, run.err
    assert "No candidate fits the chip" in run.out
    assert "nearest to the MAX78002: " in run.out
    assert "priced: latency_us" in run.out
    shown = mpqsearch("front", "--study", "tiny", "--runs", tmp_path)
    assert shown.code == 0
    assert "nearest to the MAX78002: " in shown.out
    asked = mpqsearch(
        "front", "--study", "tiny", "--runs", tmp_path, "--target", "size<9", "--json"
    )
    assert asked.code == 1
    assert json.loads(asked.out)["target"] is None
