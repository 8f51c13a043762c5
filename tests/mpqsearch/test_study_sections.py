# SPDX-License-Identifier: Apache-2.0
"""Seeds, fidelity and early stopping in a study file: read as written, or refused in one line."""

from pathlib import Path

import pytest
import yaml

from mpqsearch.study_file import read_study
from tests.study_files import DIGITS, refusal, written

WHOLE, MAPPING = "must be a whole number but is", "must be a mapping (key: value) but is"
CASES = {
    "text for number of seeds": (DIGITS + "seeds: '3'\n", f"'seeds' {WHOLE} \"3\""),
    "float for number of seeds": (DIGITS + "seeds: 2.0\n", f"'seeds' {WHOLE} 2.0"),
    "word for racing": (DIGITS + "racing: yes\n", "'racing' must be true or false but is \"yes\""),
    "int for racing": (DIGITS + "racing: 1\n", "'racing' must be true or false but is 1"),
    "number for fidelity": (DIGITS + "fidelity: 0.5\n", f"'fidelity' {MAPPING} 0.5"),
    "fidelity text": (DIGITS + "fidelity:\n  epochs: ten\n", f"'fidelity.epochs' {WHOLE} \"ten\""),
    "fidelity float": (DIGITS + "fidelity:\n  epochs: 1.5\n", f"'fidelity.epochs' {WHOLE} 1.5"),
    "word for share": (
        DIGITS + "fidelity:\n  train_share: half\n",
        "'fidelity.train_share' must be a number but is \"half\"",
    ),
    "rule for pruning": (DIGITS + "pruning: safe\n", f"'pruning' {MAPPING} \"safe\""),
    "number for rungs": (
        DIGITS + "pruning:\n  rungs: 0.5\n",
        "'pruning.rungs' must be a list, like [0.05, 0.2], but is 0.5",
    ),
    "word in rungs": (
        DIGITS + "pruning:\n  rungs: [a]\n",
        "every value of 'pruning.rungs' must be a number but one is \"a\"",
    ),
    "bool in rungs": (
        DIGITS + "pruning:\n  rungs: [true]\n",
        "every value of 'pruning.rungs' must be a number but one is true",
    ),
    "word for keep": (
        DIGITS + "pruning:\n  keep: third\n",
        "'pruning.keep' must be a number but is \"third\"",
    ),
    "word for tolerance": (
        DIGITS + "pruning:\n  tolerance: small\n",
        "'pruning.tolerance' must be a number but is \"small\"",
    ),
    "tolerance in percent": (
        DIGITS + "pruning:\n  tolerance: 50\n",
        "'pruning.tolerance' must be in 0..1 but is 50",
    ),
    "no seed": (DIGITS + "seeds: 0\n", "'seeds' must be in 1..100 but is 0"),
    "101 seeds": (DIGITS + "seeds: 101\n", "'seeds' must be in 1..100 but is 101"),
    "fidelity key": (
        DIGITS + "fidelity:\n  epoch: 3\n",
        "unknown key 'fidelity.epoch'; allowed here: epochs, train_share; did you mean epochs?",
    ),
    "no epochs of fidelity": (
        DIGITS + "fidelity:\n  epochs: 0\n",
        "'fidelity.epochs' must be at least 1 but is 0",
    ),
    "more epochs than the task's recipe": (
        DIGITS + "fidelity:\n  epochs: 31\n",
        "'fidelity.epochs' must be at most the recipe's 30 but is 31",
    ),
    "more epochs than the study's recipe": (
        DIGITS + "recipe:\n  epochs: 5\n  qat_start_epoch: 2\nfidelity:\n  epochs: 6\n",
        "'fidelity.epochs' must be at most the recipe's 5 but is 6",
    ),
    "share 0": (
        DIGITS + "fidelity:\n  train_share: 0\n",
        "'fidelity.train_share' must be in (0, 1] but is 0.0",
    ),
    "share 2": (
        DIGITS + "fidelity:\n  train_share: 2\n",
        "'fidelity.train_share' must be in (0, 1] but is 2.0",
    ),
    "share nan": (
        DIGITS + "fidelity:\n  train_share: .nan\n",
        "'fidelity.train_share' must be in (0, 1] but is nan",
    ),
    "pruning key": (
        DIGITS + "pruning:\n  rung: [0.5]\n",
        "unknown key 'pruning.rung'; allowed here: rule, rungs, keep, tolerance, floor;"
        " did you mean rungs?",
    ),
    "rule": (
        DIGITS + "pruning:\n  rule: saef\n",
        "'pruning.rule' must be 'safe', 'ranking' or 'none' but is \"saef\"; did you mean safe?",
    ),
    "rung at the end": (
        DIGITS + "pruning:\n  rungs: [0.5, 1.0]\n",
        "'pruning.rungs' must be in [0, 1) but holds 1",
    ),
    "rung before the beginning": (
        DIGITS + "pruning:\n  rungs: [-0.1]\n",
        "'pruning.rungs' must be in [0, 1) but holds -0.1",
    ),
    "rung nan": (
        DIGITS + "pruning:\n  rungs: [0.5, .nan]\n",
        "every value of 'pruning.rungs' must be a finite number but one is NaN",
    ),
    "rung twice": (
        DIGITS + "pruning:\n  rungs: [0.5, 0.2, 0.5]\n",
        "'pruning.rungs' holds 0.5 twice",
    ),
    "no rungs": (
        DIGITS + "pruning:\n  rungs: []\n",
        "'pruning.rungs' must hold at least one value but is []",
    ),
    "keep 0": (DIGITS + "pruning:\n  keep: 0\n", "'pruning.keep' must be in (0, 1] but is 0"),
    "keep 2": (DIGITS + "pruning:\n  keep: 2\n", "'pruning.keep' must be in (0, 1] but is 2"),
    "keep nan": (
        DIGITS + "pruning:\n  keep: .nan\n",
        "'pruning.keep' must be a finite number but is NaN",
    ),
    "floor 2": (DIGITS + "pruning:\n  floor: 2\n", "'pruning.floor' must be in 0..1 but is 2"),
    "floor -1": (DIGITS + "pruning:\n  floor: -1\n", "'pruning.floor' must be in 0..1 but is -1"),
    "floor nan": (
        DIGITS + "pruning:\n  floor: .nan\n",
        "'pruning.floor' must be a finite number but is NaN",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_value_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    """The line names the key, the value, what is allowed, and the word that was meant."""
    text, said = CASES[case]
    assert refusal(written(tmp_path, text)) == said


def test_seeds_stopping_and_fidelity_are_read_and_kept(tiny_study: Path, tmp_path: Path) -> None:
    """Whole numbers may stand for shares, rungs in any order; what is kept reads back the same."""
    text = tiny_study.read_text() + (
        "seeds: 3\nracing: true\nfidelity: {epochs: 3, train_share: 1}\n"
        "pruning: {rule: ranking, rungs: [0.5, 0, 0.1], keep: 1, floor: 0}\n"
    )
    tiny_study.write_text(text)
    study = read_study(tiny_study)
    assert (study.seed_list, study.racing) == ((1, 2, 3), True)
    assert (study.recipe.epochs, study.trained_recipe.epochs) == (6, 3)
    assert study.pruning.rungs == [0, 0.1, 0.5]
    assert (study.pruning.rule, study.pruning.keep, study.pruning.floor) == ("ranking", 1, 0)
    copy = written(tmp_path, yaml.safe_dump(study.resolved(), sort_keys=False))
    again = read_study(copy, name="tiny")
    assert again.resolved() == study.resolved()
    assert (again.fidelity, again.pruning, again.seeds) == (study.fidelity, study.pruning, 3)
