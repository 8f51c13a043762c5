# SPDX-License-Identifier: Apache-2.0
"""The keys of a study file, with their types, ranges and defaults."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_SEED = (1 << 32) - 1
MOST_TRIALS = 1_000_000
STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SamplerName = Literal["nsga2", "cost-aware", "tpe", "gp", "random", "exhaustive"]
"""Samplers of the command line; `samplers/factory.py` makes them."""

BaselineName = Literal["uniform", "memory-driven", "hawq", "entropy", "forgiving"]
"""Baselines of the command line; `baselines/factory.py` makes them."""


class SpaceSection(BaseModel):
    """`space:` of a study file."""

    model_config = STRICT
    input_length: list[int] = Field(min_length=1, description="input lengths to choose from")
    bits: list[int] = Field(
        default=[8, 4, 2], min_length=1, description="weight bits every layer chooses from"
    )
    layers: dict[str, list[int]] = Field(
        default={}, description="other weight bits for single layers, by name"
    )


class SearchSection(BaseModel):
    """`search:` of a study file."""

    model_config = STRICT
    trials: int = Field(
        default=60, ge=1, le=MOST_TRIALS, description="candidates to evaluate in all, a total"
    )
    sampler: SamplerName = Field(default="nsga2", description="who proposes candidates")
    warm_start: list[BaselineName] = Field(
        default=[],
        description="baselines that propose the first candidates, a third of them at most",
    )
    population: int = Field(default=20, ge=2, le=10_000, description="population of NSGA-II")
    batch: int = Field(default=10, ge=1, le=10_000, description="candidates proposed per round")


class PruningSection(BaseModel):
    """`pruning:` of a study file."""

    model_config = STRICT
    rule: Literal["safe", "ranking", "none"] = Field(
        default="safe",
        description="which trainings are stopped early: those that cannot enter the front any more"
        " (safe), all but the best share (ranking), or none",
    )
    rungs: list[float] = Field(
        default=[0.0, 0.05, 0.2, 0.5],
        min_length=1,
        description="shares of the QAT steps at which it is looked, besides 0, before the first,"
        " and each epoch's end",
    )
    keep: float = Field(
        default=1 / 3, gt=0, le=1, description="share that goes on at each rung (ranking only)"
    )
    tolerance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="accuracy by which a candidate must beat those that cost no more, to be worth"
        " its training (safe only)",
    )
    floor: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="accuracy below which a training is stopped; a tenth of the way from guessing"
        " to no error when not given",
    )


class StudyFile(BaseModel):
    """A study file, as written."""

    model_config = STRICT
    task: str = Field(description="indoor, digits, or path/to/file.py:ClassName")
    chip: str = Field(default="MAX78002", description="MAX78000 or MAX78002")
    calibration: str | None = Field(
        default=None, description="calibration file, from this file's folder"
    )
    seed: int = Field(
        default=42, ge=0, le=LARGEST_SEED, description="of the trainings and the sampler"
    )
    seeds: int = Field(
        default=1, ge=1, le=100, description="trainings of each candidate: seed, seed + 1, ..."
    )
    racing: bool = Field(
        default=False,
        description="further seeds only for candidates that may be on the front",
    )
    data: dict[str, Any] = Field(default={}, description="settings of the task's data")
    recipe: dict[str, Any] = Field(default={}, description="settings of the training")
    fidelity: dict[str, Any] = Field(default={}, description="a share of the full training")
    space: SpaceSection
    search: SearchSection = SearchSection()
    pruning: PruningSection = PruningSection()
