# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch export` with the real izer: proven bit for bit, or marked and refused."""

import dataclasses
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hardware.integer import IntegerNetwork
from hardware.izer import project
from hardware.izer.toolchain import Toolchain
from mpqsearch.export.manifest import Proof, checksums, read_manifest
from tests.commands import Command, contents
from tests.mpqsearch.export.test_export import assert_names_no_place, only

pytestmark = pytest.mark.izer


def test_a_proven_pick(mpqsearch: Command, study: Path, izer: Toolchain) -> None:
    """Both programs for both chips, the same every time, and no place of this machine in them."""
    for folder in ("first", "second"):
        options = ("--chip", "both", "--max-speed", "--to", folder)
        answer = mpqsearch("export", "--study", "tiny", "--trial", 1, *options)
        assert answer.code == 0, answer.err
        assert answer.out.count("bit-exact") == 2
    pick = only(study / "first")
    manifest = read_manifest(pick)
    assert manifest.proof.value == "bit-exact"
    assert manifest.izer_commit == izer.commit
    assert manifest.files == checksums(pick)
    assert [(one.chip, one.variant) for one in manifest.projects] == [
        ("MAX78000", "latency"),
        ("MAX78000", "energy"),
        ("MAX78002", "latency"),
        ("MAX78002", "energy"),
    ]
    for one in manifest.projects:
        assert one.differences == ()
        assert one.weight_bytes + one.bias_bytes == manifest.score.size_bytes
        assert {"main.c", "cnn.c", "weights.h", "Makefile"} <= {
            file.name for file in (pick / one.folder).iterdir()
        }
        answer = np.load(pick / one.folder / "answer.npy").ravel()
        assert answer.tolist() == list(manifest.known_answer)
    assert [(one.chip, one.folder, one.left_out) for one in manifest.firmware] == [
        (chip, f"{chip}/{pick.name}-board", "") for chip in ("MAX78000", "MAX78002")
    ]
    first, second = (contents(only(study / folder)) for folder in ("first", "second"))
    manifests = [json.loads(files.pop("manifest.json")) for files in (first, second)]
    assert first == second
    assert [one.pop("created") != "" for one in manifests] == [True, True]
    assert manifests[0] == manifests[1]
    assert_names_no_place(pick, study, izer.checkout, izer.python.parent)
    assert not [one for one in pick.rglob("*") if one.is_symlink()]


def test_the_script_works_by_itself(mpqsearch: Command, study: Path, izer: Toolchain) -> None:
    """What was written without an izer is synthesized later, without mpqsearch."""
    assert mpqsearch("export", "--study", "tiny", "--no-izer").code == 0
    pick = only(study / "runs/tiny/export")
    done = subprocess.run(
        [pick / "synthesize.sh"], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for suffix in ("", "-energy"):
        where = f"MAX78002/{pick.name}{suffix}"
        assert f"{where}/answer.npy: the known answer is as scored" in done.stdout
        assert (pick / where / "main.c").is_file()
    assert izer.checkout.is_dir()


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.usefixtures("izer")
def test_a_pick_that_differs_is_marked_and_refused(
    mpqsearch: Command, study: Path, monkeypatch: pytest.MonkeyPatch, layer: int
) -> None:
    """One weight is written otherwise: the line names its layer, and a good export stays.

    The next one that is proven takes the marked folder away.
    """
    assert mpqsearch("export", "--study", "tiny", "--trial", 0).code == 0
    before = contents(study)
    write = project.write_checkpoint

    def wrong(path: Path, integers: IntegerNetwork, arch: str) -> None:
        held = integers.layers[layer]
        weights = held.weights.copy()
        # Of a weight that the sample does not pass by.
        weights.flat[0] = -weights.flat[0] - 100 if weights.flat[0] < 0 else weights.flat[0] - 100
        layers = list(integers.layers)
        layers[layer] = dataclasses.replace(held, weights=weights)
        write(path, dataclasses.replace(integers, layers=tuple(layers)), arch)

    monkeypatch.setattr(project, "write_checkpoint", wrong)
    answer = mpqsearch("export", "--study", "tiny", "--trial", 0, "--overwrite")
    assert answer.code == 1
    name = ("conv1", "fc1")[layer]
    last = answer.err.splitlines()[-1]
    assert last == (
        "mpqsearch: error: 8-8-8 is not what was scored: the izer's simulation differs first in"
        f" layer {name}; do not flash runs/tiny/export/8-8-8.DIFFERS"
    )
    assert f"8-8-8: weights.h does not hold the weights of {name} where the chip" in answer.out
    assert "DIFFERS" in answer.out
    after = contents(study)
    assert {file: after[file] for file in before} == before
    marked = study / "runs/tiny/export/8-8-8.DIFFERS"
    assert read_manifest(marked).proof.value == "differs"

    monkeypatch.setattr(project, "write_checkpoint", write)
    assert mpqsearch("export", "--study", "tiny", "--trial", 0, "--overwrite").code == 0
    assert not marked.exists()


@pytest.mark.usefixtures("izer")
def test_held_bits_are_proven_and_the_networks_own_are_not(
    mpqsearch: Command, uneven_study: Path
) -> None:
    """What --keep-bits asks for is written and called misplaced: the proof sees it."""
    assert mpqsearch("export", "--study", "uneven", "--trial", 0).code == 0
    assert read_manifest(only(uneven_study / "runs/uneven/export")).proof is Proof.EXACT
    options = ("--keep-bits", "--to", "kept")
    answer = mpqsearch("export", "--study", "uneven", "--trial", 0, *options)
    assert answer.code == 0, answer.err
    assert read_manifest(only(uneven_study / "kept")).proof is Proof.MISPLACED
    assert "8-4-4-4: weights.h does not hold the weights of conv2 where the chip" in answer.out
