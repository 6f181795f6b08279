"""What a form on a theme, a family or passages without theme means: the decisions to append, or why there are none.

In:   a form, the themes of now, a snapshot, the journal
Out:  Gesture: decisions, and what they touch

What was decided on a theme, a family or a passage's place, undone or not: to tell it, take it back, and notice what came meanwhile.

Propose two halves of a theme, for a person to correct: 2-means over the passages' places on the map.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from django.http import QueryDict
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from pipeline.decisions import Decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.themes import (
    DescribeTheme,
    KeepApart,
    MergeThemes,
    MoveTheme,
    MoveUnit,
    PinQuote,
    RejectTheme,
    RenameFamily,
    RenameTheme,
    SplitTheme,
    ThemeDecision,
    UnpinQuote,
)
from pipeline.publish.text import quoted
from pipeline.review import state
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_page import pins_in


@dataclass(frozen=True)
class Deed:
    """What one person did at once: one decision, or passages moved together; `is_undone` where none of them stands."""

    decisions: tuple[Decision, ...]
    told: str
    is_undone: bool
    to_review: str = ""  # why it is not applied until somebody decides again

    @property
    def first(self) -> Decision:
        """The decision that says who and when."""
        return self.decisions[0]

    @property
    def numbers(self) -> str:
        """The decisions' numbers, as a form sends them."""
        return ",".join(str(row.decision_id) for row in self.decisions)


def on(subjects: Collection[str], journal: Journal) -> list[Decision]:
    """Return the decisions that touch one of `subjects`, and the undoings of such, in order."""
    index = _index(journal, journal.last_on_themes_id)
    numbers = {number for name in subjects for number in index.get(name, ())}
    return [journal[number] for number in sorted(numbers)]


def since(seen: int, subjects: Collection[str], journal: Journal, *, author: str) -> list[Decision]:
    """Return what others than `author` decided on `subjects` after decision `seen`."""
    return [row for row in on(subjects, journal) if row.decision_id > seen and row.author != author]


def deeds(rows: Iterable[Decision], journal: Journal) -> list[Deed]:
    """Return what `rows` did, the newest first; passages moved together are one deed."""
    groups: list[list[Decision]] = []
    for row in rows:
        if groups and _is_one(groups[-1][-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_deed(group, journal) for group in reversed(groups)]


def latest_of(author: str, journal: Journal, *, n_deeds: int) -> list[Deed]:
    """Return the last deeds of `author` on themes that stand."""
    mine = [row for row in journal.active(ThemeDecision) if row.author == author]
    return deeds(mine[-200:], journal)[:n_deeds]


def _deed(group: Sequence[Decision], journal: Journal) -> Deed:
    first = group[0]
    told = state.sentence(first)
    if len(group) > 1 and isinstance(first, MoveUnit):
        other = quoted(state.labels().get(first.into_id or "", first.into_id or ""))
        told = (
            _("met {n} passages dans {other}") if first.into_id else _("met {n} passages de côté")
        )
        told = told.format(n=len(group), other=other)
    if isinstance(first, Undo) and first.target in journal:
        told = _("annule : {told}").format(told=state.sentence(journal[first.target]))
    awaited = state.snapshot().to_review
    to_review = next((awaited[row.decision_id] for row in group if row.decision_id in awaited), "")
    return Deed(
        tuple(group), told, all(journal.is_undone(row.decision_id) for row in group), to_review
    )


def _is_one(before: Decision, row: Decision) -> bool:
    if not isinstance(row, MoveUnit) or not isinstance(before, MoveUnit):
        return False
    same = replace(before, decision_id=before.decision_id + 1, unit_id=row.unit_id, why=row.why)
    return row == same


@lru_cache(maxsize=1)
def _index(journal: Journal, last_on_themes: int) -> dict[str, list[int]]:
    """Numbers of the decisions by what they touch, up to `last_on_themes`."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in reversed(journal.newest_first()):
        number = row.target if isinstance(row, Undo) else row.decision_id
        if number not in journal:
            continue
        subject = journal[number]
        if isinstance(subject, ThemeDecision):
            for name in subject.touched():
                found[name].append(row.decision_id)
    return dict(found)


_N_STEPS = 50


def halves(places: Sequence[tuple[float, float]]) -> list[bool]:
    """Return whether each of `places` is in the smaller half; all in one where no two places differ."""
    points = np.asarray(places, dtype=float).reshape(-1, 2)
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return [False] * len(points)
    is_second = _first_cut(points)
    for _step in range(_N_STEPS):
        centres = points[~is_second].mean(axis=0), points[is_second].mean(axis=0)
        nearer = ((points - centres[1]) ** 2).sum(axis=1) < ((points - centres[0]) ** 2).sum(axis=1)
        if nearer.all() or not nearer.any() or (nearer == is_second).all():
            break
        is_second = nearer
    is_smaller = is_second if is_second.sum() * 2 <= len(points) else ~is_second
    return [bool(found) for found in is_smaller]


def _first_cut(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Both sides of the middle along the direction in which the points differ most."""
    centred = points - points.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return np.asarray(along > 0 if (along > 0).any() and (along <= 0).any() else along >= 0)


ASIDE = "-"  # where a form puts passages in no theme
N_LISTED_HALF = (
    400  # passages of a half that the page of a split lists; the others follow their half
)


class RefusedError(Exception):
    """A form that means nothing; its text says why, in French."""


@dataclass(frozen=True)
class Gesture:
    """Decisions to append together, the themes, families and passages that they touch, and the theme to show next."""

    decisions: list[ThemeDecision]
    touches: set[str]
    shown_next: str = ""
    made: list[str] = field(default_factory=list)  # themes that it makes

    @property
    def digest(self) -> str:
        """What the decisions say, as a few characters."""
        rows = [decision.row() for decision in self.decisions]
        said = json.dumps(rows, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Ground:
    """What a gesture is read against; `subject` is a theme_id or a family_id, blank for passages without theme."""

    subject: str
    form: QueryDict
    now: Themes
    snapshot: Snapshot
    journal: Journal

    @property
    def has_subject(self) -> bool:
        """Whether the subject is, or ever was, a theme or a family."""
        known = self.subject in self.now.names or self.subject in self.snapshot.theme_names
        return known or (bool(self.subject) and bool(on({self.subject}, self.journal)))

    def typed(self, name: str, n_chars: int) -> str:
        """What was typed in a field, its blanks made single; raises `RefusedError` where there is nothing, or too much."""
        value = " ".join(self.form.get(name, "").split())
        if not value:
            raise RefusedError(_("Il manque le texte : rien n’est enregistré."))
        if len(value) > n_chars:
            raise RefusedError(
                _("Le texte compte {found} signes, {n} au plus : rien n’est enregistré.").format(
                    found=len(value), n=n_chars
                )
            )
        return value

    def other(self, *, may_be_aside: bool = False) -> str:
        """The theme chosen beside this one; raises `RefusedError` where it is none that is left."""
        chosen = self.form.get("autre", "")
        if chosen == ASIDE and may_be_aside:
            return ""
        if chosen not in self.now.labels or chosen == self.subject:
            raise RefusedError(_("Le thème choisi n’existe pas ou plus : en choisir un autre."))
        return chosen

    def units(self) -> list[str]:
        """The passages ticked, each once; raises `RefusedError` where there is none."""
        found = [
            name
            for name in dict.fromkeys(self.form.getlist("passage"))
            if name in self.snapshot.units
        ]
        if not found:
            raise RefusedError(_("Aucun passage n’est coché : rien n’est enregistré."))
        return found


def read_gesture(ground: Ground) -> Gesture:
    """Return what the button `geste` means.

    Raises `RefusedError` for a form that means nothing, `KeyError` for an unknown button or subject.
    """
    name, _equals, rest = ground.form.get("geste", "").partition("=")
    if not ground.has_subject and (ground.subject or name != "deplacer"):
        raise KeyError(ground.subject)
    why = ground.form.get("why", "").strip() or None
    gesture = _GESTURES[name](ground, rest)
    return replace(gesture, decisions=[replace(row, why=why) for row in gesture.decisions])


def places_of(unit_ids: tuple[str, ...], snapshot: Snapshot) -> list[bool]:
    """Which of the passages are in the smaller of the two halves that the machine proposes."""
    return halves([snapshot.spots.get(unit_id, (0.5, 0.5)) for unit_id in unit_ids])


def _rename(ground: Ground, rest: str) -> Gesture:
    return _one(RenameTheme(ground.subject, ground.typed("nom", MAX_LABEL)))


def _describe(ground: Ground, rest: str) -> Gesture:
    return _one(DescribeTheme(ground.subject, ground.typed("description", MAX_TEXT)))


def _rename_family(ground: Ground, rest: str) -> Gesture:
    return _one(RenameFamily(ground.subject, ground.typed("nom", MAX_LABEL)))


def _merge(ground: Ground, rest: str) -> Gesture:
    other = ground.other()
    return Gesture([MergeThemes(ground.subject, other)], {ground.subject, other}, other)


def _keep_apart(ground: Ground, rest: str) -> Gesture:
    other = ground.other()
    return Gesture([KeepApart(ground.subject, other)], {ground.subject, other}, ground.subject)


def _reject(ground: Ground, rest: str) -> Gesture:
    return _one(RejectTheme(ground.subject))


def _change_family(ground: Ground, rest: str) -> Gesture:
    chosen = ground.form.get("famille", "")
    if chosen and chosen not in set(ground.snapshot.machine["theme_families"]["family_id"]):
        raise RefusedError(_("La famille choisie n’existe pas ou plus : en choisir une autre."))
    touches = {ground.subject, chosen} - {""}
    return Gesture([MoveTheme(ground.subject, chosen or None)], touches, ground.subject)


def _move(ground: Ground, rest: str) -> Gesture:
    """Each passage's decision also says which theme it left."""
    other, units = ground.other(may_be_aside=True), ground.units()
    rows: list[ThemeDecision] = [
        MoveUnit(name, ground.subject or None, other or None) for name in units
    ]
    return Gesture(rows, {ground.subject, other, *units} - {""}, ground.subject)


def _split(ground: Ground, rest: str) -> Gesture:
    members = ground.now.of_theme.get(
        ground.subject, ()
    )  # none where somebody merged or rejected it meanwhile: what is ticked stays
    chosen = {name for name in ground.units() if not members or name in members}
    if ground.form.get("reste"):
        chosen |= _unlisted(members, ground.snapshot)
    if not chosen or len(chosen) == len(members):
        raise RefusedError(
            _("Cocher une partie des passages du thème, ni aucun ni tous : rien n’est enregistré.")
        )
    units = sorted(chosen)
    split = SplitTheme(ground.subject, tuple(units))
    rows: list[ThemeDecision] = [split]
    if ground.form.get("nom", "").strip():
        rows.append(RenameTheme(split.new_id, ground.typed("nom", MAX_LABEL)))
    return Gesture(rows, {ground.subject}, ground.subject, [split.new_id])


def _unlisted(members: tuple[str, ...], snapshot: Snapshot) -> set[str]:
    """The passages of the smaller half that the page of a split does not list."""
    smaller = [
        name
        for name, is_smaller in zip(members, places_of(members, snapshot), strict=True)
        if is_smaller
    ]
    return set(smaller[N_LISTED_HALF:])


def _pin(ground: Ground, unit_id: str) -> Gesture:
    return _one(PinQuote(ground.subject, _known(ground, unit_id)))


def _unpin(ground: Ground, unit_id: str) -> Gesture:
    """A passage pinned in a theme that was merged into this one is unpinned there too."""
    gesture = _one(UnpinQuote(ground.subject, _known(ground, unit_id)))
    pin = pins_in([unit_id], ground.journal).get(unit_id)
    if not isinstance(pin, PinQuote) or pin.theme_id in (None, ground.subject):
        return gesture
    return replace(gesture, decisions=[*gesture.decisions, UnpinQuote(pin.theme_id, unit_id)])


def _known(ground: Ground, unit_id: str) -> str:
    if ground.now.theme_of.get(unit_id) != ground.subject:
        raise RefusedError(_("Ce passage n’est plus dans ce thème : rien n’est enregistré."))
    return unit_id


def _one(decision: ThemeDecision) -> Gesture:
    subject = str(decision.theme_id)
    return Gesture([decision], {subject}, subject)


_GESTURES: Mapping[str, Callable[[Ground, str], Gesture]] = {
    "renommer": _rename,
    "decrire": _describe,
    "renommer-famille": _rename_family,
    "reunir": _merge,
    "garder": _keep_apart,
    "ecarter": _reject,
    "famille": _change_family,
    "deplacer": _move,
    "separer": _split,
    "epingler": _pin,
    "oter": _unpin,
}
