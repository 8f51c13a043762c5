# SPDX-License-Identifier: Apache-2.0
"""What studies, run folders and exports from elsewhere hold is data: nothing of it acts here."""

import dataclasses
import io
import json
import pickle
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from optuna.trial import TrialState, create_trial

from hardware.izer.project import CHECKPOINT
from mpqsearch.dashboard.attachments import attachments
from mpqsearch.dashboard.notes import study_note, trial_note, unfinished_note
from mpqsearch.errors import RunFolderError, StudyError
from mpqsearch.export.firmware import allow_build, check_build, firmware_folder
from mpqsearch.export.manifest import read_manifest, write_manifest
from mpqsearch.exported_network import exported_integers
from mpqsearch.report.candidates import rows_of
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage_address import StorageAddress
from objectives.data.ctf_files import write_ctf_mat_folder
from objectives.data.ctf_synthetic import synthesize_ctf
from objectives.prefix_cache import prefix_from_bytes
from tests.commands import Answer, Command, contents, said_by, start
from tests.mpqsearch.measurable_exports import names_of
from tests.mpqsearch.report.conftest import runs, tiny_run  # noqa: F401
from tests.mpqsearch.report.made_up import ABOUT, record
from tests.mpqsearch.report.made_up import contents as reported
from tests.study_files import DIGITS, refusal, written
from tests.tiny_task import TinyTask
from tests.traps import Trap

FRAME = '<iframe srcdoc="<script>alert(1)</script>"></iframe>'
STEERS = "\x1b]0;title\x07\x9b2J"
"""Sets a terminal's title and clears it."""


def changed_storage(runs_folder: Path, table: str, key: str, change: Callable[[Any], Any]) -> None:
    """Writes into a study's storage what mpqsearch never would."""
    with sqlite3.connect(runs_folder / "tiny/study.db") as database:
        found = database.execute(f"SELECT rowid, value_json FROM {table} WHERE key = ?", (key,))  # noqa: S608
        for row, value in found.fetchall():
            told = json.dumps(change(json.loads(value)))
            database.execute(f"UPDATE {table} SET value_json = ? WHERE rowid = ?", (told, row))  # noqa: S608
    database.close()


def test_a_pickle_is_no_calibration(tmp_path: Path) -> None:
    """It is refused as it stands, and nothing in it runs."""
    (tmp_path / "fit.json").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    line = refusal(written(tmp_path, DIGITS + "calibration: fit.json\n"))
    assert line.startswith(f"'calibration': calibration {tmp_path}/fit.json cannot be read")
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_no_recording(mpqsearch: Command, tmp_path: Path) -> None:
    """A data folder that a study names may hold one under a recording's name."""
    write_ctf_mat_folder(tmp_path / "data", synthesize_ctf(sweeps_per_point=2))
    for file in (tmp_path / "data").iterdir():
        file.write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    text = "task: indoor\nspace: {input_length: [5]}\ndata: {folder: data}\n"
    study = written(tmp_path, text)
    line = said_by(mpqsearch("run", "--study", study, "--runs", tmp_path / "runs"))
    assert str(tmp_path / "data") in line
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_no_float_phase(tmp_path: Path) -> None:
    """Nor an array of objects within one: a cache may be shared."""
    network = TinyTask().network(8)
    trap = np.array([Trap(tmp_path / "ran")], dtype=object)
    packed = io.BytesIO()
    np.savez(packed, **{"0.weights": trap, "steps": trap})
    for content in (packed.getvalue(), pickle.dumps(Trap(tmp_path / "ran"))):
        with pytest.raises(ValueError, match=r"pickled|allow_pickle=False"):
            prefix_from_bytes(content, network, 1, torch.device("cpu"))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_no_network_of_an_export(tmp_path: Path) -> None:
    """Its checkpoint is PyTorch's, of tensors and nothing else."""
    torch.save({"state_dict": {}, "more": Trap(tmp_path / "ran")}, tmp_path / CHECKPOINT)
    with pytest.raises(StudyError, match=r"holds more than tensors; export again$"):
        exported_integers(tmp_path, (2, 8))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../out", "/out", "a/b", "../.."])
def test_a_checkpoint_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    """It is called as a candidate of the storage is, and that may be called anything."""
    folder = RunFolder(tmp_path, "tiny")
    with pytest.raises(StudyError, match=f"cannot be called '{name}'"):
        folder.load_checkpoint(name, TinyTask().network(8))
    assert folder.checkpoint_path("uniform-8").parent == folder.checkpoints


def test_an_export_stays_in_its_folder(
    mpqsearch: Command,
    runs: Path,  # noqa: F811
) -> None:
    """It is called as a candidate is: whole numbers, or it is no candidate."""
    changed_storage(runs, "trial_user_attributes", "candidate", lambda _: "../../../out 8-8")
    before = contents(runs.parent)
    line = said_by(mpqsearch("export", "--study", "tiny", "--runs", runs, "--no-izer"))
    assert "was written by another version of mpqsearch" in line
    assert contents(runs.parent) == before


def test_a_log_is_no_link(tmp_path: Path) -> None:
    """A run folder from elsewhere may have it lead to any file of the user's."""
    target = tmp_path / "profile"
    target.write_text("as it was\n")
    folder = RunFolder(tmp_path, "tiny")
    with folder.held():
        folder.log_path.symlink_to(target)
        with pytest.raises(RunFolderError, match=r"log\.txt could not be written: it is a link"):
            folder.start_log()


def test_what_is_downloaded_holds_no_links(tmp_path: Path) -> None:
    """The dashboard packs an export's own files, not what they lead to."""
    export = tmp_path / "export/8-8-8"
    export.mkdir(parents=True)
    (tmp_path / "private").write_text("a key")
    (export / "manifest.json").write_text("{}")
    (export / "sample.npy").symlink_to(tmp_path / "private")
    packed = next(
        one for one in attachments(tmp_path / "export", lambda: b"") if one.name == "8-8-8.zip"
    )
    with zipfile.ZipFile(io.BytesIO(packed.content())) as archive:
        assert archive.namelist() == ["8-8-8/manifest.json"]


def test_nothing_in_a_storage_steers_a_terminal(
    mpqsearch: Command,
    runs: Path,  # noqa: F811
) -> None:
    """Control signs are shown, on every way from a storage to a terminal."""
    changed_storage(
        runs, "study_user_attributes", "about", lambda about: about | {"source": f"a{STEERS}b"}
    )
    named = {"reference": f"a{STEERS}b", "message": STEERS}
    changed_storage(runs, "trial_user_attributes", "details", lambda details: details | named)
    answer = mpqsearch("front", "--study", "tiny", "--runs", runs)
    assert answer.code == 0, answer.err
    assert answer.out.count(r"a\x1b]0;title\x07\x9b2Jb") > 1
    assert not {"\x1b", "\x07", "\x9b"} & set(answer.out + answer.err)


def test_nothing_in_a_manifest_steers_a_terminal(mpqsearch: Command, exports: Path) -> None:
    """Nor of an export."""
    for name in names_of(exports):
        told = dataclasses.replace(read_manifest(exports / name), left_out=(f"a{STEERS}b",))
        write_manifest(exports / name, told)
    answer = mpqsearch("export", "--compare", "--to", exports)
    assert answer.code == 0, answer.err
    assert r"left out: a\x1b]0;title\x07\x9b2Jb" in answer.out + answer.err
    assert not {"\x1b", "\x07", "\x9b"} & set(answer.out + answer.err)


def test_names_in_a_report_s_labels_are_no_html() -> None:
    """The page makes HTML of them when a candidate is selected."""
    found = reported([record(8, "8-8-8-8", 0.9, reference=FRAME)])
    label = rows_of(found, [0])["0"][0]
    assert "&lt;iframe srcdoc=" in label
    assert "<iframe" not in label


def test_names_in_a_note_are_no_html() -> None:
    """optuna-dashboard makes HTML of a note's Markdown, and of the HTML in it."""
    named = f"{FRAME}\n\n[a](javascript:b) `{FRAME}` | $x$"
    about = dataclasses.replace(
        ABOUT, source=named, mode=named, layer_names=(named, "b"), imported=named
    )
    fields = {"reference": named, "cost_origin": named, "proposed_by": named}
    one = record(8, "8-8-8-8", 0.9, **fields)
    found = dataclasses.replace(reported([one]), about=about)
    worked = create_trial(state=TrialState.RUNNING, user_attrs={"worker": named})
    for note in (trial_note(one, (), found), study_note(found), unfinished_note(worked)):
        assert r"\<iframe srcdoc=" in note
        assert r"\[a\](javascript:b) \`\<iframe" in note
        plain = note.replace("\\<", "")
        assert "<iframe" not in plain
        assert "\n\n\\[a" not in note


def test_firmware_from_elsewhere_is_not_built_unasked(
    nothing_allowed: Path,
    measurable: Path,
    mpqsearch: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Make does what Makefiles say: allowed once, until any file that it may read changes."""
    monkeypatch.delenv("MAXIM_PATH", raising=False)
    shutil.copytree(measurable, tmp_path / "got", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.chdir(tmp_path / "got")
    exports = Path("runs/tiny/export")
    one = exports / names_of(exports)[0]
    asked = ("measure", one, "--no-power")
    line = said_by(mpqsearch(*asked))
    assert line.startswith(f"firmware: {one.resolve()} is a project whose Makefiles run here, and")
    assert "that was never allowed here; read it, then add --allow-code" in line
    assert not nothing_allowed.exists()
    needs_sdk = "MAXIM_PATH is not set"
    assert needs_sdk in said_by(mpqsearch(*asked, "--allow-code"))
    assert needs_sdk in said_by(start_measure(tmp_path / "got", asked))
    (one / "MAX78002" / f"{one.name}-board" / "GNUmakefile").write_text("$(shell touch ran)\n")
    line = said_by(start_measure(tmp_path / "got", asked))
    assert "that has changed since it was allowed to run here" in line
    assert not list(Path().rglob("ran"))


def start_measure(folder: Path, asked: tuple[object, ...]) -> Answer:
    """In a process of its own, which has allowed nothing itself."""
    done = start(*asked, cwd=folder)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_firmware_that_was_exported_here_is_built_here(
    nothing_allowed: Path, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What make has made changes nothing; what it left, and where it would lead, is cleared."""
    one = exports / names_of(exports)[0]
    manifest = read_manifest(one)
    allow_build(one, manifest)
    firmware = manifest.firmware[0]
    build = one / firmware.folder / "build"
    build.mkdir()
    (build / "main.d").write_text("$(shell touch ran)")
    monkeypatch.setattr("mpqsearch.allowed_code._allowed_here", set())
    check_build(one, allow=False)
    assert nothing_allowed.read_text().endswith(f"  {one.resolve()}\n")
    assert firmware_folder(one, firmware) == one / firmware.folder
    assert not build.exists()
    build.symlink_to(exports)
    firmware_folder(one, firmware)
    assert not build.exists()
    assert exports.exists()
    with pytest.raises(StudyError, match="says its firmware lies in"):
        firmware_folder(one, dataclasses.replace(firmware, folder="../../.."))


def test_a_password_is_said_nowhere(tiny_study: Path, tmp_path: Path) -> None:
    """Nor where errors show where they came from, nor under another name in the address."""
    named = "sslpassword=secret&client_secret=secret&token=secret"
    url = f"postgresql+psycopg://user:secret@127.0.0.1:1/x?{named}&application_name=a"
    assert str(StorageAddress.parse(url)) == (
        "postgresql+psycopg://user@127.0.0.1:1/x?application_name=a"
    )
    url = url.partition("?")[0]
    run = ("run", "--study", tiny_study, "--runs", tmp_path / "runs", "--storage", url)
    for front, said in (((), "mpqsearch: error: storage"), (("--traceback",), "Traceback")):
        done = start(*front, *run, cwd=tmp_path)
        assert done.returncode != 0
        assert done.stderr.startswith(said)
        assert "postgresql+psycopg://user@127.0.0.1:1/x" in done.stderr
        assert "secret" not in done.stderr + done.stdout
    with RunFolder(tmp_path / "runs", "tiny", StorageAddress.parse(url)).held():
        files = contents(tmp_path)
    assert "runs/tiny/storage.txt" in files
    assert not [name for name, content in files.items() if b"secret" in content]
