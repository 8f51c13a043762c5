# SPDX-License-Identifier: Apache-2.0
"""The proof of a project: the published network, and every kind of damage, with the real izer."""

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.integer import IntegerNetwork
from hardware.izer.project import CHECKPOINT, SAMPLE, Project, Variant, write_inputs
from hardware.izer.proof import differences
from hardware.izer.synthesis import Synthesis, first_differing_layer, linked, synthesize
from hardware.izer.toolchain import IzerError, Toolchain, tool_environment
from hardware.network import Network
from hardware.placement.packing import sound_bits
from tests.hardware.published_checkpoint import KNOWN_ANSWER, published

pytestmark = [pytest.mark.izer, pytest.mark.slow]

CHIPS = (MAX78000, MAX78002)
PUBLISHED_BITS = (8, 8, 2, 4)
SOUND_BITS = (8, 8, 2, 8)

BY_HAND = """\
---
arch: indoor
dataset: ctf
layers:
  - operation: conv1d
    kernel_size: 3
    pad: 1
    activate: ReLU
    quantization: 8
    data_format: CHW
    processors: 0x0000000000000011
    out_offset: 0xa000
  - operation: conv1d
    kernel_size: 3
    pad: 1
    activate: ReLU
    quantization: 8
    processors: 0x00000000000003ff
    out_offset: 0x0000
  - operation: MLP
    flatten: true
    activate: ReLU
    quantization: 2
    processors: 0x00000000000003ff
    out_offset: 0xa000
  - operation: MLP
    activate: None
    output_width: 32
    quantization: 4
    processors: 0x000fffffffffffff
    output_processors: 0x000000000000000f
    out_offset: 0x0000
"""


@pytest.fixture(scope="module")
def exported(indoor: Callable[[int], Network], checkpoint_file: Path) -> Project:
    """The published checkpoint at the widths at which it was published."""
    integers, inputs = published(indoor(51), checkpoint_file)
    return Project("51-8-8-2-4", "indoor", "the published network", integers, inputs[0])


@pytest.fixture(scope="module")
def sound(exported: Project) -> Project:
    """The same function with fc2 held at 8 bits."""
    held = sound_bits(exported.integers.network, PUBLISHED_BITS)
    assert held == SOUND_BITS
    return dataclasses.replace(exported, integers=exported.integers.held_at(held))


def made_of(
    toolchain: Toolchain,
    folder: Path,
    project: Project,
    chip: Chip = MAX78002,
    variant: Variant = Variant.LATENCY,
    *,
    max_speed: bool = False,
) -> Synthesis:
    """What the izer makes of the inputs in a folder."""
    with linked(toolchain, folder):
        return synthesize(toolchain, folder, project, chip, variant, max_speed=max_speed)


@pytest.fixture(scope="module")
def made(
    toolchain: Toolchain, sound: Project, tmp_path_factory: pytest.TempPathFactory
) -> Synthesis:
    """A sound project for the MAX78002, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("sound")
    write_inputs(folder, sound, CHIPS)
    return made_of(toolchain, folder, sound)


def weights_made_by_hand(toolchain: Toolchain, folder: Path, arrays: Path) -> bytes:
    """weights.h of a project that owes nothing to our writers: AI8X notes, 1 to 4."""
    (folder / "net.yaml").write_text(BY_HAND)
    kept = ("output_shift", "weight_bits", "op.weight", "op.bias")
    with np.load(arrays) as held:
        np.save(folder / "input.npy", held["input"])
        state = {
            name: torch.from_numpy(held[name])
            for name in held.files
            if name.partition(".")[2] in kept
        }
    torch.save({"epoch": 0, "arch": "indoor", "state_dict": state}, folder / "net.pth.tar")
    command = [toolchain.python, "ai8xize.py", "--no-version-check", "--yamllint", "none"]
    command += ["--test-dir", folder, "--prefix", "net", "--device", "MAX78002"]
    command += ["--checkpoint-file", folder / "net.pth.tar", "--config-file", folder / "net.yaml"]
    command += ["--sample-input", folder / "input.npy"]
    subprocess.run(
        list(map(str, command)),
        cwd=toolchain.checkout,
        env=tool_environment(),
        capture_output=True,
        check=True,
    )
    return (folder / "net" / "weights.h").read_bytes()


def test_the_published_network_exports_as_published(
    toolchain: Toolchain, exported: Project, checkpoint_file: Path, tmp_path: Path
) -> None:
    """Its known answer, and byte for byte the weights.h of a project written by hand."""
    write_inputs(tmp_path, exported, CHIPS)
    ours = made_of(toolchain, tmp_path, exported)
    assert np.load(tmp_path / "known_answer.npy").tolist() == KNOWN_ANSWER
    assert np.load(ours.folder / "answer.npy").ravel().tolist() == KNOWN_ANSWER
    words = [f"0x{value & 0xFFFFFFFF:08x}" for value in KNOWN_ANSWER]
    assert ", ".join(words) in (ours.folder / "sampleoutput.h").read_text().replace("\\\n", "")
    (tmp_path / "hand").mkdir()
    by_hand = weights_made_by_hand(toolchain, tmp_path / "hand", checkpoint_file)
    assert len(by_hand) > 50_000
    assert (ours.folder / "weights.h").read_bytes() == by_hand


def test_the_published_network_has_misplaced_weights(
    toolchain: Toolchain, exported: Project, tmp_path: Path
) -> None:
    """fc2 takes 200 channels at 4 bits: all is as scored but where its weights lie."""
    write_inputs(tmp_path, exported, CHIPS)
    found = list(differences(exported, MAX78002, made_of(toolchain, tmp_path, exported)))
    assert found == ["weights.h does not hold the weights of fc2 where the chip reads them"]


@pytest.mark.parametrize(
    ("chip", "max_speed"), [(MAX78000, False), (MAX78002, False), (MAX78002, True)]
)
def test_held_wider_nothing_differs(
    toolchain: Toolchain, sound: Project, tmp_path: Path, chip: Chip, max_speed: bool
) -> None:
    """Both programs of both chips: known answer, sample, weights, biases and counts."""
    write_inputs(tmp_path, sound, CHIPS, max_speed=max_speed)
    for variant in Variant:
        synthesis = made_of(toolchain, tmp_path, sound, chip, variant, max_speed=max_speed)
        assert list(differences(sound, chip, synthesis)) == []
        assert (synthesis.macs, synthesis.bias_bytes) == (121_160, 224)
        assert synthesis.weight_bytes == 26_260 + 400  # as published, fc2's 800 in a byte each
    with linked(toolchain, tmp_path):
        assert first_differing_layer(toolchain, tmp_path, sound, chip) is None


def telling_weight(integers: IntegerNetwork, sample: np.ndarray) -> tuple[int, int]:  # type: ignore[type-arg]
    """A weight of fc1 whose change by one shows: its input is large, its output is not."""
    outputs = integers.layer_outputs(sample[np.newaxis])
    column = int(outputs[1].ravel().argmax())
    between = (outputs[2].ravel() > 8) & (outputs[2].ravel() < 100)
    rows = np.flatnonzero(between & (integers.layers[2].weights[:, column] < 1))
    assert outputs[1].ravel()[column] >= 64
    return int(rows[0]), column


def change_tensor(folder: Path, name: str, index: tuple[int, ...], step: float) -> None:
    found = torch.load(folder / CHECKPOINT, weights_only=True)
    found["state_dict"][name][index] += step
    torch.save(found, folder / CHECKPOINT)


def spoil_weight(folder: Path, project: Project) -> None:
    index = telling_weight(project.integers, project.sample)
    change_tensor(folder, "fc1.op.weight", index, 1)


def spoil_bias(folder: Path, project: Project) -> None:
    outputs = project.outputs()[1]
    channel = int(np.argmax(((outputs > 8) & (outputs < 100)).sum(axis=1)))
    change_tensor(folder, "conv2.op.bias", (channel,), 128 * 8)


def spoil_sample(folder: Path, project: Project) -> None:
    np.save(folder / SAMPLE, np.clip(project.sample.astype(np.int64) + 16, -128, 127))


@pytest.mark.parametrize(
    ("spoil", "found_as"),
    [
        (spoil_weight, ("fc1", "weights of fc1")),
        (spoil_bias, ("conv2", "biases of quadrant")),
        (spoil_sample, ("conv1", "does not hold the sample input")),
    ],
)
def test_inputs_spoiled_after_writing_are_found(
    toolchain: Toolchain,
    sound: Project,
    tmp_path: Path,
    spoil: Callable[[Path, Project], None],
    found_as: tuple[str, str],
) -> None:
    """One weight, one bias or the sample: the proof says so, and the trace names the layer."""
    layer, words = found_as
    write_inputs(tmp_path, sound, CHIPS)
    spoil(tmp_path, sound)
    found = list(differences(sound, MAX78002, made_of(toolchain, tmp_path, sound)))
    assert sum(words in line for line in found) == 1
    assert all("\n" not in line for line in found)
    with linked(toolchain, tmp_path):
        assert first_differing_layer(toolchain, tmp_path, sound, MAX78002) == layer


def copied(made: Synthesis, folder: Path, name: str, damage: Callable[[str], str]) -> Synthesis:
    """A copy of a project with one of its files damaged."""
    shutil.copytree(made.folder, folder / "copy")
    file = folder / "copy" / name
    text = file.read_text()
    damaged = damage(text)
    assert damaged != text
    file.write_text(damaged)
    return dataclasses.replace(made, folder=folder / "copy")


def plus_one(array: str, index: int) -> Callable[[str], str]:
    """Damage: one word of an array is another."""

    def damage(text: str) -> str:
        start = text.index(f"#define {array} ")
        words = list(re.finditer(r"0x[0-9a-f]+", text[start:]))
        word = words[index]
        changed = f"0x{int(word.group(), 16) ^ 1:0{len(word.group()) - 2}x}"
        return text[: start + word.start()] + changed + text[start + word.end() :]

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (("weights.h", plus_one("KERNELS", 3)), "weights of "),
        (("weights.h", plus_one("BIAS_0", 7)), "biases of quadrant 0"),
        (("weights.h", lambda text: text.replace("BIAS_1", "BIAS_7")), "biases of quadrant 1"),
        (("sampledata.h", plus_one("SAMPLE_INPUT_4", 2)), "does not hold the sample input"),
        (("sampleoutput.h", plus_one("SAMPLE_OUTPUT", 3)), "known answer is not our"),
    ],
)
def test_one_bit_in_a_generated_file_is_found(
    made: Synthesis,
    sound: Project,
    tmp_path: Path,
    damage: tuple[str, Callable[[str], str]],
    words: str,
) -> None:
    """One line, of that file alone."""
    found = list(differences(sound, MAX78002, copied(made, tmp_path, *damage)))
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("weight_bytes", "the izer counts 26,661 bytes of weights, not 26,660"),
        ("bias_bytes", "the izer counts 225 bytes of biases, not 224"),
        ("macs", "the izer counts 121,161 multiply-accumulates, not 121,160"),
    ],
)
def test_other_counts_are_found(made: Synthesis, sound: Project, field: str, words: str) -> None:
    """Both figures are said."""
    other = dataclasses.replace(made, **{field: getattr(made, field) + 1})
    assert list(differences(sound, MAX78002, other)) == [words]


@pytest.mark.parametrize("name", ["weights.h", "sampledata.h", "sampleoutput.h"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("0x", "0y"),
        lambda text: text.replace("#define ", "#define X"),
    ],
)
def test_damaged_files_are_one_line(
    made: Synthesis, sound: Project, tmp_path: Path, name: str, damage: Callable[[str], str]
) -> None:
    """Empty, cut, without words and with other names."""
    broken = copied(made, tmp_path, name, damage)
    with pytest.raises(IzerError) as error:
        list(differences(sound, MAX78002, broken))
    assert "\n" not in str(error.value)
    (broken.folder / name).unlink()
    with pytest.raises(IzerError, match=f"left no {name}"):
        list(differences(sound, MAX78002, broken))


def test_another_network_differs(made: Synthesis, exported: Project, sound: Project) -> None:
    """The unsound project is not the sound one, nor is its mirror image."""
    assert list(differences(exported, MAX78002, made)) != []
    mirrored = dataclasses.replace(sound, sample=sound.sample[:, ::-1].copy())
    assert len(list(differences(mirrored, MAX78002, made))) == 2
