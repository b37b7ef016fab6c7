"""How robust each ranking is: without a suite, without or with a copy of a submission, other weights, floors, rules."""

from collections.abc import Mapping

import numpy as np

from evaluators.statistics.dior import dior, redraw_groups
from evaluators.statistics.robustness import (
    Change,
    Robustness,
    clone_one_submission,
    compare,
    draw_weights,
    leave_one_submission_out,
    leave_one_suite_out,
    other_floors,
)
from findings.document import Block, Cell, Heading, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.material import SEED, Material
from findings.numbers import Book, slug
from findings.rules import Recomputed
from findings.subjects import Subject
from findings.words import plural

WEIGHT_DRAWS = 1_000
LEAST = 3
DETAILED = ("leave one suite out", "leave one submission out", "clone one submission", "other floors")
WHO_ENTERED = ("leave one submission out", "clone one submission")
ALONE = (
    "The aggregate does not depend on who else entered: without any one entry, or with one entered twice, the others "
    "keep their order."
)
TAU = "Kendall's τ-b between the ranking and the one that was published, over entries in both"


def section(material: Material, book: Book) -> Section:
    """One subsection for each track that ranks enough entries."""
    inside = tuple(_track(Subject(track), book) for track in material.results.tracks)
    return Section("robustness", "Robustness of the ranking", (Prose("robustness"),), inside)


def _track(subject: Subject, book: Book) -> Section:
    key, title = f"robustness-{subject.key}", subject.track.title
    recomputed = Recomputed(subject)
    if len(subject.ranked) < LEAST:
        said = say(
            "The track ranks fewer than {least} entries, too few to ask how robust their order is.", least=str(LEAST)
        )
        return Section(key, title, (Paragraph((said,)),))
    if not recomputed.agrees:
        said = say(
            "The aggregates can't be computed again from the columns of the table, so other rules can't be tried."
        )
        return Section(key, title, (Paragraph((said,)),))
    found = _changes(recomputed)
    what_if = _what_if(recomputed)
    sentences = [sentence for one in found.values() for sentence in _said(subject, recomputed, one, book)]
    sentences += _said_dior(subject, recomputed, book)
    blocks: list[Block] = [Paragraph(tuple(sentences)), _overview(subject, found, book)]
    blocks += [
        _detail(subject, found[name], book)
        for name in DETAILED
        if name in found and (name not in WHO_ENTERED or recomputed.relative)
    ]
    blocks += [_sentence_of_rules(subject, what_if, book), _rules(subject, what_if, book)] if what_if else []
    return Section(key, title, tuple(blocks))


def _changes(recomputed: Recomputed) -> dict[str, Robustness]:
    rows, rule, higher = recomputed.rows, recomputed.rule, recomputed.higher
    found = [
        leave_one_suite_out(rows, rule, higher=higher),
        leave_one_submission_out(rows, rule, higher=higher),
        clone_one_submission(rows, rule, higher=higher),
    ]
    if recomputed.is_mean and len(recomputed.weights) > 1:
        found.append(
            draw_weights(
                rows, rule, recomputed.with_weights, recomputed.weights, seed=SEED, draws=WEIGHT_DRAWS, higher=higher
            )
        )
    if recomputed.method in ("geometric-mean", "efficiency-2023"):
        found.append(other_floors(rows, rule, recomputed.with_floor))
    return {one.kind: one for one in found if one.changes}


def _what_if(recomputed: Recomputed) -> dict[str, Change]:
    """The ranking by other rules; lower-is-better scores are turned so that both rankings run the same way."""
    own = recomputed.rule(recomputed.rows)
    published = own if recomputed.higher else _turned(own)
    found = {}
    for name, (rule, rows, higher) in recomputed.what_ifs().items():
        scores = rule(rows)
        found[name] = compare(name, published, scores if higher else _turned(scores))
    return {name: change for name, change in found.items() if change.tau is not None}


def _turned(scores: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else -value for name, value in scores.items()}


def _name(subject: Subject, key: str) -> str:
    return next((one.name for one in subject.track.results if one.key == key), key)


def _said(subject: Subject, recomputed: Recomputed, found: Robustness, book: Book) -> list[Sentence]:
    """One or two sentences on a kind of change."""
    key = f"{subject.key}.robustness.{slug(found.kind)}"
    total = book.count(f"{key}.changes", len(found.changes), f"changes tried: {found.kind}")
    moved = book.count(f"{key}.reordered", found.reorderings, "changes in which two entries changed places")
    winners = book.count(f"{key}.winner-changes", found.winner_changes, "changes after which another entry is first")
    if found.kind == "draw the weights":
        first = subject.winners[0]
        share = found.p_winner.get(first.key, 0.0)
        p = book.share(
            f"{key}.p-winner",
            share,
            "share of the drawn weights under which the first entry stays first",
            n=len(found.changes),
            seed=SEED,
        )
        return [
            say(
                "With {total} weights drawn around the configured ones (Dirichlet), {name} stays first in {p}.",
                total=total,
                name=first.name,
                p=p,
            )
        ]
    if found.kind in WHO_ENTERED and not recomputed.relative:
        # Said once for both.
        if found.kind != WHO_ENTERED[0] or found.reorderings:
            return []
        return [say("{why}", why=ALONE)]
    lead = {
        "leave one suite out": "Leaving one column out changes the winner in {winners} of {total} cases and reorders "
        "entries in {moved}.",
        "leave one submission out": "Dropping one submission reorders the others in {moved} of {total} cases.",
        "clone one submission": "Entering one submission twice reorders the others in {moved} of {total} cases.",
        "other floors": "Another floor of the geometric mean reorders entries in {moved} of {total} cases and "
        "changes the winner in {winners}.",
    }[found.kind]
    return [say(lead, winners=winners, total=total, moved=moved)]


def _said_dior(subject: Subject, recomputed: Recomputed, book: Book) -> list[Sentence]:
    """How far the ranking holds where the groups of each suite are drawn anew (Perlitz et al. 2023)."""
    groups = recomputed.groups if recomputed.is_mean else None
    if groups is None:
        return []
    redrawn = redraw_groups(groups, recomputed.rule, seed=SEED, draws=WEIGHT_DRAWS)
    scores = recomputed.rule(recomputed.rows)
    values = np.array([scores[name] for name in groups], dtype=float)
    found = dior(values, redrawn, higher=recomputed.higher)
    if found.tau is None:
        return []
    key = f"{subject.key}.robustness.dior.tau"
    formula = "DIoR: 5th percentile of Kendall's τ-b to the published ranking, groups drawn anew within each suite"
    tau = book.score(key, found.tau, formula, n=found.draws, seed=SEED, digits=2)
    verdict = "reliable by the usual .95" if found.reliable else "below the usual .95 for a reliable ranking"
    return [
        say(
            "With the groups of each suite drawn anew, τ stays above {tau} in 95 % of draws (DIoR): {verdict}.",
            tau=tau,
            verdict=verdict,
        )
    ]


def _tau(key: str, value: float | None, book: Book) -> Cell:
    return None if value is None else book.score(key, value, TAU, digits=2)


def _overview(subject: Subject, found: Mapping[str, Robustness], book: Book) -> Table:
    rows = []
    for kind, one in found.items():
        key = f"{subject.key}.robustness.{slug(kind)}"
        rows.append(
            Row(
                (
                    kind,
                    book.count(f"{key}.changes", len(one.changes), f"changes tried: {kind}"),
                    book.count(f"{key}.reordered", one.reorderings, "changes in which two entries changed places"),
                    book.count(
                        f"{key}.winner-changes", one.winner_changes, "changes after which another entry is first"
                    ),
                    book.count(f"{key}.largest-shift", one.largest_shift, "most ranks that an entry moved"),
                    _tau(f"{key}.mean-tau", one.mean_tau, book),
                    _tau(f"{key}.least-tau", one.least_tau, book),
                )
            )
        )
    return Table(
        f"robustness-{subject.key}",
        say("How far the ranking of the track {track} holds.", track=subject.title),
        (
            Heading("Change", wide=True),
            Heading("Tried", number=True),
            Heading("Reordered", number=True),
            Heading("Winner changed", number=True),
            Heading("Largest shift", number=True),
            Heading("Mean τ", number=True),
            Heading("Least τ", number=True),
        ),
        tuple(rows),
        say("τ is Kendall's τ-b to the published ranking: 1 where nothing moves."),
    )


def _detail(subject: Subject, found: Robustness, book: Book) -> Table:
    titles = {column.key: column.title for column in subject.track.columns}
    titles |= {one.key: one.name for one in subject.track.results}
    key = f"{subject.key}.robustness.{slug(found.kind)}"
    rows = tuple(
        Row(
            (
                titles.get(change.what, change.what),
                _winners(subject, change),
                "yes" if change.winner_changed else "",
                "yes" if change.reordered else "",
                _name(subject, change.moved) if change.moved else None,
                str(change.largest_shift) if change.largest_shift else None,
                _tau(f"{key}.{slug(change.what) or 'unnamed'}.tau", change.tau, book),
            )
        )
        for change in found.changes
    )
    heads = {
        "leave one suite out": "Column left out",
        "leave one submission out": "Submission left out",
        "clone one submission": "Submission entered twice",
        "other floors": "Floor",
    }
    return Table(
        f"{slug(found.kind)}-{subject.key}",
        say("{kind}, track {track}.", kind=found.kind.capitalize(), track=subject.title),
        (
            Heading(heads[found.kind], wide=True),
            Heading("First then", wide=True),
            Heading("Winner changed"),
            Heading("Reordered"),
            Heading("Moved most"),
            Heading("Ranks", number=True),
            Heading("τ", number=True),
        ),
        rows,
    )


def _winners(subject: Subject, change: Change) -> Cell:
    if not change.winners:
        return None
    first = _name(subject, change.winners[0])
    return first if len(change.winners) == 1 else f"{first} and {len(change.winners) - 1} more"


def _sentence_of_rules(subject: Subject, found: Mapping[str, Change], book: Book) -> Paragraph:
    other = [name for name, change in found.items() if change.winner_changed]
    number = book.count(f"{subject.key}.robustness.rules.winner-changes", len(other), "other rules with another winner")
    total = book.count(f"{subject.key}.robustness.rules.changes", len(found), "other rules that the columns allow")
    said = [
        say(
            "By {number} of {total} other {word} another entry would be first.",
            number=number,
            total=total,
            word=plural(total, "rule", "rules"),
        )
    ]
    if other:
        said.append(say("These are: {names}.", names=", ".join(other)))
    return Paragraph(tuple(said))


def _rules(subject: Subject, found: Mapping[str, Change], book: Book) -> Table:
    rows = tuple(
        Row(
            (
                name,
                _winners(subject, change),
                "yes" if change.winner_changed else "",
                _name(subject, change.moved) if change.moved else None,
                str(change.largest_shift) if change.largest_shift else None,
                _tau(f"{subject.key}.robustness.rule.{slug(name)}.tau", change.tau, book),
            )
        )
        for name, change in found.items()
    )
    return Table(
        f"other-rules-{subject.key}",
        say("What other rules would have made of the track {track}.", track=subject.title),
        (
            Heading("Rule", wide=True),
            Heading("First then", wide=True),
            Heading("Winner changed"),
            Heading("Moved most"),
            Heading("Ranks", number=True),
            Heading("τ", number=True),
        ),
        rows,
    )
