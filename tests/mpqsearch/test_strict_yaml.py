# SPDX-License-Identifier: Apache-2.0
"""YAML without its traps: refused in one line, with the place."""

from pathlib import Path

import pytest

from mpqsearch.study_file import read_study
from tests.study_files import DIGITS, refusal, written

TRAPS = "anchors, aliases, merge keys and tags (&, *, <<, !) are not allowed; write the value out"
EMPTY = "the file is empty; it needs at least task: and space:"
BYTES = "not a YAML file: it holds bytes that are no text"
YAML = {
    "empty": ("", EMPTY),
    "comments only": ("# nothing\n", EMPTY),
    "list": ("- a\n- b\n", "the file must be a mapping (key: value) but is a list"),
    "word": ("hello\n", "the file must be a mapping (key: value) but is a single value"),
    "open bracket": ("task: [digits\nspace:\n", "line 2: expected ',' or ']', but got ':'"),
    "indentation": ("task: digits\n  space: x\n", "line 2: mapping values are not allowed here"),
    "tab": (
        "task: digits\nspace:\n\tbits: [8]\n",
        r"line 3: found character '\t' that cannot start any token",
    ),
    "two documents": (
        DIGITS + "---\n" + DIGITS,
        "line 4: expected a single document in the stream but found another document",
    ),
    "binary": (bytes(range(256)), BYTES),
    "zero byte": (DIGITS + "chip: a\0b\n", BYTES),
    "latin-1": ((DIGITS + "chip: ü\n").encode("latin-1"), BYTES),
    "key twice": (DIGITS + "seed: 3\nchip: MAX78002\nseed: 3\n", "line 6: key 'seed' stands twice"),
    "key twice, deep": (
        DIGITS + "recipe:\n  epochs: 3\n  epochs: 4\n",
        "line 6: key 'epochs' stands twice",
    ),
    "number as key": (DIGITS + "3: 4\n", "line 4: key 3 must be text"),
    "null as key": (DIGITS + "~: 4\n", "line 4: key None must be text"),
    "list as key": (DIGITS + "? [a]\n: 4\n", "line 4: key ['a'] must be text"),
    "anchor": ("task: &t digits\nspace:\n  input_length: [8]\n", f"line 1: {TRAPS}"),
    "alias of nothing": (DIGITS + "seed: *x\n", f"line 4: {TRAPS}"),
    "merge key": ("task: digits\nspace:\n  <<: {input_length: [8]}\n", f"line 3: {TRAPS}"),
    "alias to itself": ("task: digits\nspace: &a\n  input_length: *a\n", f"line 2: {TRAPS}"),
    "Python tag": ("task: !!python/name:os.system\n", f"line 1: {TRAPS}"),
    "wrong tag": (DIGITS + "seed: !!int abc\n", f"line 4: {TRAPS}"),
    "deep": (DIGITS + f"data: {'[' * 5000}{']' * 5000}\n", "line 4: nested deeper than 20"),
    "half a character": (DIGITS + 'chip: "\\ud800"\n', BYTES),
    "large": (DIGITS + "#" * 1_000_001, "larger than 1,000,000 bytes, so no study file"),
}


@pytest.mark.parametrize("case", YAML)
def test_bad_yaml_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    """The line of the file is named wherever there is one."""
    text, said = YAML[case]
    assert refusal(written(tmp_path, text)) == said


def test_a_billion_laughs_are_not_laughed(tmp_path: Path) -> None:
    """Aliases that would stand for gigabytes are refused where the first anchor is."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert refusal(written(tmp_path, "\n".join(lines))) == f"line 1: {TRAPS}"


def test_a_file_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may not read the file is told so."""

    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, DIGITS)
    monkeypatch.setattr(Path, "read_text", denied)
    assert refusal(path) == "cannot be read: Permission denied"


def test_numbers_and_words_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    """`1e-3` is a number and `null`, `True` and `+7` are what they look like."""
    text = DIGITS + "seed: +7\nrecipe: {learning_rate: 1e-3, batch_norm: True, dropout: .25}\n"
    study = read_study(written(tmp_path, text))
    assert (study.seed, study.recipe.learning_rate, study.recipe.dropout) == (7, 0.001, 0.25)
    assert study.recipe.batch_norm is True
