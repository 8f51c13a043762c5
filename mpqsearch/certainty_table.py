# SPDX-License-Identifier: Apache-2.0
"""How certainty is printed: the front with its contenders, ties of picks, and targets."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from mpqsearch.certainty import Certainty, Member, Tie
from mpqsearch.conditions import Quantity, described, ranges
from mpqsearch.more_seeds import MOST_SEEDS
from mpqsearch.picks import Pick, choose
from mpqsearch.seed_noise import LEAST_DEGREES, Source
from mpqsearch.target import Meeting, TargetAnswer
from mpqsearch.terminal import out, print_table
from mpqsearch.trials import TrialRecord

PICKS = (Pick.BEST, Pick.KNEE, Pick.SMALLEST, Pick.FASTEST)
"""Rules whose ties are shown."""


def print_certainty(certainty: Certainty) -> None:
    """Prints who is on the front how surely, and who is tied with the usual picks."""
    out.print(f"\n[bold]Certainty[/]: {source_text(certainty)}", soft_wrap=True)
    table = _table("acc %", "95 % interval", "seeds", "size B", "on front", "more seeds")
    for member in certainty.members:
        table.add_row(
            *_named(member.record),
            f"{100 * member.record.accuracy:.2f}",
            "{:.2f}..{:.2f}".format(*(100 * bound for bound in member.interval)),
            str(certainty.noise.counts[certainty.place(member.record)]),
            f"{member.record.size_bytes:,}",
            percent(member.on_front),
            _more(member.more_seeds),
            "" if member.by_mean else "contender",
            style="" if member.by_mean else "dim",
        )
    print_table(table)
    out.print(
        "on front: probability that no other beats it over endless seeds; contender: not on the"
        " front by its mean, but with 5 % or more. more seeds: what would settle it if means and"
        " spread stay as they are.",
        soft_wrap=True,
    )
    for pick, record in picked(certainty):
        text = f"{pick.value}: {described(record)}{ties_text(certainty.ties(record))}"
        out.print(text, soft_wrap=True)


def picked(certainty: Certainty) -> list[tuple[Pick, TrialRecord]]:
    """The usual picks of the front, by mean."""
    front = [member.record for member in certainty.members if member.by_mean]
    return [(pick, choose(front, pick)[0]) for pick in PICKS]


def print_target(answer: TargetAnswer, certainty: Certainty) -> None:
    """Prints the smallest that meets a target, and how sure that is."""
    out.print(f"\n[bold]The smallest with {answer.target}[/]", soft_wrap=True)
    out.print(source_text(certainty), soft_wrap=True)
    out.print(f"by mean: {_by_mean_text(answer)}", soft_wrap=True)
    if not answer.by_mean:
        out.print(f"all that was trained reaches {ranges(certainty.scored)}", soft_wrap=True)
    out.print(f"{_share(certainty.sure)} sure: {_sure_text(answer)}", soft_wrap=True)
    if answer.by_mean:
        out.print(f"accuracy of the one by mean{ties_text(answer.ties)}", soft_wrap=True)
    out.print(_open_text(answer), soft_wrap=True)
    if not answer.named:
        return
    table = _table("acc %", "seeds", "latency us", "size B", "meets", "is smallest", "more seeds")
    for one in answer.named:
        notes = [(one is answer.by_mean, "by mean"), (one is answer.sure, "sure")]
        table.add_row(
            *_named(one.record),
            f"{100 * one.record.accuracy:.2f}",
            str(certainty.noise.counts[certainty.place(one.record)]),
            f"{one.record.latency_us:.1f}",
            f"{one.record.size_bytes:,}",
            percent(one.meets),
            percent(one.is_smallest),
            _more(one.more_seeds),
            ", ".join(note for holds, note in notes if holds),
        )
    print_table(table)
    out.print(
        "meets: probability that its mean over endless seeds meets the target; is smallest: that"
        f" it does and no smaller one does. None meets it: {percent(answer.none_meets)}.",
        soft_wrap=True,
    )


def source_text(certainty: Certainty) -> str:
    """What the probabilities rest on, in a sentence."""
    counts = certainty.noise.counts
    least, most = int(counts.min()), int(counts.max())
    seeds = str(most) if least == most else f"{least} to {most}"
    draws = f"{certainty.draws:,} draws"
    if certainty.noise.source is Source.SEEDS:
        return f"paired bootstrap over {seeds} seeds, {draws}"
    if certainty.noise.source is Source.POOLED:
        return (
            f"paired bootstrap over {seeds} seeds, {draws}; where there are fewer than"
            f" {LEAST_DEGREES + 1}, the scatter of candidates of like accuracy fills in"
        )
    return (
        f"{draws}, with the chance of so many validation samples only: candidates have"
        f" {seeds} seed{'s' if most > 1 else ''}, and what others would do is not known; mpqsearch"
        " run --confirm 5 finds out"
    )


def ties_text(ties: Sequence[Tie]) -> str:
    """Who is tied with a pick, and what would tell them apart."""
    if not ties:
        return ": all others differ beyond chance"
    smallest = ties[0]
    others = f"{len(ties)} other{'s' if len(ties) > 1 else ''}"
    counts = [tie.more_seeds for tie in ties]
    known = [count for count in counts if count is not None]
    more = f"{max(known)} more seeds" if len(known) == len(counts) else f"over {MOST_SEEDS} seeds"
    return (
        f" is not separable from {others}, the smallest of them {described(smallest.record)},"
        f" {smallest.record.size_bytes:,} B; {more} would separate all"
    )


def percent(probability: float) -> str:
    """A probability for people: nothing is written as certain that is not."""
    if 0 < probability < 0.005:
        return "<1 %"
    if 0.995 <= probability < 1:
        return ">99 %"
    return f"{100 * probability:.0f} %"


def _share(probability: float) -> str:
    return f"{100 * probability:g} %"


def _by_mean_text(answer: TargetAnswer) -> str:
    one = answer.by_mean
    if one is None:
        return answer.missing
    return f"{_with_size(one)}, meets it with a probability of {percent(one.meets)}"


def _sure_text(answer: TargetAnswer) -> str:
    if answer.sure:
        return f"{_with_size(answer.sure)}, {percent(answer.sure.meets)}"
    if answer.likeliest is None:
        return "none, and none has 5 %"
    return (
        f"none; the likeliest is {_with_size(answer.likeliest)}, {percent(answer.likeliest.meets)}"
    )


def _with_size(one: Meeting) -> str:
    return f"{described(one.record)}, {one.record.size_bytes:,} B, {one.record.accuracy:.2%}"


def _open_text(answer: TargetAnswer) -> str:
    if not answer.open:
        return "settled: more seeds would hardly change the answer"
    count = len(answer.open)
    who = "1 candidate is" if count == 1 else f"{count} candidates are"
    more = answer.more_seeds
    needed = f"{more} more seeds of each" if more is not None else f"more than {MOST_SEEDS} seeds"
    return f"not settled: {who} in doubt; {needed} would settle it if means and spread stay"


def _more(count: int | None) -> str:
    if count is None:
        return f">{MOST_SEEDS}"
    return str(count) if count else "-"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("trial", "length"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("bits", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    return table


def _named(record: TrialRecord) -> tuple[str, str, str]:
    number = "-" if record.number is None else str(record.number)
    return number, str(record.candidate.input_length), record.candidate.bits_text


def certainty_json(certainty: Certainty) -> dict[str, Any]:
    """What `print_certainty` prints, for programs."""
    return {
        **_basis(certainty),
        "members": [_member(certainty, member) for member in certainty.members],
        "picks": {
            pick.value: {**_key(record), "ties": _ties(certainty.ties(record))}
            for pick, record in picked(certainty)
        },
    }


def target_json(answer: TargetAnswer, certainty: Certainty) -> dict[str, Any]:
    """What `print_target` prints, for programs."""
    return {
        **_basis(certainty),
        "target": str(answer.target),
        "by_mean": _meeting(answer.by_mean),
        "sure": _meeting(answer.sure),
        "likeliest": _meeting(answer.likeliest),
        "named": [_meeting(one) for one in answer.named],
        "ties": _ties(answer.ties),
        "open": [_meeting(one) for one in answer.open],
        "settled": not answer.open,
        "more_seeds": answer.more_seeds,
        "none_meets": answer.none_meets,
        "missing": answer.missing,
        "reached": {
            quantity.value: [
                min(quantity.of(one) for one in certainty.scored),
                max(quantity.of(one) for one in certainty.scored),
            ]
            for quantity in Quantity
        },
    }


def _basis(certainty: Certainty) -> dict[str, Any]:
    counts = certainty.noise.counts
    return {
        "source": certainty.noise.source.value,
        "draws": certainty.draws,
        "sure_from": certainty.sure,
        "seeds": [int(counts.min()), int(counts.max())],
    }


def _member(certainty: Certainty, member: Member) -> dict[str, Any]:
    return {
        **_key(member.record),
        "seeds": int(certainty.noise.counts[certainty.place(member.record)]),
        "interval": list(member.interval),
        "on_front": member.on_front,
        "on_front_by_mean": member.by_mean,
        "settled": member.settled(certainty.sure),
        "more_seeds": member.more_seeds,
    }


def _meeting(one: Meeting | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        **_key(one.record),
        "meets": one.meets,
        "is_smallest": one.is_smallest,
        "more_seeds": one.more_seeds,
    }


def _ties(ties: Sequence[Tie]) -> list[dict[str, Any]]:
    return [
        {**_key(tie.record), "better": tie.better, "more_seeds": tie.more_seeds} for tie in ties
    ]


def _key(record: TrialRecord) -> dict[str, Any]:
    return {
        "number": record.number,
        "input_length": record.candidate.input_length,
        "bits": record.candidate.bits_text,
        "accuracy": record.accuracy,
        "latency_us": record.latency_us,
        "energy_uj": record.energy_uj,
        "size_bytes": record.size_bytes,
    }
