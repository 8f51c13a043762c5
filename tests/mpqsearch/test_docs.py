# SPDX-License-Identifier: Apache-2.0
"""What the documents tell a reader to type works as it stands there."""

import dataclasses
import re
import shlex
import subprocess
import sys
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
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_allowed: Path
) -> None:
    """Its two files, under the names in their first lines, give a front that has learned."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    page = blocks("own-task.md")
    for text in (page["python"], page["yaml"]):
        Path(text.splitlines()[0].removeprefix("# ")).write_text(text)
    assert sorted(file.name for file in Path().iterdir()) == ["wave_task.py", "waves.yaml"]
    said = page["text"].replace("/home/me", str(tmp_path / "here"))
    assert mpqsearch("run", "--study", "waves.yaml").err == said
    (command,) = fenced(DOCS / "own-task.md")
    answer = mpqsearch(*shlex.split(command), "--trials", 4)
    assert answer.code == 0, answer.err
    assert nothing_allowed.is_file()
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


ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

SMALL = {
    "digits": """\
task: digits
space:
  input_length: [8, 6]
  bits: [8]
  layers: {conv1: [8, 4]}
search: {trials: 4}
""",
    "indoor": """\
task: indoor
data: {sweeps_per_point: 1}
recipe: {epochs: 2, qat_start_epoch: 1}
space:
  input_length: [11]
  bits: [8]
  layers: {conv1: [8, 4]}
search: {trials: 2}
""",
}
"""The studies that come along, with less to train, found in place of those of the same names."""

BY_THEMSELVES = {"certainty.md", "dashboard.md", "own-task.md", "replay.md", "report.md"}
"""Pages whose commands are run by tests of their own."""

NOT_RUN = {
    "izer install": "downloads; tests/hardware/izer/test_install.py installs from a folder",
    "measure --study digits": "needs an evaluation kit; test_measure.py has a simulated one",
    "measure --study digits --simulated": "needs what the izer writes; test_measure.py has it",
    "calibrate runs/digits/export/": "needs what measure writes; test_calibrate.py has tables",
    "run --study indoor --workers 4": "needs a database; test_many_machines.py starts one",
    "run --study indoor --storage grpc://host:13000": "needs a proxy; test_many_machines.py",
    "run --study indoor --exhaustive --workers 4": "needs a cluster, or several machines",
}
"""Commands, or how they begin, that are only looked through here, and why."""

OPEN_ENDED = ("calibrate runs/digits/export/", "run --study indoor --exhaustive --workers 4")
"""Those that are beginnings."""


def fenced(page: Path) -> list[str]:
    """What a page's blocks for a shell say, a line each, of mpqsearch's own."""
    found = re.findall(r"^```(?:sh)?\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for text in found for line in text.replace("\\\n", " ").splitlines()]
    matches = [re.search(r"(?:^|/)mpqsearch ([a-z].*)", line) for line in lines]
    return [match[1] for match in matches if match]


def inline(page: Path) -> list[str]:
    """The commands within a page's sentences."""
    return re.findall(r"`mpqsearch ([a-z-][^`]*)`", page.read_text())


def left_out(line: str) -> bool:
    """Whether a command is on the list of those that are not run, whole or by its beginning."""
    return line in NOT_RUN or line.startswith(OPEN_ENDED)


RUN_HERE = [
    page
    for page in PAGES
    if page.name not in BY_THEMSELVES and any(not left_out(line) for line in fenced(page))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    """Of every command on a page, in blocks and in sentences, run or not."""
    import typer

    from mpqsearch.cli import app

    root = typer.main.get_command(app)
    for line in [*fenced(page), *inline(page)]:
        words = re.split(r"[\s=]+", line)
        command = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        assert command is not root or words[0].startswith("--"), line
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        asked = {word.strip("`'\"") for word in words if re.match(r"--[a-z]", word)}
        assert asked <= known | {"--help", "--version"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    """Files, headings, benchmarks with their options, and targets of make."""
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE) if anchor else []
        slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
        assert not anchor or anchor in slugs, target
    for name, options in re.findall(r"python -m benchmarks\.(\w+)([^`\n]*)", text):
        source = (ROOT / "benchmarks" / f"{name}.py").read_text()
        assert all(option in source for option in re.findall(r"--[a-z-]+", options)), name
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)(?![\w.])", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(
    page: Path, mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand there, in their order and in one folder, on studies with less to train."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(images, "draw_images", lambda *_: [])  # that takes a browser
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where no izer is installed
    monkeypatch.delenv("AI8X_SYNTHESIS", raising=False)
    Path("studies").mkdir()
    for name, text in SMALL.items():
        Path(f"studies/{name}.yaml").write_text(text)
    lines = [line for line in fenced(page) if not left_out(line)]
    if not any(line.startswith("run ") for line in lines):
        assert mpqsearch("run", "--study", "digits").code == 0  # as the page takes for granted
    for line in lines:
        answer = mpqsearch(*shlex.split(line))
        most = 1 if line == "doctor" else 0  # a machine may lack something
        assert answer.code <= most, f"{line}: {answer.err}"


def test_what_is_not_run_is_written_somewhere() -> None:
    """The list of exceptions has no line that is no exception any more."""
    lines = [line for page in PAGES for line in fenced(page)]
    for command in NOT_RUN:
        assert any(line.startswith(command) for line in lines), command
    assert {page.name for page in PAGES} >= BY_THEMSELVES


def test_the_python_page_s_script_runs(tmp_path: Path) -> None:
    """As it stands there, saved as a file."""
    (tmp_path / "search.py").write_text(blocks("python.md")["python"])
    done = subprocess.run(
        [sys.executable, "search.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "synthetic data: False" in done.stdout
    folder, _, proof = done.stdout.splitlines()[-1].partition(" ")
    assert (tmp_path / folder / "manifest.json").is_file()
    assert proof == "not synthesized"
