# SPDX-License-Identifier: Apache-2.0
"""What a report rests on: data, settings, versions, and how to compute it again."""

import dataclasses
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

import mpqsearch
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ANALYTIC
from mpqsearch.trials import Outcome

ORIGINS = {
    ANALYTIC: "analytic estimates of the cost model, marked ~",
    "calibrated": "the cost model, calibrated with measurements",
    "measured": "measured on a board",
}


@dataclass(frozen=True)
class Fact:
    """One thing a report rests on.

    Attributes:
        what: In a word or two.
        text: What it is.
    """

    what: str
    text: str


def facts_of(contents: Contents) -> list[Fact]:
    """Data, costs, search, versions: what is known of them."""
    about, kept = contents.about, contents.environment
    origins = sorted({record.cost_origin for record in contents.records})
    facts = [
        Fact("data", f"{'SYNTHETIC: ' if about.synthetic else ''}{about.source}"),
        Fact("splits", f"SHA-256 {kept['data']}" if "data" in kept else ""),
        Fact("costs", f"{about.mode}; one input copied and computed, weights loaded"),
        Fact("their origin", "; ".join(ORIGINS.get(origin, origin) for origin in origins)),
        Fact("bits", f"{'-'.join(about.layer_names)}, in this order"),
        *_settings(contents),
        Fact("time", _time_text(contents)),
        Fact("mpqsearch", str(kept.get("commit") or "")),
        Fact("versions", _versions(kept.get("versions"))),
        Fact("machine", _machine(contents)),
        Fact(
            "report", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, mpqsearch {mpqsearch.__version__}"
        ),
    ]
    return [fact for fact in facts if fact.text]


def _settings(contents: Contents) -> list[Fact]:
    spec = contents.spec
    if spec is None:
        return [Fact("settings", f"cannot be read: {contents.spec_problem}")]
    search, pruning = spec.search, spec.pruning
    recipe = dataclasses.asdict(spec.trained_recipe)
    return [
        Fact("task", spec.task_name),
        Fact("lengths", ", ".join(map(str, spec.space.input_lengths))),
        Fact(
            "search", f"{search.sampler}, {search.trials:,} candidates, batches of {search.batch}"
        ),
        Fact(
            "early stopping", f"{pruning.rule}, rungs {', '.join(f'{r:g}' for r in pruning.rungs)}"
        ),
        Fact("seeds", ", ".join(map(str, spec.seed_list)) + (", raced" if spec.racing else "")),
        Fact("recipe", ", ".join(f"{name} {value}" for name, value in recipe.items())),
    ]


def _time_text(contents: Contents) -> str:
    spent = sum(record.train_seconds for record in contents.records)
    saved = sum(record.saved_seconds for record in contents.of(Outcome.PRUNED))
    said = f"{spent:,.1f} s of trainings"
    return f"{said}; stopping early saved about {saved:,.1f} s" if saved else said


def _versions(found: object) -> str:
    if not isinstance(found, dict):
        return ""
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _machine(contents: Contents) -> str:
    kept = contents.environment
    if "platform" not in kept:
        return ""
    return f"{kept['platform']}, {kept.get('cores', 'unknown')} cores"


def reproduce_command(contents: Contents) -> str:
    """Runs the same study anew from the study file the page holds."""
    name = contents.about.study
    return f"mpqsearch run --study {shlex.quote(f'{name}.yaml')}"
