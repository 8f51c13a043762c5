# SPDX-License-Identifier: Apache-2.0
"""Exported picks measured on a board, one by one; one that fails does not stop the rest."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardware.board.board import Board
from hardware.board.firmware import FirmwareError, build_host
from hardware.board.flash import (
    build,
    find_compiler,
    find_openocd,
    find_sdk,
    flash,
    izer_checkout,
)
from hardware.board.harness import SUFFIX, project_checksum
from hardware.board.input_words import pack_inputs
from hardware.board.link import LinkError, open_link
from hardware.board.measure import Measured, Wanted, accuracy_of, measure_project
from hardware.board.ports import Device, find_port, ports
from hardware.board.power_monitor import PowerMonitor, open_power_monitor
from hardware.board.rows import RowFile
from hardware.board.simulated import SimulatedBoard
from hardware.board.simulated_power import PowerMonitorTwin, simulated_powers
from hardware.candidate import Candidate
from hardware.chips import Chip, chip_named
from hardware.cost.mode import Mode
from hardware.izer.project import Variant
from mpqsearch.errors import StudyError
from mpqsearch.export.export import Exported
from mpqsearch.export.firmware import check_build, firmware_folder
from mpqsearch.export.manifest import BoardFirmware, changed_files
from mpqsearch.exported_network import exported_integers, simulated_project
from mpqsearch.opened_study import OpenedStudy


@dataclass(frozen=True)
class Request:
    """How picks are measured.

    Attributes:
        simulated: Whether no board is asked: the host port is.
        port: The board's console; None: the one that is plugged in.
        power_port: The power monitor; None: the one that is plugged in.
        power: Whether energies are measured.
        flash: Whether the board is built for and flashed before.
        adapter: Serial number of the debugger, where several are plugged in.
        voltage_v: Voltage of the accelerator's rail.
        window_us: How long each window is repeated.
        samples: Most inputs of the validation split that are classified on the board.
        allow_code: Whether firmware from elsewhere may be built, now and until it changes.
    """

    simulated: bool
    port: str | None
    power_port: str | None
    power: bool
    flash: bool
    adapter: str | None
    voltage_v: float
    window_us: int
    samples: int
    allow_code: bool = False


@dataclass(frozen=True)
class MeasuredPick:
    """What became of one pick.

    Attributes:
        exported: The pick.
        chip: On which chip.
        measured: What the board gave; None where it failed.
        accuracy: Share of inputs the board classified rightly; None where none were sent.
        expected: The same of the integer reference on the same inputs.
        samples: How many inputs were sent.
        failure: Why it failed; empty where it did not.
    """

    exported: Exported
    chip: str
    measured: Measured | None
    accuracy: float | None = None
    expected: float | None = None
    samples: int = 0
    failure: str = ""


def measure_picks(
    exported: Sequence[Exported],
    chip: Chip,
    request: Request,
    rows: RowFile,
    *,
    opened: OpenedStudy | None,
    say: Callable[[str], None],
) -> Iterator[MeasuredPick]:
    """Measures picks; gives each as soon as it is done, or as it failed.

    Args:
        exported: The picks.
        chip: On which chip.
        request: How.
        rows: Where every row goes as soon as it is there.
        opened: Their study, whose validation inputs are classified; None: none are.
        say: Told what is done next, a line each.

    Raises:
        RowsError: where a row cannot be written: nothing after it could be kept.
    """
    with tempfile.TemporaryDirectory(prefix="mpqsearch-host-") as folder:
        program = build_host(Path(folder)) if request.simulated else None
        for number, one in enumerate(exported, 1):
            say(f"measuring {one.manifest.name}, {number} of {len(exported)}")
            try:
                yield _Measuring(one, chip, request, program).pick(rows, opened)
            except (LinkError, FirmwareError, ValueError) as error:
                say(f"{one.manifest.name}: {error}")
                yield MeasuredPick(one, chip.name, None, failure=str(error))


class _Measuring:
    """One pick on the board."""

    def __init__(
        self, exported: Exported, chip: Chip, request: Request, program: Path | None
    ) -> None:
        self._exported, self._chip, self._request = exported, chip, request
        self._program = program
        self._firmware = _firmware_of(exported, chip)
        name = self._firmware.folder.removesuffix(SUFFIX) + Variant.ENERGY.suffix
        self._energy = exported.folder / name
        self._check_unchanged()

    def _check_unchanged(self) -> None:
        changed = changed_files(self._exported.folder, self._exported.manifest)
        if changed or project_checksum(self._energy) != self._firmware.checksum:
            raise StudyError(
                f"{self._exported.folder} has changed since it was exported"
                f" ({', '.join(changed[:1])}); export it again with --overwrite"
            )

    def pick(self, rows: RowFile, opened: OpenedStudy | None) -> MeasuredPick:
        """Times and energies, and the accuracy on real inputs."""
        manifest, request = self._exported.manifest, self._request
        wanted = Wanted(
            candidate=Candidate.parse(manifest.input_length, manifest.held_bits),
            known_answer=manifest.known_answer,
            voltage_v=request.voltage_v,
            window_us=request.window_us,
        )
        if request.flash and not request.simulated:
            elf = build(firmware_folder(self._exported.folder, self._firmware), self._chip)
            flash(elf, self._chip, find_openocd(izer_checkout()), request.adapter)
        with self._board() as (board, monitor):
            measured = measure_project(board, wanted, rows, monitor)
            found = MeasuredPick(self._exported, self._chip.name, measured)
            if opened is None or not request.samples:
                return found
            return self._classified(found, board, opened)

    def _classified(self, found: MeasuredPick, board: Board, opened: OpenedStudy) -> MeasuredPick:
        """Adds the accuracy of the board, and of the integer reference, on the same inputs."""
        length = self._exported.manifest.input_length
        split, network = opened.validation(length), opened.network(length)
        count = min(self._request.samples, len(split.labels))
        if not count:
            return found
        inputs, labels = split.inputs[:count], split.labels[:count].tolist()
        integers = exported_integers(self._exported.folder, network.input_shape)
        expected = integers.logits(inputs).argmax(axis=1).tolist()
        classes = board.classify(pack_inputs(inputs, network))
        return dataclasses.replace(
            found,
            accuracy=accuracy_of(classes, labels),
            expected=accuracy_of(expected, labels),
            samples=count,
        )

    @contextlib.contextmanager
    def _board(self) -> Iterator[tuple[Board, PowerMonitor | None]]:
        with contextlib.ExitStack() as stack:
            port, power_port = self._ports(stack)
            link = stack.enter_context(open_link(port))
            board = Board(link, self._firmware.checksum)
            monitor = None
            if power_port is not None:
                monitor = stack.enter_context(open_power_monitor(power_port))
            yield board, monitor

    def _ports(self, stack: contextlib.ExitStack) -> tuple[str, str | None]:
        request = self._request
        if self._program is not None:
            project = simulated_project(
                self._exported.folder,
                self._exported.manifest,
                self._chip,
                self._energy,
                request.voltage_v,
            )
            board = stack.enter_context(SimulatedBoard(self._program, project))
            twin = stack.enter_context(PowerMonitorTwin(simulated_powers(project.cost)))
            board.triggered = twin.triggered
            return board.port, twin.port if request.power else None
        return _found_ports(request)


def check_request(
    exported: Sequence[Exported], chip: Chip, request: Request, opened: OpenedStudy | None
) -> None:
    """Finds what no pick could be measured without, before anything is built or written.

    Raises:
        StudyError: where no pick has firmware for the chip, one is of another study or data, or was
            not allowed to be built.
        ModeError: where the chip has no such voltage.
        FirmwareError: where a tool is missing.
        LinkError: where no board is there.
    """
    dataclasses.replace(Mode.default(chip), voltage_v=request.voltage_v)
    if not any(one.chip == chip.name for pick in exported for one in pick.manifest.firmware):
        _firmware_of(exported[0], chip)
    if opened is not None and request.samples:
        _check_same_data(exported, opened)
    if request.simulated:
        return
    if request.flash:
        for one in exported:
            check_build(one.folder, allow=request.allow_code)
        find_sdk()
        find_compiler()
        find_openocd(izer_checkout())
    _found_ports(request)


def _check_same_data(exported: Sequence[Exported], opened: OpenedStudy) -> None:
    digest = opened.data.digest()
    for one in exported:
        if (one.manifest.study, one.manifest.data_sha256) != (opened.name, digest):
            raise StudyError(
                f"{one.folder} was exported from study {one.manifest.study} and other data than"
                f" study {opened.name} has; leave out --study, or --samples 0"
            )


def _found_ports(request: Request) -> tuple[str, str | None]:
    """The board's console, and its power monitor's port where energies are measured."""
    found = ports()
    port = request.port or find_port(Device.CONSOLE, found).name
    if not request.power:
        return port, None
    return port, request.power_port or find_port(Device.POWER_MONITOR, found).name


def _firmware_of(exported: Exported, chip: Chip) -> BoardFirmware:
    manifest = exported.manifest
    for one in manifest.firmware:
        if one.chip == chip.name and not one.left_out:
            return one
        if one.chip == chip.name:
            raise StudyError(f"{manifest.name} has no firmware: {one.left_out}")
    raise StudyError(
        f"{manifest.name} has no firmware for the {chip.name}; export it again with --overwrite,"
        " where ai8x-synthesis is installed"
    )


def chip_of(exported: Sequence[Exported], named: str | None) -> Chip:
    """The chip to measure on: the one named, or the only one exported for.

    Raises:
        StudyError: where several are, and none is named.
    """
    if named is not None:
        return chip_named(named)
    found = sorted({cost.chip for one in exported for cost in one.manifest.costs})
    if len(found) != 1:
        raise StudyError(f"exported for {' and '.join(found)}; say with --chip which one is there")
    return chip_named(found[0])
