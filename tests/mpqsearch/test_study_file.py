# SPDX-License-Identifier: Apache-2.0
"""A study file is read as written, or refused in one line that says what to change."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mpqsearch.errors import StudyError
from mpqsearch.study_file import find_study_file, read_study
from tests.study_files import DIGITS, INDOOR, refusal, written

TOP_KEYS = (
    "task, chip, calibration, seed, seeds, racing, data, recipe, fidelity, space, search, pruning"
)
TASKS = "'task' must be one of indoor, digits or path/to/file.py:ClassName but is"
RECIPE_KEYS = (
    "epochs, qat_start_epoch, batch_size, learning_rate, final_learning_rate, weight_decay,"
    " dropout, batch_norm, shift_quantile, outlier_z_score, keep_optimizer_state, bias_bits"
)


UNKNOWN = {
    "top": (
        DIGITS + "sede: 3\n",
        f"unknown key 'sede'; allowed here: {TOP_KEYS}; did you mean seed?",
    ),
    "typo of a needed key": (
        "task: digits\nspaec:\n  input_length: [8]\n",
        f"unknown key 'spaec'; allowed here: {TOP_KEYS}; did you mean space?",
    ),
    "nothing near": (DIGITS + "yes: 4\n", f"unknown key 'yes'; allowed here: {TOP_KEYS}"),
    "search": (
        DIGITS + "search:\n  trails: 3\n",
        "unknown key 'search.trails'; allowed here: trials, sampler, warm_start, population, batch;"
        " did you mean trials?",
    ),
    "space": (
        "task: digits\nspace:\n  input_lenght: [8]\n",
        "unknown key 'space.input_lenght'; allowed here: input_length, bits, layers;"
        " did you mean input_length?",
    ),
    "data": (
        DIGITS + "data:\n  chanels: 3\n",
        "unknown key 'data.chanels'; allowed here: split_seed, channels; did you mean channels?",
    ),
    "recipe": (
        DIGITS + "recipe:\n  epoch: 3\n",
        f"unknown key 'recipe.epoch'; allowed here: {RECIPE_KEYS}; did you mean epochs?",
    ),
    "layer": (
        DIGITS + "  layers:\n    fc3: [8]\n",
        "unknown layer 'space.layers.fc3'; the network has conv1, conv2, fc1, fc2;"
        " did you mean fc2?",
    ),
    "missing space": ("task: digits\n", "key 'space' is missing"),
    "missing task": ("space:\n  input_length: [8]\n", "key 'task' is missing"),
    "missing length": ("task: digits\nspace: {}\n", "key 'space.input_length' is missing"),
    "sampler": (
        DIGITS + "search:\n  sampler: nsga3\n",
        "'search.sampler' must be 'nsga2', 'cost-aware', 'tpe', 'gp', 'random' or 'exhaustive' but"
        ' is "nsga3"; did you mean nsga2?',
    ),
    "baseline": (
        DIGITS + "search:\n  warm_start: [uniform, hawk]\n",
        "every value of 'search.warm_start' must be 'uniform', 'memory-driven', 'hawq', 'entropy'"
        " or 'forgiving' but one is \"hawk\"; did you mean hawq?",
    ),
    "baseline outside a list": (
        DIGITS + "search:\n  warm_start: hawq\n",
        "'search.warm_start' must be a list, like [hawq, uniform], but is \"hawq\"",
    ),
    "chip": (
        DIGITS + "chip: MAX7800\n",
        "chip must be one of MAX78000, MAX78002 but is 'MAX7800'; did you mean MAX78002?",
    ),
    "task": (
        "task: digit\nspace:\n  input_length: [8]\n",
        f"{TASKS} 'digit'; did you mean digits?",
    ),
    "task of no kind": ("task: xyz\nspace:\n  input_length: [8]\n", f"{TASKS} 'xyz'"),
    "task without class": ("task: my.py\nspace:\n  input_length: [8]\n", f"{TASKS} 'my.py'"),
    "task with empty class": ("task: 'my.py:'\nspace:\n  input_length: [8]\n", f"{TASKS} 'my.py:'"),
    "empty task": ("task: ''\nspace:\n  input_length: [8]\n", f"{TASKS} ''"),
}

WHOLE, MAPPING = "must be a whole number but is", "must be a mapping (key: value) but is"
LIST = "must be a list, like [8, 4], but is"
TYPES = {
    "text for int": (DIGITS + "seed: abc\n", f"'seed' {WHOLE} \"abc\""),
    "quoted int": (DIGITS + "seed: '3'\n", f"'seed' {WHOLE} \"3\""),
    "float for int": (DIGITS + "seed: 3.5\n", f"'seed' {WHOLE} 3.5"),
    "whole float for int": (DIGITS + "seed: 3.0\n", f"'seed' {WHOLE} 3.0"),
    "bool for int": (DIGITS + "seed: true\n", f"'seed' {WHOLE} true"),
    "date for int": (DIGITS + "seed: 2024-01-01\n", f"'seed' {WHOLE} \"2024-01-01\""),
    "minutes for int": (DIGITS + "seed: 1:30\n", f"'seed' {WHOLE} \"1:30\""),
    "old octal for int": (DIGITS + "seed: 017\n", f"'seed' {WHOLE} \"017\""),
    "null for int": (DIGITS + "seed:\n", f"'seed' {WHOLE} null"),
    "int for text": (DIGITS + "chip: 78002\n", "'chip' must be text but is 78002"),
    "list for text": (
        "task: [digits]\nspace:\n  input_length: [8]\n",
        "'task' must be text but is [\"digits\"]",
    ),
    "null section": ("task: digits\nspace:\n", f"'space' {MAPPING} null"),
    "list section": (DIGITS + "recipe: [1]\n", f"'recipe' {MAPPING} [1]"),
    "text section": (DIGITS + "data: folder\n", f"'data' {MAPPING} \"folder\""),
    "int for list": (DIGITS + "  bits: 8\n", f"'space.bits' {LIST} 8"),
    "text for list": (DIGITS + "  bits: 8-4-2\n", f"'space.bits' {LIST} \"8-4-2\""),
    "int for layer": (DIGITS + "  layers:\n    fc1: 8\n", f"'space.layers.fc1' {LIST} 8"),
    "float in list": (
        DIGITS + "  bits: [8, 4.0]\n",
        "every value of 'space.bits' must be a whole number but one is 4.0",
    ),
    "null in list": (
        "task: digits\nspace:\n  input_length: [null]\n",
        "every value of 'space.input_length' must be a whole number but one is null",
    ),
    "text in layer": (
        DIGITS + "  layers:\n    fc1: [8, a]\n",
        "every value of 'space.layers.fc1' must be a whole number but one is \"a\"",
    ),
    "recipe text": (DIGITS + "recipe:\n  epochs: ten\n", f"'recipe.epochs' {WHOLE} \"ten\""),
    "recipe float": (DIGITS + "recipe:\n  epochs: 1.5\n", f"'recipe.epochs' {WHOLE} 1.5"),
    "recipe null": (DIGITS + "recipe:\n  epochs:\n", f"'recipe.epochs' {WHOLE} null"),
    "recipe bool for int": (DIGITS + "recipe:\n  epochs: true\n", f"'recipe.epochs' {WHOLE} true"),
    "recipe int for bool": (
        DIGITS + "recipe:\n  batch_norm: 1\n",
        "'recipe.batch_norm' must be true or false but is 1",
    ),
    "recipe word for bool": (
        DIGITS + "recipe:\n  batch_norm: no\n",
        "'recipe.batch_norm' must be true or false but is \"no\"",
    ),
    "recipe word for number": (
        DIGITS + "recipe:\n  learning_rate: nan\n",
        "'recipe.learning_rate' must be a number but is \"nan\"",
    ),
    "data text for int": (DIGITS + "data:\n  channels: x\n", f"'data.channels' {WHOLE} \"x\""),
    "data int for folder": (
        INDOOR + "data:\n  folder: 3\n",
        "'data.folder' must be text but is 3",
    ),
}

LENGTH = "'space.input_length': input length must be in 1..101, what a crop of the data can give,"
RANGES = {
    "no trials": (
        DIGITS + "search:\n  trials: 0\n",
        "'search.trials' must be in 1..1000000 but is 0",
    ),
    "population of one": (
        DIGITS + "search:\n  population: 1\n",
        "'search.population' must be in 2..10000 but is 1",
    ),
    "empty batch": (
        DIGITS + "search:\n  batch: 0\n",
        "'search.batch' must be in 1..10000 but is 0",
    ),
    "bits of 3": (DIGITS + "  bits: [8, 3]\n", "'space.bits' must be of 1, 2, 4, 8 but holds 3"),
    "bits of 3, in a layer": (
        DIGITS + "  layers:\n    fc1: [3]\n",
        "'space.layers.fc1' must be of 1, 2, 4, 8 but holds 3",
    ),
    "no bits": (DIGITS + "  bits: []\n", "'space.bits' must hold at least one value but is []"),
    "no bits in a layer": (
        DIGITS + "  layers:\n    fc1: []\n",
        "'space.layers.fc1' must hold at least one value but is empty",
    ),
    "bits twice": (DIGITS + "  bits: [8, 4, 8]\n", "'space.bits' holds 8 twice"),
    "unused bits are checked": (
        DIGITS
        + "  bits: [3]\n  layers:\n    conv1: [8]\n    conv2: [8]\n    fc1: [8]\n    fc2: [8]\n",
        "'space.bits' must be of 1, 2, 4, 8 but holds 3",
    ),
    "no length": (
        "task: digits\nspace:\n  input_length: []\n",
        "'space.input_length' must hold at least one value but is []",
    ),
    "length twice": (
        "task: indoor\nspace:\n  input_length: [5, 9, 5]\n",
        "'space.input_length' holds 5 twice",
    ),
    "length 0": ("task: indoor\nspace:\n  input_length: [5, 0]\n", f"{LENGTH} but is 0"),
    "length 102": ("task: indoor\nspace:\n  input_length: [102]\n", f"{LENGTH} but is 102"),
    "length -5": ("task: indoor\nspace:\n  input_length: [-5]\n", f"{LENGTH} but is -5"),
    "seed -1": (DIGITS + "seed: -1\n", "'seed' must be in 0..4294967295 but is -1"),
    "seed 2^32": (
        DIGITS + "seed: 4294967296\n",
        "'seed' must be in 0..4294967295 but is 4294967296",
    ),
    "seed of 300 digits": (
        DIGITS + f"seed: {'9' * 300}\n",
        f"'seed' must be in 0..4294967295 but is {'9' * 60}...",
    ),
    "seed of 5000 digits": (
        DIGITS + f"seed: {'9' * 5000}\n",
        "holds a number of more than 4,300 digits",
    ),
    "no epochs": (
        DIGITS + "recipe:\n  epochs: 0\n",
        "'recipe.epochs' must be in 1..10000 but is 0",
    ),
    "epochs beyond any": (
        DIGITS + "recipe:\n  epochs: 99999999999999999999\n",
        "'recipe.epochs' must be in 1..10000 but is 99999999999999999999",
    ),
    "QAT at the end": (
        DIGITS + "recipe:\n  epochs: 5\n  qat_start_epoch: 5\n",
        "'recipe.qat_start_epoch' must be in 0..4, before the last of 5 epochs but is 5",
    ),
    "QAT left to the task": (
        DIGITS + "recipe:\n  epochs: 5\n",
        "'recipe.qat_start_epoch' must be in 0..4, before the last of 5 epochs but is 22"
        " (the task's own; set recipe.qat_start_epoch too)",
    ),
    "dropout 1": (
        DIGITS + "recipe:\n  dropout: 1\n",
        "'recipe.dropout' must be in [0, 1) but is 1.0",
    ),
    "rate nan": (
        DIGITS + "recipe:\n  learning_rate: .nan\n",
        "'recipe.learning_rate' must be in (0, 1] but is nan",
    ),
    "rate inf": (
        DIGITS + "recipe:\n  learning_rate: .inf\n",
        "'recipe.learning_rate' must be in (0, 1] but is inf",
    ),
    "decay beyond float": (
        DIGITS + "recipe:\n  weight_decay: 1e400\n",
        "'recipe.weight_decay' must be in 0..1 but is inf",
    ),
    "z-score inf": (
        DIGITS + "recipe:\n  outlier_z_score: .inf\n",
        "'recipe.outlier_z_score' must be in (0, 1000] but is inf",
    ),
    "channels": (
        DIGITS + "data:\n  channels: 0\n",
        "'data.channels' must be in 1..512 but is 0",
    ),
    "split seed": (
        DIGITS + "data:\n  split_seed: -1\n",
        "'data.split_seed' must be at least 0 but is -1",
    ),
    "synthetic seed": (
        INDOOR + "data:\n  synthetic_seed: -1\n",
        "'data.synthetic_seed' must be at least 0 but is -1",
    ),
    "sweeps": (
        INDOOR + "data:\n  sweeps_per_point: -1\n",
        "'data.sweeps_per_point' must be in 0..10000 but is -1",
    ),
}

CASES = {**UNKNOWN, **TYPES, **RANGES}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    """The line names the key, the value, what is allowed, and the word that was meant."""
    text, said = CASES[case]
    assert refusal(written(tmp_path, text)) == said


def test_tables_share_no_name() -> None:
    """No case hides another of the same name."""
    assert len(CASES) == sum(map(len, (UNKNOWN, TYPES, RANGES)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The system's reason is given for what cannot be opened."""
    path = tmp_path / "none.yaml"
    assert refusal(path) == "cannot be read: No such file or directory"


def test_a_folder_is_no_study_file(tmp_path: Path) -> None:
    """Neither when it is read nor when it is looked for."""
    assert refusal(tmp_path) == "cannot be read: Is a directory"
    (tmp_path / "x.yaml").mkdir()
    with pytest.raises(StudyError, match=r"x\.yaml is no file; give a \.yaml file or a study's"):
        find_study_file(str(tmp_path / "x.yaml"))


def test_what_is_not_written_is_the_tasks(tmp_path: Path) -> None:
    """A recipe sets single keys of the task's own recipe, a layer its own widths."""
    text = DIGITS + "  layers: {fc1: [1, 8]}\nrecipe: {batch_size: 32}\n"
    study = read_study(written(tmp_path, text))
    assert (study.recipe.epochs, study.recipe.batch_size) == (30, 32)
    assert study.space.layer_bits == ((8, 4, 2), (8, 4, 2), (8, 1), (8, 4, 2))
    assert study.space.input_lengths == (8, 6)
    assert study.name == "study"


def test_what_is_kept_reads_back_the_same(tiny_study: Path, tmp_path: Path) -> None:
    """The resolved study, written as YAML elsewhere, is the same study."""
    study = read_study(tiny_study)
    kept = tmp_path / "kept"
    kept.mkdir()
    copy = written(kept, yaml.safe_dump(study.resolved(), sort_keys=False))
    assert read_study(copy, name="tiny").resolved() == study.resolved()


def test_data_folders_are_relative_to_the_study_file(tmp_path: Path) -> None:
    """A folder in the file is looked for beside it; one from the command line where one stands."""
    path = written(tmp_path, INDOOR + "data: {folder: recordings}\n")
    assert read_study(path).resolved()["data"]["folder"] == str(tmp_path / "recordings")
    other = read_study(path, folder=Path("elsewhere"))
    assert other.resolved()["data"]["folder"] == str(Path.cwd() / "elsewhere")


def test_options_replace_what_is_written(tmp_path: Path) -> None:
    """Trials, seed and name of the command line win over the file."""
    path = written(tmp_path, DIGITS + "seed: 3\nsearch: {trials: 5, batch: 2}\n")
    study = read_study(path, name="mine", trials=9, seed=0)
    assert (study.name, study.seed) == ("mine", 0)
    assert (study.search.trials, study.search.batch) == (9, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trials": 0}, "--trials: 'search.trials' must be in 1..1000000 but is 0"),
        ({"seed": -1}, "--seed: 'seed' must be in 0..4294967295 but is -1"),
        ({"folder": Path("x")}, "--data: task digits reads no folder; leave --data out"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    """An option that cannot be is blamed itself, not the study file."""
    with pytest.raises(StudyError) as caught:
        read_study(written(tmp_path, DIGITS), **options)
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "a\nb", "x" * 101, "-x"])
def test_a_run_name_is_a_folder_name(name: str, tmp_path: Path) -> None:
    """No name leads out of the runs folder or cannot be a folder."""
    with pytest.raises(StudyError, match=r"a run's name must be 1 to 100 letters"):
        read_study(written(tmp_path, DIGITS), name=name)


@pytest.mark.parametrize(("study", "candidates"), [("indoor", 11 * 3**4), ("digits", 2 * 3**4)])
def test_studies_that_come_along_are_found_and_read(
    study: str, candidates: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any folder, by name."""
    monkeypatch.chdir(tmp_path)
    assert read_study(find_study_file(study)).space.size == candidates


def test_a_study_here_comes_before_one_that_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`studies/` of the current folder is looked into first."""
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()
    own = Path("studies/digits.yaml")
    own.write_text(DIGITS)
    assert find_study_file("digits") == own


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (
            "indor",
            "no study is called 'indor'; there are digits, indoor, or give a .yaml file;"
            " did you mean indoor?",
        ),
        ("", "no study is called ''; there are digits, indoor, or give a .yaml file"),
        ("x.yaml", "study file x.yaml does not exist; give a .yaml file or a study's name"),
        ("a/b", "study file a/b does not exist; give a .yaml file or a study's name"),
    ],
)
def test_a_study_that_is_not_there_is_named(
    study: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line lists the studies there are, and the one that was meant."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as caught:
        find_study_file(study)
    assert str(caught.value) == said
