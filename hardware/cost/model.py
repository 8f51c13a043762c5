# SPDX-License-Identifier: Apache-2.0
"""The cost of a candidate on a chip: known before anything is trained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hardware.candidate import Candidate
from hardware.chips import Chip, chip_named
from hardware.cost.calibration import Calibration, CalibrationError
from hardware.cost.coefficients import ENERGY_NAMES, TIME_NAMES, Coefficients, Matrix, prior
from hardware.cost.energy import EnergyWork, bit_factor, energy_work_of, inference_uj
from hardware.cost.figure import Figure, Origin
from hardware.cost.latency import (
    inference_cycles,
    inference_us,
    input_us,
    preparation_us,
    softmax_us,
    time_terms,
    work_of,
)
from hardware.cost.load_words import InputFormat, KernelMap, kernel_map, weight_words
from hardware.cost.measured_cost import measured_cost, said_simulated
from hardware.cost.mode import Mode
from hardware.cost.priced import Comparison, Cost
from hardware.network import Network
from hardware.placement.limits import demands

__all__ = ["Comparison", "Cost", "CostModel", "Figure", "Mode", "Origin"]

TIME_SHARE = {Origin.ANALYTIC: 0.01, Origin.CALIBRATED: 0.005}
"""Standard deviation of a time beyond its coefficients', over the time. Source: residuals of the
measured networks of docs/cost-model.md."""
ENERGY_SHARE = {Origin.ANALYTIC: 0.07, Origin.CALIBRATED: 0.04}
"""The same of an energy. Source: the same; boards spread by +-3.8 % (AN7664)."""

_DECIDED_BY = (
    set(TIME_NAMES[:3]),
    set(TIME_NAMES[3:5]),
    set(TIME_NAMES[5:]),
    set(ENERGY_NAMES[:1]),
    set(ENERGY_NAMES[1:2]),
    set(ENERGY_NAMES[2:]),
)
"""Coefficients behind the times of inference, input, weights, and the energies of weights, input,
inference: a figure is calibrated where measurements determined any of them."""
_MOST_KEPT = 4096


@dataclass(frozen=True)
class _Parts:
    """What is the same for every choice of bits."""

    cycles: float
    time_us: float
    copy_us: float
    latency: Figure
    input: Figure
    inference: Figure
    preparation: Figure
    softmax: Figure
    energy_work: EnergyWork
    placed: KernelMap
    macs: int


@dataclass(frozen=True)
class CostModel:
    """Prices networks on one chip in one mode.

    Raises:
        ModeError: where a calibration is of another mode than the one asked for.
        CalibrationError: where it is of another chip.

    Attributes:
        chip: The chip, in its default mode or its calibration's; or a mode.
        calibration: Coefficients and candidates that were measured.
        input_format: How an input lies in words; by its channels where not given.
    """

    chip: Chip | Mode
    calibration: Calibration | None = None
    input_format: InputFormat | None = None
    mode: Mode = field(init=False)
    coefficients: Coefficients = field(init=False, repr=False)
    _chip: Chip = field(init=False, repr=False)
    _origins: tuple[Origin, ...] = field(init=False, repr=False)
    _kept: dict[Network, _Parts] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        asked = self.chip if isinstance(self.chip, Mode) else Mode.default(self.chip)
        mode, coefficients = asked, None
        if self.calibration is not None:
            mode, coefficients = self.calibration.mode, self.calibration.coefficients
            if mode.chip != asked.chip:
                raise CalibrationError(
                    f"the calibration is of the {mode.chip} but costs are asked for the"
                    f" {asked.chip}; calibrate on that chip, or leave the calibration out"
                )
            if isinstance(self.chip, Mode):
                mode.check_same(asked, "calibration and the mode asked for")
        object.__setattr__(self, "mode", mode)
        object.__setattr__(self, "coefficients", coefficients or prior(mode))
        object.__setattr__(self, "_chip", chip_named(mode.chip))
        fitted = self.calibration.fitted if self.calibration is not None else frozenset()
        origins = [
            Origin.CALIBRATED if names & fitted else Origin.ANALYTIC for names in _DECIDED_BY
        ]
        object.__setattr__(self, "_origins", tuple(origins))

    def cost(self, network: Network, bits: Sequence[int]) -> Cost:
        """Prices a network with these weight bits, whether it fits or not.

        Raises:
            NetworkError: where the bits are not the network's.
        """
        weight_bytes = network.weight_bytes(bits)
        parts = self._kept.get(network)
        if parts is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            parts = self._kept[network] = self._parts_of(network)
        words = weight_words(network, bits, parts.placed)
        load_us = self._weight_load(words)
        load_uj, copy_uj, compute_uj, both_uj = self._energies(parts, bits, load_us.value)
        priced = Cost(
            mode=self.mode,
            latency_us=parts.latency,
            input_us=parts.input,
            inference_us=parts.inference,
            energy_uj=both_uj,
            input_uj=copy_uj,
            inference_uj=compute_uj,
            weight_load_us=load_us,
            weight_load_uj=load_uj,
            preparation_us=parts.preparation,
            softmax_us=parts.softmax,
            size_bytes=Figure.exact(weight_bytes + network.bias_bytes),
            weight_bytes=weight_bytes,
            weight_words=words,
            macs=parts.macs,
            demands=tuple(demands(network, bits, self._chip)),
        )
        if self.calibration is None:
            return priced
        candidate = Candidate(network.input_shape[1], tuple(bits))
        found = measured_cost(priced, self.calibration, candidate)
        return said_simulated(found) if self.calibration.simulated else found

    def _parts_of(self, network: Network) -> _Parts:
        work = work_of(network, self.input_format)
        time_us = inference_us(work, self.coefficients, self.mode)
        copy_us = input_us(work, self.coefficients, self.mode)
        computing, copying = time_terms(work, self.mode)
        both = [one + two for one, two in zip(computing, copying, strict=True)]
        computed, copied = self._origins[:2]
        core = (preparation_us(network), softmax_us(network))
        return _Parts(
            cycles=inference_cycles(work, self.coefficients),
            time_us=time_us,
            copy_us=copy_us,
            latency=self._time(time_us + copy_us, both, computed),
            input=self._time(copy_us, copying, copied),
            inference=self._time(time_us, computing, computed),
            preparation=Figure.around(core[0], 0.05 * core[0], Origin.ANALYTIC),
            softmax=Figure.around(core[1], 0.1 * core[1], Origin.ANALYTIC),
            energy_work=energy_work_of(network),
            placed=kernel_map(network, self._chip, self.input_format),
            macs=network.macs,
        )

    def _weight_load(self, words: int) -> Figure:
        terms = (0.0, 0.0, 0.0, 0.0, 0.0, float(words))
        value = self.coefficients.weight_word_us * words
        return self._time(value, terms, self._origins[2])

    def _time(self, value: float, terms: Sequence[float], origin: Origin) -> Figure:
        spread = _variance(terms, self.coefficients.time_covariance)
        return Figure.around(value, math.sqrt(spread + (TIME_SHARE[origin] * value) ** 2), origin)

    def _energies(
        self, parts: _Parts, bits: Sequence[int], load_us: float
    ) -> tuple[Figure, Figure, Figure, Figure]:
        """Energies of loading weights, copying an input, computing it, and the last two."""
        numbers = self.coefficients
        factor = bit_factor(parts.energy_work, bits)
        computing = inference_uj(parts.energy_work, numbers, parts.cycles, parts.time_us, factor)
        copying = numbers.input_power_mw * parts.copy_us / 1e3
        load_ms, copy_ms = load_us / 1e3, parts.copy_us / 1e3
        cycles, operations = (
            factor * parts.cycles / 1e3,
            factor * parts.energy_work.operations / 1e6,
        )
        weights, inputs, computed = self._origins[3:]
        return (
            self._energy(numbers.weight_power_mw * load_ms, (load_ms, 0.0, 0.0, 0.0), weights),
            self._energy(copying, (0.0, copy_ms, 0.0, 0.0), inputs),
            self._energy(computing, (0.0, 0.0, cycles, operations), computed),
            self._energy(copying + computing, (0.0, copy_ms, cycles, operations), computed),
        )

    def _energy(self, value: float, terms: Sequence[float], origin: Origin) -> Figure:
        spread = _variance(terms, self.coefficients.energy_covariance)
        return Figure.around(value, math.sqrt(spread + (ENERGY_SHARE[origin] * value) ** 2), origin)


def _variance(terms: Sequence[float], covariance: Matrix) -> float:
    """X' C x, skipping terms of zero."""
    used = [(index, term) for index, term in enumerate(terms) if term]
    return sum(one * two * covariance[i][j] for i, one in used for j, two in used)
