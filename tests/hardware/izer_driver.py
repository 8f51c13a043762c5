# SPDX-License-Identifier: Apache-2.0
"""Runs the izer on project folders, in the izer's own interpreter (its NumPy is older than ours).

usage: izer_driver.py CHECKOUT

Reads folders from standard input, a line each, and answers each with the izer's exit code. A folder
holds what the izer reads, and arguments.json. Its project, console.txt and layers.npz (each layer's
output in its simulation, by place) are written beside them. The izer keeps its settings in module
variables, so every project gets a process of its own; forking saves the imports.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch

SIMULATED = ("conv1d_layer", "conv2d_layer", "convtranspose2d_layer", "passthrough_layer")


def record_outputs() -> dict[str, Any]:
    """Has every simulated layer leave its output in the dictionary returned."""
    backend = importlib.import_module("izer.backend.max7800x")
    simulate = importlib.import_module("izer.simulate")
    outputs: dict[str, Any] = {}

    def recorded(compute: Any) -> Any:
        def inner(layer: int, *arguments: Any, **named: Any) -> Any:
            found = compute(layer, *arguments, **named)
            outputs[str(layer)] = np.array(found[0]).reshape(found[1])
            return found

        return inner

    for name in SIMULATED:
        setattr(backend, name, recorded(getattr(simulate, name)))
    return outputs


def run_izer(folder: Path) -> None:
    from izer import izer  # type: ignore[import-not-found]

    outputs = record_outputs()
    os.chdir(folder)
    (folder / "assets").symlink_to(Path(sys.path[0]) / "assets")
    sys.argv = ["ai8xize.py", *json.loads((folder / "arguments.json").read_text())]
    try:
        izer.main()
    finally:
        np.savez(folder / "layers.npz", **outputs)


def run_apart(folder: Path) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        console = os.open(folder / "console.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(console, 1)
        os.dup2(console, 2)
        run_izer(folder)
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    checkout = sys.argv[1]
    os.chdir(checkout)  # it reads assets as it is imported
    sys.path.insert(0, checkout)
    torch.set_num_threads(1)
    importlib.import_module("izer.izer")
    importlib.import_module("izer.backend.max7800x")
    for line in sys.stdin:
        sys.stdout.write(f"{run_apart(Path(line.strip()))}\n")
        sys.stdout.flush()


main()
