# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch export`: what it writes, and what it does with what people have."""

import json
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from mpqsearch.export.manifest import checksums, read_manifest
from tests.commands import Command, contents, said_by

INPUTS = [
    "checkpoint.pth.tar",
    "known_answer.npy",
    "manifest.json",
    "network.yaml",
    "sample.npy",
    "synthesize.sh",
]


def only(folder: Path) -> Path:
    """The one export of a folder."""
    (found,) = [one for one in folder.iterdir() if one.name != ".lock"]
    return found


def test_a_pick_is_written_with_all_that_the_izer_needs(mpqsearch: Command, study: Path) -> None:
    """Without an izer too; the last line says what is missing, and results alone go to stdout."""
    answer = mpqsearch("export", "--study", "tiny")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("SYNTHETIC DATA\n")
    assert answer.err.splitlines()[-1] == (
        "ai8x-synthesis did not run, so nothing is proven: install it with mpqsearch izer install,"
        " or set AI8X_SYNTHESIS to a checkout, and export again with --overwrite"
    )
    pick = only(study / "runs/tiny/export")
    assert sorted(one.name for one in pick.iterdir()) == INPUTS
    script = pick / "synthesize.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["/bin/sh", "-n", script], check=False).returncode == 0
    state = torch.load(pick / "checkpoint.pth.tar", weights_only=True)["state_dict"]
    assert set(state) >= {"conv1.op.weight", "fc1.op.weight", "fc1.op.bias"}

    manifest = read_manifest(pick)
    assert (manifest.name, manifest.proof.value) == (pick.name, "not synthesized")
    assert manifest.files == checksums(pick)
    sample = np.load(pick / "sample.npy", allow_pickle=False)
    assert sample.shape == (2, manifest.input_length)
    assert manifest.sample.label == manifest.sample.predicted
    assert np.load(pick / "known_answer.npy").tolist() == list(manifest.known_answer)
    assert int(np.argmax(manifest.known_answer)) == manifest.sample.predicted


def test_json_is_all_that_stdout_holds(mpqsearch: Command, study: Path) -> None:
    """One list, of the same picks that `--compare --json` reads back."""
    exported = mpqsearch("export", "--study", "tiny", "--pick", "all", "--json")
    compared = mpqsearch("export", "--study", "tiny", "--compare", "--json")
    assert exported.code == compared.code == 0
    assert json.loads(exported.out) == json.loads(compared.out)
    assert compared.err == ""
    assert [one["changed_files"] for one in json.loads(exported.out)] == [[]] * len(
        list((study / "runs/tiny/export").iterdir())[1:]
    )


@pytest.mark.parametrize(
    ("options", "picked"),
    [
        (["--trial", 1], "8-4-4"),
        (["--length", 8, "--bits", "8-8"], "8-8-8"),
        (["--length", 7, "--bits", "4-1"], "7-4-1"),
        (["--where", "accuracy > 0.5"], None),
        (["--pick", "tied", "--where", "input_length == 6"], None),
    ],
)
def test_every_way_of_choosing(
    mpqsearch: Command, study: Path, options: list[object], picked: str | None
) -> None:
    """By trial, by candidate, by conditions; one that was never tried is trained."""
    answer = mpqsearch("export", "--study", "tiny", "--to", "out", *options)
    assert answer.code == 0, answer.err
    pick = only(study / "out")
    manifest = read_manifest(pick)
    assert picked in (None, pick.name)
    assert manifest.trained_again == (picked == "7-4-1")
    assert (manifest.trial is None) == (picked == "7-4-1")
    assert "--where" in options or "training 7 4-1" in answer.err or not manifest.trained_again


def test_exporting_twice_gives_the_same_files(mpqsearch: Command, study: Path) -> None:
    """But for the time in the manifest; and nothing in them names a place of this machine."""
    for folder in ("first", "second"):
        assert mpqsearch("export", "--study", "tiny", "--to", folder).code == 0
    first, second = (contents(only(study / folder)) for folder in ("first", "second"))
    manifests = [json.loads(one.pop("manifest.json")) for one in (first, second)]
    assert first == second
    for manifest in manifests:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", manifest.pop("created"))
    assert manifests[0] == manifests[1]
    assert_names_no_place(only(study / "first"), study)


def assert_names_no_place(pick: Path, *more: Path) -> None:
    """No file holds the path of the export, this checkout, the user's home or these."""
    checkout = Path(__file__).resolve().parents[3]
    for place in (pick, pick.parent, checkout, Path.home(), Path(sys.prefix), *more):
        for name, content in contents(pick).items():
            assert f"{place}/".encode() not in content, (place, name)


def test_a_network_that_was_not_kept_is_trained_again(mpqsearch: Command, study: Path) -> None:
    """Dominated, missing or damaged: it scores what was recorded, and the manifest says so."""
    kept = mpqsearch("export", "--study", "tiny", "--to", "kept", "--trial", 2)
    checkpoint = study / "runs/tiny/checkpoints/2.npz"
    checkpoint.write_bytes(b"damaged")
    damaged = mpqsearch("export", "--study", "tiny", "--to", "damaged", "--trial", 2)
    checkpoint.unlink()
    missing = mpqsearch("export", "--study", "tiny", "--to", "missing", "--trial", 2)
    assert kept.code == damaged.code == missing.code == 0
    first = only(study / "kept")
    for answer, name in ((damaged, "damaged"), (missing, "missing")):
        again = read_manifest(only(study / name))
        assert again.trained_again
        assert again.score.validation_accuracy == again.score.recorded_accuracy
        assert "8-2-2: trained again for the export" in answer.out.splitlines()
        for file in ("checkpoint.pth.tar", "known_answer.npy", "sample.npy"):
            assert (only(study / name) / file).read_bytes() == (first / file).read_bytes()
    assert not read_manifest(first).trained_again


def test_a_study_of_several_seeds_and_part_of_the_data(mpqsearch: Command, study: Path) -> None:
    """The network of the first seed is exported, kept or trained again on the same part."""
    text = (study / "tiny.yaml").read_text()
    (study / "part.yaml").write_text(f"{text}seeds: 2\nfidelity:\n  train_share: 0.5\n")
    assert mpqsearch("run", "--study", "part.yaml", "--trials", 2).code == 0
    assert mpqsearch("export", "--study", "part", "--trial", 0).code == 0
    (study / "runs/part/checkpoints/0.npz").unlink()
    options = ("--to", "again")
    assert mpqsearch("export", "--study", "part", "--trial", 0, *options).code == 0
    kept, again = (read_manifest(only(study / folder)) for folder in ("runs/part/export", "again"))
    assert (kept.trained_again, again.trained_again) == (False, True)
    assert kept.files == again.files
    assert again.score.validation_accuracy == again.score.recorded_accuracy
    assert kept.score.recorded_accuracy == again.score.recorded_accuracy


def test_a_network_that_was_not_scored_is_not_exported(mpqsearch: Command, study: Path) -> None:
    """A checkpoint of the right shapes and bits but other weights: a failed run, and no folder."""
    path = study / "runs/tiny/checkpoints/0.npz"
    with np.load(path) as arrays:
        held = dict(arrays)
    held["fc1.weights"] = -held["fc1.weights"]
    np.savez_compressed(path, **held)
    answer = mpqsearch("export", "--study", "tiny", "--trial", 0, "--to", "out")
    assert answer.code == 1
    assert "its checkpoint is not the one that was scored: delete it" in answer.err
    assert not (study / "out").exists()


def test_a_study_that_is_running_can_be_exported(mpqsearch: Command, study: Path) -> None:
    """Its lock is another one."""
    with FileLock(study / "runs/tiny/lock"):
        assert mpqsearch("export", "--study", "tiny").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--study is missing"),
        (["--study", "tony"], "did you mean tiny?"),
        (["--study", "../tiny"], "a run's name must be"),
        (["--study", "tiny", "--pick", "kne"], "did you mean knee?"),
        (["--study", "tiny", "--pick", "best", "--trial", 1], "both say what to export"),
        (["--study", "tiny", "--length", 8], "--bits is missing"),
        (["--study", "tiny", "--length", 9, "--bits", "8-8"], "input length must be in 1..8"),
        (["--study", "tiny", "--length", 8, "--bits", "8-3"], "bits must be 1, 2, 4 or 8"),
        (["--study", "tiny", "--length", 8, "--bits", "8"], "bits must name 2 widths"),
        (["--study", "tiny", "--trial", 99], "no trial 99"),
        (["--study", "tiny", "--trial", -1], "no trial -1"),
        (["--study", "tiny", "--where", "accuracy >"], "is no number"),
        (["--study", "tiny", "--where", "accuracy > 1"], "no member of the front"),
        (["--study", "tiny", "--chip", "MAX7800"], "did you mean MAX78002?; both takes both"),
        (["--study", "tiny", "--no-izer", "--ai8x-synthesis", "."], "contradict each other"),
        (["--study", "tiny", "--ai8x-synthesis", "."], "holds no ai8xize.py"),
        (["--study", "tiny", "--to", "tiny.yaml"], "export folder tiny.yaml cannot be written"),
        (["--study", "tiny", "--to", "tiny.yaml/x"], "Not a directory; choose another with --to"),
        (["--compare"], "--study is missing"),
        (["--compare", "--study", "tiny"], "no exported pick in runs/tiny/export"),
        (["--compare", "--study", "tiny", "--trial", 1], "leave out what would be exported"),
        (["--compare", "--study", "tiny", "--overwrite"], "would be exported, and how"),
        (["--study", "tiny", "--chip", "MAX78000", "--max-speed"], "is for the MAX78002"),
        (["--compare", "--to", "tiny.yaml"], "no exported pick in tiny.yaml"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(
    mpqsearch: Command, study: Path, options: list[object], said: str
) -> None:
    """Exit code 2, and every file is as it was."""
    before = contents(study)
    answer = mpqsearch("export", *options)
    assert said in said_by(answer)
    assert contents(study) == before


def test_another_task_is_refused_before_anything_is_made(mpqsearch: Command, study: Path) -> None:
    """The weights kept were trained on other data, or the code that made them is gone."""
    task = study / "tiny_task.py"
    task.write_text(task.read_text().replace("+= 60", "+= 61"))
    before = contents(study)
    answer = mpqsearch("export", "--study", "tiny")
    assert "was written with another task, data" in said_by(answer)
    assert contents(study) == before


def test_an_export_is_not_overwritten_unasked(mpqsearch: Command, study: Path) -> None:
    """And with --overwrite it is replaced whole."""
    assert mpqsearch("export", "--study", "tiny", "--trial", 0).code == 0
    before = contents(study)
    pick = only(study / "runs/tiny/export")
    line = said_by(mpqsearch("export", "--study", "tiny", "--trial", 0))
    assert line == (
        "runs/tiny/export/8-8-8 exists; --overwrite replaces it, --to chooses another folder"
    )
    assert contents(study) == before
    (pick / "synthesize.sh").write_text("changed")
    (pick / "notes").write_text("of the first")
    compared = mpqsearch("export", "--study", "tiny", "--compare")
    assert "runs/tiny/export/8-8-8: changed since it was exported: synthesize.sh" in compared.out
    assert mpqsearch("export", "--study", "tiny", "--trial", 0, "--overwrite").code == 0
    after = contents(study)
    assert {name for name in before if before[name] != after.get(name)} <= {
        "runs/tiny/export/8-8-8/manifest.json"
    }
    assert after.keys() == before.keys()


def test_a_damaged_manifest_is_one_line(mpqsearch: Command, study: Path) -> None:
    """It names the file and the next step, which heals it."""
    assert mpqsearch("export", "--study", "tiny", "--trial", 0).code == 0
    (study / "runs/tiny/export/8-8-8/manifest.json").write_text("{")
    line = said_by(mpqsearch("export", "--study", "tiny", "--compare"))
    assert line.startswith("runs/tiny/export/8-8-8/manifest.json is damaged")
    assert mpqsearch("export", "--study", "tiny", "--trial", 0, "--overwrite").code == 0
    assert mpqsearch("export", "--study", "tiny", "--compare").code == 0


def test_a_chip_that_does_not_hold_it_is_left_out(mpqsearch: Command, study: Path) -> None:
    """With a reason; where no chip holds it, that is a wrong request."""
    wide = (study / "tiny.yaml").read_text().replace("[8, 6]", "[8]").replace("[8, 4, 2]", "[8]")
    (study / "wide.yaml").write_text(f"{wide}  \ndata:\n  features: 768\n")
    assert mpqsearch("run", "--study", "wide.yaml", "--trials", 1).code == 0
    answer = mpqsearch("export", "--study", "wide", "--trial", 0, "--chip", "both")
    assert answer.code == 0, answer.err
    manifest = read_manifest(study / "runs/wide/export/8-8-8")
    assert [cost.chip for cost in manifest.costs] == ["MAX78002"]
    (reason,) = manifest.left_out
    assert "MAX78000" in reason
    assert f"8-8-8: left out: {reason}" in answer.out
    options = ("--chip", "MAX78000", "--to", "out")
    alone = mpqsearch("export", "--study", "wide", "--trial", 0, *options)
    assert said_by(alone) == f"8 8-8 {reason}"
    assert not (study / "out").exists()


def test_weights_that_the_izer_misplaces_are_held_wider(
    mpqsearch: Command, uneven_study: Path
) -> None:
    """The manifest says both widths, and the costs are of what is written."""
    answer = mpqsearch("export", "--study", "uneven", "--trial", 0)
    assert answer.code == 0, answer.err
    assert "8-4-4-4 is written as 4-8-4: the izer would misplace narrower" in answer.out
    held = read_manifest(only(uneven_study / "runs/uneven/export"))
    assert (held.bits, held.held_bits) == ("4-4-4", "4-8-4")
    mpqsearch("export", "--study", "uneven", "--trial", 0, "--keep-bits", "--to", "kept")
    kept = read_manifest(only(uneven_study / "kept"))
    assert (kept.bits, kept.held_bits) == ("4-4-4", "4-4-4")
    assert held.score == kept.score
    assert held.known_answer == kept.known_answer
    # conv2: 70 channels to 4, kernels of 1, half a byte more each
    assert held.costs[0].size_bytes.value - kept.costs[0].size_bytes.value == 70 * 4 / 2


@pytest.mark.usefixtures("false_izer")
def test_an_izer_that_fails_leaves_what_there_was(mpqsearch: Command, study: Path) -> None:
    """A failed run, in the izer's words; the earlier export of the pick is untouched."""
    assert mpqsearch("export", "--study", "tiny", "--no-izer").code == 0
    before = contents(study)
    answer = mpqsearch("export", "--study", "tiny", "--overwrite")
    assert answer.code == 1
    assert "ai8x-synthesis is at no known commit, not at ab4f4c01f205, which is" in answer.err
    assert answer.err.splitlines()[-1] == (
        "mpqsearch: error: the izer failed: ERROR: this network cannot be"
    )
    assert contents(study) == before
    assert mpqsearch("export", "--study", "tiny", "--to", "out").code == 1
    assert not (study / "out").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_export_loses_nothing(
    mpqsearch: Command, study: Path, false_izer: Path, how: signal.Signals
) -> None:
    """Cut off in the middle of replacing an export, it leaves that one; the next one cleans up."""
    assert mpqsearch("export", "--study", "tiny", "--no-izer").code == 0
    before = contents(study)
    exports = study / "runs/tiny/export"
    (earlier,) = [one.name for one in exports.iterdir() if re.match(r"\d", one.name)]
    false_izer.write_text("import time\ntime.sleep(60)\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", "export", "--study", "tiny", "--overwrite"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(exports.glob(".*.partial-*/ai8xize.py")) and time.monotonic() < deadline:
        assert running.poll() is None
        time.sleep(0.01)
    line = said_by(mpqsearch("export", "--study", "tiny", "--overwrite", "--no-izer"))
    assert line.startswith("another export is writing to runs/tiny/export; wait for it")
    running.send_signal(how)
    _, said = running.communicate(timeout=30)
    if how is not signal.SIGKILL:
        assert running.returncode == 130
        assert said.splitlines()[-1] == "interrupted; nothing half-written is left"
        assert contents(study) == before
    assert {name: content for name, content in contents(study).items() if "/." not in name} == {
        name: content for name, content in before.items() if "/." not in name
    }
    assert mpqsearch("export", "--study", "tiny", "--trial", 0, "--no-izer").code == 0
    assert sorted(one.name for one in exports.iterdir())[:2] == [".lock", earlier]
    shutil.rmtree(exports / "8-8-8")
    assert contents(study) == before
