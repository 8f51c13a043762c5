# SPDX-License-Identifier: Apache-2.0
"""A manifest is read back as it was written, and says which files have changed since."""

import dataclasses
import json
from pathlib import Path

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.export.manifest import (
    Proof,
    changed_files,
    checksums,
    read_manifest,
    write_manifest,
)
from tests.mpqsearch.exports import manifest


def test_a_manifest_is_read_back_as_written(tmp_path: Path) -> None:
    """Every field, figures and tuples included; the file is JSON that ends in a line."""
    written = manifest(files={"network.yaml": "0" * 64})
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path) == written
    text = (tmp_path / "manifest.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text)["proof"] == "bit-exact"
    assert written.name == "91-4-8-2-4"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[]", "damaged or of another version"),
        (b"{}", "study: Field required"),
    ],
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    """The line names the file, what is wrong with it, and the next step."""
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_manifest(tmp_path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/manifest.json is damaged")
    assert str(caught.value).endswith("export again with --overwrite")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("format", 2, "is of another version of mpqsearch (format 2, not 1)"),
        ("proof", "certainly", "proof: "),
        ("score", {"validation_accuracy": "high"}, "score.validation_accuracy: "),
        ("costs", None, "costs: "),
    ],
)
def test_a_manifest_of_another_version_is_refused(
    tmp_path: Path, field: str, value: object, said: str
) -> None:
    """By its format number, and by any field that is not as it must be."""
    written = {**manifest().to_json(), field: value}
    (tmp_path / "manifest.json").write_text(json.dumps(written))
    with pytest.raises(StudyError) as caught:
        read_manifest(tmp_path)
    assert said in str(caught.value)


def test_a_missing_manifest_is_one_line(tmp_path: Path) -> None:
    """As in a folder that is no export."""
    with pytest.raises(StudyError, match=r"manifest\.json cannot be read: No such file"):
        read_manifest(tmp_path)


def test_changed_files_are_found(tmp_path: Path) -> None:
    """Changed and missing ones, by name; added ones do not count, and the manifest is not in it."""
    (tmp_path / "MAX78002").mkdir()
    names = ["MAX78002/weights.h", "network.yaml", "sample.npy"]
    for name in names:
        (tmp_path / name).write_text(name)
    files = checksums(tmp_path)
    assert list(files) == names
    assert files["sample.npy"] == (
        "7bf30be5b192ddca686cc742ba3151fe9f2864d1a924a7ea0ce905a6d4e8bf68"
    )
    written = dataclasses.replace(manifest(), files=files, proof=Proof.NOT_SYNTHESIZED)
    write_manifest(tmp_path, written)
    (tmp_path / "notes.txt").write_text("mine")
    assert changed_files(tmp_path, written) == []
    (tmp_path / "MAX78002/weights.h").write_text("other")
    (tmp_path / "sample.npy").unlink()
    assert changed_files(tmp_path, written) == ["MAX78002/weights.h", "sample.npy"]
