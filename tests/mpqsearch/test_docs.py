# SPDX-License-Identifier: Apache-2.0
"""What the documents tell a reader to type works as it stands there."""

import dataclasses
import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from mpqsearch.report import images
from mpqsearch.study_file import read_study
from mpqsearch.study_sections import PruningSection, SearchSection, SpaceSection, StudyFile
from objectives.fidelity import Fidelity
from tests.commands import Command
from tests.mpqsearch.sweeps import INDOOR_HEADER, indoor_rows, written

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> dict[str, str]:
    """The first block of each language on a page."""
    found: dict[str, str] = {}
    for language, text in BLOCK.findall((DOCS / page).read_text()):
        found.setdefault(language, text)
    return found


def test_the_own_task_page_works_as_written(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its two files, under the names in their first lines, give a front that has learned."""
    monkeypatch.chdir(tmp_path)
    page = blocks("own-task.md")
    for text in (page["python"], page["yaml"]):
        Path(text.splitlines()[0].removeprefix("# ")).write_text(text)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["wave_task.py", "waves.yaml"]
    answer = mpqsearch("run", "--study", "waves.yaml", "--trials", 4)
    assert answer.code == 0, answer.err
    assert "Front of study waves SYNTHETIC DATA" in answer.out
    assert "4 candidates trained" in answer.out
    row = next(line.split() for line in answer.out.splitlines() if " 8-8-8-8 " in line)
    assert float(row[3]) > 80  # of three classes


def test_the_study_page_shows_a_study_that_is_read(tmp_path: Path) -> None:
    """Its example is a valid study, and its table gives the defaults there are."""
    text = blocks("study-file.md")["yaml"]
    (tmp_path / "study.yaml").write_text(text)
    study = read_study(tmp_path / "study.yaml")
    assert study.space.layer_bits[:2] == ((8, 4), (8, 4, 2))
    assert (study.seed_list, study.trained_recipe.epochs) == ((42, 43, 44), 5)
    page = (DOCS / "study-file.md").read_text()
    table = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", page, re.MULTILINE))
    search = SearchSection()
    for name in ("trials", "population", "batch"):
        assert yaml.safe_load(table[f"search.{name}"]) == getattr(search, name)
    for name in ("chip", "seed", "seeds", "racing"):
        assert yaml.safe_load(table[name]) == StudyFile.model_fields[name].default
    pruning, fidelity = PruningSection(), Fidelity()
    for name in ("rule", "rungs"):
        assert yaml.safe_load(table[f"pruning.{name}"]) == getattr(pruning, name)
    assert Fraction(table["pruning.keep"].strip()) == Fraction(pruning.keep).limit_denominator(100)
    assert yaml.safe_load(table["fidelity.train_share"]) == fidelity.train_share
    assert (pruning.floor, fidelity.epochs) == (None, None)  # in words there


def test_the_study_page_names_every_key() -> None:
    """Of every section that has keys of its own, in the table, and no other."""
    page = (DOCS / "study-file.md").read_text()
    keys = set(re.findall(r"^\| `([a-z_.]+)` \| [^|]+ \|", page, re.MULTILINE))
    sections = {"space": SpaceSection, "search": SearchSection, "pruning": PruningSection}
    wanted = set(StudyFile.model_fields) - {*sections, "data", "recipe", "fidelity"}
    wanted |= {f"fidelity.{field.name}" for field in dataclasses.fields(Fidelity)}
    for section, model in sections.items():
        wanted |= {f"{section}.{name}" for name in model.model_fields}
    assert keys == wanted


def test_the_replay_page_works_as_written(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of it, on tables as it describes them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(images, "draw_images", lambda *_: None)  # that takes a browser
    page = (DOCS / "replay.md").read_text()
    assert blocks("replay.md")["csv"].startswith(f"{INDOOR_HEADER}\n")
    (tmp_path / "columns.yaml").write_text(blocks("replay.md")["yaml"])
    rows = [f"9,{b1},{b2},1,0.{b1}{b2},3,{b1},{b2}" for b1 in (8, 4) for b2 in (8, 4)]
    written(tmp_path, rows, "L,b1,b2,try,top1,t,us,bytes").rename("other.csv")
    written(tmp_path, indoor_rows(seeds=(42,)))
    all_blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line for language, text in all_blocks if not language for line in text.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines]
    for command in commands:
        if len(command) == 2:  # the four samplers, 20 times: one will do
            command += ["--sampler", "random"]
        answer = mpqsearch(*command)
        assert answer.code == 0, answer.err
    assert {command[0] for command in commands} == {"replay", "import", "front"}
    assert "Front of study sweep" in answer.out
    (curve,) = (tmp_path / "curves").iterdir()
    assert curve.name == "replay-curve.csv"
    header = curve.read_text().partition("\n")[0]
    assert f"`{header}`" in page


def test_the_certainty_page_s_commands_run(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its order, in one folder: each answers, and the run says what confirming took."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "certainty.md").read_text()
    lines = [line for language, text in BLOCK.findall(page) for line in text.splitlines()]
    assert len(lines) == 8
    for line in lines:
        answer = mpqsearch(*shlex.split(line.removeprefix("mpqsearch ")))
        assert answer.code == 0, f"{line}: {answer.err}"
        if "--confirm" in line:
            assert "more trainings for the front" in answer.err


def test_the_report_page_s_command_runs(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there, after a short run; it writes the page where it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(images, "draw_images", lambda *_: [])  # that takes a browser
    assert mpqsearch("run", "--study", "digits", "--trials", 4).code == 0
    answer = mpqsearch(*shlex.split(blocks("report.md")["sh"])[1:])
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0] == "runs/digits/report/report.html"
    assert Path("runs/digits/report/report.html").is_file()
