# SPDX-License-Identifier: Apache-2.0
"""What an exported pick says of itself, and how it is written, read and checked again."""

import enum
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hardware.cost.figure import Figure
from mpqsearch.errors import StudyError
from mpqsearch.printable import printable_all

MANIFEST = "manifest.json"
FORMAT = 1


class Proof(enum.Enum):
    """What is known of an export's projects."""

    EXACT = "bit-exact"
    MISPLACED = "misplaced weights, as asked"
    NOT_SYNTHESIZED = "not synthesized"
    DIFFERS = "differs"


@dataclass(frozen=True)
class ChipCost:
    """What the network costs on one chip, as it is exported.

    Attributes:
        chip: Part name.
        mode: Clocks and voltage, in words.
        latency_us: Copying one input and computing it.
        energy_uj: Energy of the same.
        weight_load_us: Loading all weights once.
        weight_load_uj: Its energy.
        size_bytes: Weights and biases.
    """

    chip: str
    mode: str
    latency_us: Figure
    energy_uj: Figure
    weight_load_us: Figure
    weight_load_uj: Figure
    size_bytes: Figure


@dataclass(frozen=True)
class Score:
    """What the search scored, at the candidate's own bits; test accuracy is reported only.

    Attributes:
        validation_accuracy: Share of the validation split that the exported integer network gets
            right.
        recorded_accuracy: The same as the search recorded it for this seed; another where the
            network was trained again with other versions. None for a candidate that the search
            never had.
        test_accuracy: The same of the test split; None where the search has not computed it.
        latency_us: As priced by the search; None for a candidate that the search never had.
        energy_uj: The same.
        size_bytes: The same.
        cost_origin: Where latency and energy come from.
    """

    validation_accuracy: float
    recorded_accuracy: float | None
    test_accuracy: float | None
    latency_us: float | None
    energy_uj: float | None
    size_bytes: int | None
    cost_origin: str | None


@dataclass(frozen=True)
class SampleInput:
    """The sample of the known-answer test: of the validation split, not made up.

    Attributes:
        index: Which sample of the split.
        label: Its true class.
        class_name: That class's name.
        predicted: The class the network gives, as it was scored.
    """

    index: int
    label: int
    class_name: str
    predicted: int


@dataclass(frozen=True)
class IzerProject:
    """One project that the izer made.

    Attributes:
        chip: Part name.
        variant: latency or energy.
        folder: Its folder, from the export's.
        weight_bytes: As the izer counts them.
        bias_bytes: As the izer counts them.
        operations: As the izer counts them.
        macs: The multiply-accumulates among them.
        warnings: The izer's.
        differences: What is not as scored; none where it is proven.
    """

    chip: str
    variant: str
    folder: str
    weight_bytes: int
    bias_bytes: int
    operations: int
    macs: int
    warnings: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class BoardFirmware:
    """The firmware that measures the pick on one chip's board.

    Attributes:
        chip: Part name.
        folder: Its folder, from the export's; empty where there is none.
        checksum: What the board says it holds: 16 hexadecimal digits over the izer's files.
        version: The firmware's.
        left_out: Why there is none.
    """

    chip: str
    folder: str
    checksum: str
    version: str
    left_out: str = ""


@dataclass(frozen=True)
class Manifest:
    """Everything an exported pick rests on.

    Attributes:
        study: The study's name.
        trial: Number of the trial; None for a candidate outside the search.
        input_length: The candidate's input length.
        bits: The candidate's bits, `4-8-2-4`.
        held_bits: The widths at which the weights are written, where the izer would misplace them.
        layer_names: What the bits stand for.
        seed: Seed of the training.
        trained_again: Whether the network was trained for this export.
        data_source: Where the data come from, in words.
        synthetic_data: Whether they were computed, not recorded.
        data_sha256: Hash of the splits.
        score: What the search scored.
        costs: What the exported network costs, by chip.
        left_out: Chips that were asked for and do not hold it, and why.
        sample: The known-answer test's input.
        known_answer: Its accumulators, by our integer reference.
        proof: What is known of the projects.
        proven: What was compared, in words.
        izer_commit: Commit of ai8x-synthesis; None where it is not known or was not run.
        projects: What the izer made.
        versions: Versions of what computed all this.
        commit: Commit of mpqsearch.
        created: When, UTC.
        files: SHA-256 of every file in the folder but this one.
        firmware: What measures it on a board, by chip; none where the izer did not run.
    """

    study: str
    trial: int | None
    input_length: int
    bits: str
    held_bits: str
    layer_names: tuple[str, ...]
    seed: int
    trained_again: bool
    data_source: str
    synthetic_data: bool
    data_sha256: str
    score: Score
    costs: tuple[ChipCost, ...]
    left_out: tuple[str, ...]
    sample: SampleInput
    known_answer: tuple[int, ...]
    proof: Proof
    proven: tuple[str, ...]
    izer_commit: str | None
    projects: tuple[IzerProject, ...]
    versions: dict[str, str]
    commit: str | None
    created: str
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT
    firmware: tuple[BoardFirmware, ...] = ()

    @property
    def name(self) -> str:
        """The pick's name, and its folder's."""
        return f"{self.input_length}-{self.bits}"

    def to_json(self) -> dict[str, Any]:
        """The manifest for programs."""
        found: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return found


_ADAPTER = TypeAdapter(Manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes a manifest into the folder it is about."""
    text = json.dumps(manifest.to_json(), indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Reads an export's manifest.

    Raises:
        StudyError: where it is missing, damaged, or of another version.
    """
    path = folder / MANIFEST
    try:
        found = _ADAPTER.validate_json(path.read_bytes())
        if found.format != FORMAT:
            raise StudyError(
                f"{path} is of another version of mpqsearch (format {found.format}, not {FORMAT});"
                " read it with that one, or export again with --overwrite"
            )
        return _ADAPTER.validate_json(json.dumps(printable_all(found.to_json())))
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise StudyError(
            f"{path} is damaged or of another version of mpqsearch ({said}); export again with"
            " --overwrite"
        ) from None


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but the manifest, by its path, in order."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != folder / MANIFEST
    }


def changed_files(folder: Path, manifest: Manifest) -> list[str]:
    """Files that are missing or not as they were exported; files that were added do not count."""
    now = checksums(folder)
    return [name for name, wanted in manifest.files.items() if now.get(name) != wanted]
