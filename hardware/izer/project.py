# SPDX-License-Identifier: Apache-2.0
"""A network made ready for the izer: the files it reads, and the commands that run it."""

import enum
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.integer import IntegerNetwork
from hardware.izer.checkpoint_writer import write_checkpoint
from hardware.izer.yaml_writer import network_yaml, one_line
from hardware.placement.plan import LayerPlace, place

CHECKPOINT = "checkpoint.pth.tar"
NETWORK = "network.yaml"
SAMPLE = "sample.npy"
KNOWN_ANSWER = "known_answer.npy"
SCRIPT = "synthesize.sh"
ANSWER = "answer.npy"
"""What the izer's simulator gave, in the folder of each of its projects."""


class Variant(enum.Enum):
    """The two programs the izer writes of one network."""

    LATENCY = "latency"
    ENERGY = "energy"

    @property
    def suffix(self) -> str:
        """What its project's name ends with."""
        return "" if self is Variant.LATENCY else "-energy"


@dataclass(frozen=True)
class Project:
    """What the izer is given of one network.

    Attributes:
        name: Name of its projects: the input length and the bits, `91-4-8-2-4`.
        arch: The architecture's name in YAML and checkpoint.
        about: One line on what it is, for people.
        integers: What the chip will hold, at the widths at which it is held.
        sample: The sample input, int8 of the network's input shape.
    """

    name: str
    arch: str
    about: str
    integers: IntegerNetwork
    sample: NDArray[np.int8]

    def places(self, chip: Chip) -> tuple[LayerPlace, ...]:
        """Where everything lies on a chip.

        Raises:
            DoesNotFit: where it does not.
        """
        return place(self.integers.network, self.integers.bits, chip)

    def outputs(self) -> list[NDArray[np.int64]]:
        """Every layer's output for the sample, by our integer reference, (channels, ...)."""
        return [values[0] for values in self.integers.layer_outputs(self.sample[np.newaxis])]

    def arguments(self, chip: Chip, variant: Variant, *, max_speed: bool = False) -> list[str]:
        """The izer's arguments, paths relative to the folder that `write_inputs` filled.

        Args:
            chip: For which chip.
            variant: Which program.
            max_speed: Whether weights and inputs load at the full clock (MAX78002 only).
        """
        found = ["--device", chip.name, "--test-dir", chip.name]
        found += ["--prefix", self.name + variant.suffix]
        found += ["--checkpoint-file", CHECKPOINT, "--config-file", NETWORK]
        found += ["--sample-input", SAMPLE, "--sample-numpy-filename", ANSWER]
        # The core spins instead of sleeping, so that it cannot miss its waking; and equal weights
        # of two layers lie apart, as they are counted.
        found += ["--no-wfi", "--softmax", "--no-deduplicate-weights"]
        found += ["--energy"] if variant is Variant.ENERGY else []
        found += ["--max-speed"] if max_speed and chip.name == "MAX78002" else []
        return [*found, "--no-version-check", "--yamllint", "none", "--no-progress"]


def arch_name(study: str) -> str:
    """A study's name as a name of an architecture: letters, digits and underscores.

    Not `test`, for which the izer would make up weights. **Source:** `izer/izer.py`.
    """
    name = re.sub(r"\W", "_", study, flags=re.ASCII)
    return f"net_{name}" if name in {"", "test"} else name


def write_inputs(
    folder: Path, project: Project, chips: tuple[Chip, ...], *, max_speed: bool = False
) -> None:
    """Writes the izer's inputs, the known answer, and a script that runs it, into a folder.

    Args:
        folder: An existing folder.
        project: What to write.
        chips: The chips the script synthesizes for; the network must fit all of them. Maps and
            offsets of data do not depend on the chip.
        max_speed: Whether weights and inputs load at the full clock (MAX78002 only).

    Raises:
        DoesNotFit: where it does not fit one of them; nothing is written then.
    """
    places = [project.places(chip) for chip in chips]
    write_files(folder, project, places[0])
    np.save(folder / KNOWN_ANSWER, project.outputs()[-1].ravel(), allow_pickle=False)
    script = folder / SCRIPT
    script.write_text(_script(project, chips, max_speed=max_speed), encoding="utf-8")
    script.chmod(0o755)


def write_files(folder: Path, project: Project, places: Sequence[LayerPlace]) -> None:
    """Writes what the izer reads: network YAML, checkpoint and sample input."""
    integers = project.integers
    text = network_yaml(integers.network, integers.bits, places, project.arch, project.about)
    (folder / NETWORK).write_text(text, encoding="utf-8")
    write_checkpoint(folder / CHECKPOINT, integers, project.arch)
    # a vector is an image of one pixel to the izer
    shape = project.sample.shape if project.sample.ndim > 1 else (*project.sample.shape, 1, 1)
    np.save(folder / SAMPLE, project.sample.astype(np.int64).reshape(shape), allow_pickle=False)


def _script(project: Project, chips: tuple[Chip, ...], *, max_speed: bool) -> str:
    runs = [
        f"synthesize {chip.name} {shlex.quote(project.name + variant.suffix)}"
        f" {shlex.join(project.arguments(chip, variant, max_speed=max_speed))}"
        for chip in chips
        for variant in Variant
    ]
    return _SCRIPT.replace("@RUNS@", "\n".join(runs)).replace("@ABOUT@", one_line(project.about))


_SCRIPT = """\
#!/bin/sh
# @ABOUT@
# Writes the projects for the chip with ai8x-synthesis, over those that are here, and compares their
# known answers with known_answer.npy. Needs nothing of mpqsearch but, where AI8X_SYNTHESIS does not
# name a checkout, what `mpqsearch izer install` has installed.
set -eu
CDPATH=
here=$(cd "$(dirname "$0")" && pwd)
checkout=${AI8X_SYNTHESIS:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/mpqsearch/ai8x-synthesis}
if [ ! -f "$checkout/ai8xize.py" ]; then
    echo "no ai8x-synthesis in $checkout; set AI8X_SYNTHESIS to a checkout," >&2
    echo "or run: mpqsearch izer install" >&2
    exit 2
fi
checkout=$(cd "$checkout" && pwd)
python=
if [ -n "${AI8X_SYNTHESIS_PYTHON:-}" ]; then
    python=$(command -v "$AI8X_SYNTHESIS_PYTHON" || true)
    if [ ! -f "$python" ] || [ ! -x "$python" ]; then
        echo "AI8X_SYNTHESIS_PYTHON is $AI8X_SYNTHESIS_PYTHON, which is no program" >&2
        exit 2
    fi
    case $python in /*) ;; *) python=$(pwd)/$python ;; esac
else
    for one in "$checkout/venv/bin/python" "$checkout/.venv/bin/python" \\
        "$checkout/../venv/bin/python"; do
        if [ -f "$one" ] && [ -x "$one" ]; then python=$one; break; fi
    done
fi
if [ -z "$python" ]; then
    echo "no Python for ai8x-synthesis beside $checkout; set AI8X_SYNTHESIS_PYTHON to one" >&2
    exit 2
fi
cd "$here"
OMP_NUM_THREADS=1; export OMP_NUM_THREADS
# linked here, so that the files it writes name no folder of this machine
trap 'rm -f assets ai8xize.py' EXIT
trap 'exit 130' HUP INT TERM
ln -sfn "$checkout/assets" assets
ln -sfn "$checkout/ai8xize.py" ai8xize.py

# -E: what PYTHONPATH and the like name belongs to another Python
synthesize() {
    chip=$1 name=$2
    shift 2
    "$python" -E ai8xize.py "$@" --overwrite
    "$python" -E - "$chip/$name/answer.npy" known_answer.npy <<'END'
import sys
import numpy as np
found, wanted = (np.load(path).ravel() for path in sys.argv[1:])
if found.tolist() != wanted.tolist():
    sys.exit(f"{sys.argv[1]}: the known answer is {found.tolist()}, not {wanted.tolist()}")
print(f"{sys.argv[1]}: the known answer is as scored")
END
}

@RUNS@
"""
