# SPDX-License-Identifier: Apache-2.0
"""What `mpqsearch cost` prices: a study's candidate, an ai8x network, or layer shapes."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardware.candidate import Candidate
from hardware.chips import Chip, chip_named
from hardware.cost.calibration import Calibration
from hardware.cost.load_words import InputFormat
from hardware.cost.mode import CLOCKS_HZ, UNPIPELINED_HZ, ClockSource, Mode, ModeError
from hardware.izer.checkpoint import read_weight_shapes
from hardware.izer.network_yaml import read_network_yaml
from hardware.layer_text import parse_layers
from hardware.network import Network
from mpqsearch.errors import StudyError
from mpqsearch.study_file import find_study_file, read_study


@dataclass(frozen=True)
class Request:
    """A network to price.

    Attributes:
        title: What it is, in a few words.
        network: Its layers.
        bits: One weight width a layer.
        chip: What it is priced for.
        network_at: Gives the same network for another input length, where there is a choice.
        calibration: The study's, where it names one.
        input_format: How the input lies in words, where a network file says so.
    """

    title: str
    network: Network
    bits: tuple[int, ...]
    chip: Chip
    network_at: Callable[[int], Network] | None = None
    calibration: Calibration | None = None
    input_format: InputFormat | None = None


def resolve_request(
    *,
    study: str | None = None,
    length: int | None = None,
    network: Path | None = None,
    checkpoint: Path | None = None,
    input_shape: str | None = None,
    layers: str | None = None,
    bits: str | None = None,
    chip: str | None = None,
    allow_code: bool = False,
) -> Request:
    """Works out what is to be priced from the options of `mpqsearch cost`.

    Args:
        study: A study's name or file, whose candidate is priced,
        length: the candidate's input length; the full one without it.
        network: An ai8x network file instead,
        checkpoint: its checkpoint,
        input_shape: and the shape of its input, like 3x32x32.
        layers: Layer shapes instead, in a line.
        bits: Bits of each layer, like 8-8-2-4.
        chip: Part name.
        allow_code: Whether the Python file of a study's own task may run.

    Raises:
        StudyError: where the options do not name one network.
        NetworkError: where the network cannot be read or contradicts itself.
    """
    given = [
        name
        for name, value in (("--study", study), ("--network", network), ("--layers", layers))
        if value is not None
    ]
    if len(given) != 1:
        raise StudyError(
            "name what to price with one of --study, --network and --layers but"
            f" {' and '.join(given) or 'none'} was given"
        )
    if network is None and (checkpoint is not None or input_shape is not None):
        raise StudyError("--checkpoint and --input go with --network")
    if study is None and length is not None:
        raise StudyError("--length goes with --study")
    named = None if chip is None else chip_named(chip)
    if study is not None:
        return _candidate(study, length, bits, named, allow_code=allow_code)
    if network is not None:
        return _ai8x(network, checkpoint, input_shape, bits, named)
    text = layers or ""
    described = parse_layers(text)
    widths = _widths(described, bits or "-".join("8" for _ in described.layers))
    same_sides = len(set(described.input_shape[1:])) == 1
    return Request(
        "layers",
        described,
        widths,
        named or chip_named("MAX78002"),
        functools.partial(_at_length, text) if same_sides else None,
    )


def _at_length(text: str, length: int) -> Network:
    """The network of a line of layers at another input length along every axis."""
    shape, _, rest = text.partition(":")
    channels, *sizes = shape.split("x")
    return parse_layers("x".join([channels, *(str(length) for _ in sizes)]) + ":" + rest)


def _candidate(
    study: str, length: int | None, bits: str | None, chip: Chip | None, *, allow_code: bool
) -> Request:
    if bits is None:
        raise StudyError("--study needs --bits, one width a layer like 8-8-2-4")
    spec = read_study(find_study_file(study), allow_code=allow_code)
    candidate = Candidate.parse(spec.task.full_length if length is None else length, bits)
    return Request(
        f"study {spec.name}, {candidate}",
        spec.task.checked_network(candidate.input_length),
        candidate.bits,
        chip or spec.chip,
        spec.task.checked_network,
        spec.calibration if chip in (None, spec.chip) else None,
    )


def _ai8x(
    network: Path,
    checkpoint: Path | None,
    input_shape: str | None,
    bits: str | None,
    chip: Chip | None,
) -> Request:
    if checkpoint is None or input_shape is None:
        raise StudyError(
            "--network needs --checkpoint, whose weights give the channels, and --input, like"
            " 3x32x32 or 128x128"
        )
    sizes = input_shape.split("x")
    if not 2 <= len(sizes) <= 3 or not all(size.isascii() and size.isdigit() for size in sizes):
        raise StudyError(f"--input must be written like 3x32x32 or 128x128 but is {input_shape!r}")
    shapes = read_weight_shapes(checkpoint)
    found = read_network_yaml(network, shapes, tuple(map(int, sizes)))
    widths = found.bits if bits is None else _widths(found.network, bits)
    return Request(
        network.name,
        found.network,
        widths,
        chip or chip_named("MAX78002"),
        input_format=found.input_format,
    )


def resolve_mode(
    chip: Chip,
    *,
    clock: str | None = None,
    pipeline: bool | None = None,
    load_mhz: float | None = None,
    voltage: float | None = None,
) -> Mode:
    """A chip's default mode with what the options of `mpqsearch cost` change.

    Args:
        chip: Which chip.
        clock: Source and divider of the accelerator's clock, like `IPO/2`; its load clock follows.
        pipeline: Whether it is on; where not given, on where the clock needs it.
        load_mhz: Clock while weights load.
        voltage: Voltage of the accelerator's rail.

    Raises:
        ModeError: where the chip has no such mode.
    """
    mode = Mode.default(chip)
    changes: dict[str, Any] = {}
    if clock is not None:
        source, _, divider = clock.upper().partition("/")
        if source not in ClockSource.__members__ or not (divider or "1").isdecimal():
            known = ", ".join(ClockSource.__members__)
            raise ModeError(
                f"clock must be one of {known}, with a divider like IPO/2, but is {clock!r}"
            )
        changes["clock_source"] = ClockSource[source]
        changes["divider"] = int(divider or "1")
        if (source, divider or "1") != (mode.clock_source.value, "1"):
            full = CLOCKS_HZ[chip.name].get(ClockSource[source], 0) / 1e6
            changes["load_clock_mhz"] = full / changes["divider"]
            if chip.name == "MAX78002":
                changes["pipeline"] = changes["load_clock_mhz"] * 1e6 > UNPIPELINED_HZ
    if pipeline is not None:
        changes["pipeline"] = pipeline
    if load_mhz is not None:
        changes["load_clock_mhz"] = load_mhz
    if voltage is not None:
        changes["voltage_v"] = voltage
    return dataclasses.replace(mode, **changes)


def _widths(network: Network, bits: str) -> tuple[int, ...]:
    """Bits as written; checked against the network."""
    widths = Candidate.parse(1, bits).bits
    network.check_bits(widths)
    return widths
