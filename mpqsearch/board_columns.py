# SPDX-License-Identifier: Apache-2.0
"""The columns of a front's table that hold what a board gave, and what they rest on."""

from collections.abc import Sequence

from mpqsearch.board_figures import in_mode
from mpqsearch.trials import TrialRecord


class BoardColumns:
    """Two columns beside the predictions of one mode; none where nothing was measured in it.

    Args:
        records: What the table shows.
        mode: What the table's predictions are of, in words.
    """

    def __init__(self, records: Sequence[TrialRecord], mode: str) -> None:
        self._records, self._mode = records, mode
        shown = [(one, in_mode(one.board, mode)) for one in records]
        self._shown = {one.candidate: found for one, found in shown if found is not None}
        simulated = [found.simulated for found in self._shown.values()]
        self._all_simulated = all(simulated)
        self._any_simulated = any(simulated)

    @property
    def headings(self) -> tuple[str, ...]:
        """What stands above them."""
        who = "sim" if self._all_simulated else "board"
        return (f"{who} us", f"{who} uJ") if self._shown else ()

    def cells(self, record: TrialRecord) -> tuple[str, ...]:
        """A record's; simulated ones are marked where the heading does not say it."""
        if not self._shown:
            return ()
        found = self._shown.get(record.candidate)
        if found is None:
            return "-", "-"
        mark = "sim " if found.simulated and not self._all_simulated else ""
        energy = found.board_energy_uj
        return (
            f"{mark}{found.board_latency_us:.1f}",
            "-" if energy is None else f"{mark}{energy:.2f}",
        )

    def notes(self) -> list[str]:
        """What the table does not say by itself, a line each."""
        notes = ["sim: simulated, no board took part."] if self._any_simulated else []
        held = [
            (candidate, found.held_bits)
            for candidate, found in self._shown.items()
            if found.held_bits != candidate.bits_text
        ]
        for candidate, bits in held[:1]:
            others = f", and {len(held) - 1} others likewise" if held[1:] else ""
            notes.append(
                f"{candidate} is written as {bits} on the chip{others}: the function is the same,"
                " what was measured is of the wider weights"
            )
        modes = {figures.mode for one in self._records for figures in one.board} - {self._mode}
        if modes:
            notes.append(f"measured in another mode, see --json: {'; '.join(sorted(modes))}")
        return notes
