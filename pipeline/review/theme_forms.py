"""Turn a form on themes, families or passages into decisions."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from numpy.typing import NDArray

from pipeline.decisions.sign_off import SignOffTheme
from pipeline.decisions.themes import (
    DescribeTheme,
    KeepApart,
    MakeFamily,
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
    made_family_id,
)
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_history import decisions_on
from pipeline.review.theme_page import family_labels, pin_decisions
from pipeline.review.theme_reading import ThemeReading, read_so_far

NO_THEME = "-"  # no theme, in a form
READING = ("valider", "garder-lecture")  # buttons of the form that signs off
# The page of a split lists this many passages of a half; the others follow their half.
N_LISTED_HALF = 400
# buttons of the passages without theme, and of several themes
_WITHOUT_THEME = ("deplacer", "rassembler", "famille")
_N_STEPS = 50  # of 2-means


class RefusedError(Exception):
    """A meaningless form; its message says why, in French."""


@dataclass(frozen=True)
class ThemeCommand:
    """Decisions to append together, what they touch, the next theme to show."""

    decisions: list[ThemeDecision]
    touches: set[str]
    shown_next: str = ""
    new_ids: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Return 16 characters that identify the decisions."""
        rows = [decision.row() for decision in self.decisions]
        text = json.dumps(rows, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ThemeForm:
    """A form on a theme_id or family_id, blank for passages without theme."""

    subject: str
    fields: QueryDict
    now: Themes
    snapshot: Snapshot
    journal: Journal

    @property
    def has_subject(self) -> bool:
        """Whether the subject is or was a theme or a family."""
        if self.subject in self.now.names or self.subject in self.snapshot.theme_names:
            return True
        return bool(self.subject and decisions_on({self.subject}, self.journal))

    def typed(self, name: str, n_chars: int) -> str:
        """Return the typed line; raises `RefusedError` if blank or too long."""
        value = " ".join(self.fields.get(name, "").split())
        if not value:
            raise RefusedError(_("Il manque le texte : rien n’est enregistré."))
        if len(value) > n_chars:
            raise RefusedError(
                _("Le texte compte {found} signes, {n} au plus : rien n’est enregistré.").format(
                    found=len(value), n=n_chars
                )
            )
        return value

    def optional(self, name: str) -> str | None:
        """Return the typed text on one line, None if blank."""
        return " ".join(self.fields.get(name, "").split()) or None

    def reading(self) -> ThemeReading:
        """Return how far the theme is read, with what the form says."""
        return read_so_far(self.subject, self.now, self.snapshot, self.journal, self.fields)

    def other_theme(self, *, may_be_none: bool = False) -> str:
        """Return the chosen theme; raises `RefusedError` if it is gone."""
        chosen = self.fields.get("autre", "")
        if chosen == NO_THEME and may_be_none:
            return ""
        if chosen not in self.now.labels or chosen == self.subject:
            raise RefusedError(_("Le thème choisi n’existe pas ou plus : en choisir un autre."))
        return chosen

    def units(self) -> list[str]:
        """Return the ticked passages; raises `RefusedError` without any."""
        ticked = dict.fromkeys(self.fields.getlist("passage"))
        unit_ids = [name for name in ticked if name in self.snapshot.units]
        if not unit_ids:
            raise RefusedError(_("Aucun passage n’est coché : rien n’est enregistré."))
        return unit_ids


def read_command(form: ThemeForm) -> ThemeCommand:
    """Return the command of the button `geste`.

    Raises `RefusedError` for a meaningless form, `KeyError` for an unknown button or subject.
    """
    name, _equals, unit_id = form.fields.get("geste", "").partition("=")
    if not form.has_subject and (form.subject or name not in _WITHOUT_THEME):
        raise KeyError(form.subject)
    why = form.fields.get("why", "").strip() or None
    command = _COMMANDS[name](form, unit_id)
    return replace(command, decisions=[replace(row, why=why) for row in command.decisions])


def _with_line(
    kind: Callable[[str, str], ThemeDecision], name: str, n_chars: int, form: ThemeForm, _unit: str
) -> ThemeCommand:
    return _on_subject(form, kind(form.subject, form.typed(name, n_chars)))


def _on_subject(form: ThemeForm, *decisions: ThemeDecision) -> ThemeCommand:
    return ThemeCommand(list(decisions), {form.subject}, form.subject)


def _merge(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    other = form.other_theme()
    return ThemeCommand([MergeThemes(form.subject, other)], {form.subject, other}, other)


def _merge_several(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    chosen = [name for name in dict.fromkeys(form.fields.getlist("theme")) if name != form.subject]
    if not chosen or not set(chosen) <= form.now.labels.keys():
        raise RefusedError(_("Il faut deux thèmes au moins, qui existent encore : en choisir."))
    rows: list[ThemeDecision] = [MergeThemes(name, form.subject) for name in chosen]
    return ThemeCommand(rows, {form.subject, *chosen}, form.subject)


def _keep_apart(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    other = form.other_theme()
    return ThemeCommand([KeepApart(form.subject, other)], {form.subject, other}, form.subject)


def _change_family(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    """Put a theme, or those ticked, in a family: a new one where a name is typed, none if blank."""
    ticked = form.fields.getlist("theme")
    theme_ids = [form.subject] if form.subject else list(dict.fromkeys(ticked))
    if not form.subject and (not theme_ids or not set(theme_ids) <= form.now.labels.keys()):
        raise RefusedError(_("Il faut un thème au moins, qui existe encore : en cocher."))
    if form.optional("nom"):
        rows = _family_of(theme_ids, form.typed("nom", MAX_LABEL))
    else:
        chosen = form.fields.get("famille", "")
        if chosen and chosen not in family_labels(form.now, form.snapshot):
            raise RefusedError(_("La famille choisie n’existe pas ou plus : en choisir une autre."))
        rows = [MoveTheme(theme_id, chosen or None) for theme_id in theme_ids]
    touches = set().union(*(row.touched() for row in rows))
    return ThemeCommand(rows, touches, form.subject)


def _family_of(theme_ids: Sequence[str], name: str) -> list[ThemeDecision]:
    """Return the decisions that make a family of themes."""
    family_id = made_family_id(theme_ids)
    moves = (MoveTheme(theme_id, family_id) for theme_id in theme_ids)
    return [MakeFamily(family_id, name), *moves]


def _move(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    other, units = form.other_theme(may_be_none=True), form.units()
    rows: list[ThemeDecision] = [
        MoveUnit(name, form.subject or None, other or None) for name in units
    ]
    return ThemeCommand(rows, {form.subject, other, *units} - {""}, form.subject)


def _split(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    # A theme merged or rejected meanwhile has no members: keep what is ticked.
    members = form.now.of_theme.get(form.subject, ())
    chosen = {name for name in form.units() if not members or name in members}
    if form.fields.get("reste"):
        in_smaller = zip(members, smaller_half(members, form.snapshot), strict=True)
        chosen.update([name for name, is_smaller in in_smaller if is_smaller][N_LISTED_HALF:])
    if not chosen or len(chosen) == len(members):
        raise RefusedError(
            _("Cocher une partie des passages du thème, ni aucun ni tous : rien n’est enregistré.")
        )
    split = SplitTheme(form.subject, tuple(sorted(chosen)))
    rows: list[ThemeDecision] = [split]
    if form.fields.get("nom", "").strip():
        rows.append(RenameTheme(split.new_id, form.typed("nom", MAX_LABEL)))
    return replace(_on_subject(form, *rows), new_ids=[split.new_id])


def _gather(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    """Make a theme of passages that have none."""
    aside = sorted(name for name in form.units() if name not in form.now.theme_of)
    if not aside:
        raise RefusedError(_("Ces passages ont un thème depuis : rien n’est enregistré."))
    made = SplitTheme(None, tuple(aside))
    rows: list[ThemeDecision] = [made, RenameTheme(made.new_id, form.typed("nom", MAX_LABEL))]
    if form.optional("nom-famille"):
        rows += _family_of([made.new_id], form.typed("nom-famille", MAX_LABEL))
    touches = set().union(*(row.touched() for row in rows))
    return ThemeCommand(rows, touches, new_ids=[made.new_id])


def _pin(form: ThemeForm, unit_id: str) -> ThemeCommand:
    return _on_subject(form, PinQuote(form.subject, _member(form, unit_id)))


def _unpin(form: ThemeForm, unit_id: str) -> ThemeCommand:
    rows = [UnpinQuote(form.subject, _member(form, unit_id))]
    pin = pin_decisions([unit_id], form.journal).get(unit_id)
    # The pin may be in a theme merged into this one.
    if isinstance(pin, PinQuote) and pin.theme_id not in (None, form.subject):
        rows.append(UnpinQuote(pin.theme_id, unit_id))
    return _on_subject(form, *rows)


def _sign_off(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    title, reading = form.typed("nom", MAX_LABEL), form.reading()
    if reading.n_open:
        raise RefusedError(
            ngettext(
                "Encore {n} table ou document à décider : le thème n’est pas validé.",
                "Encore {n} tables ou documents à décider : le thème n’est pas validé.",
                reading.n_open,
            ).format(n=reading.n_open)
        )
    if not reading.accepted:
        raise RefusedError(_("Aucun passage n’est accepté : écarter le thème plutôt."))
    signed = SignOffTheme.of(
        form.subject, title, form.optional("enonce"), reading.accepted, reading.refused
    )
    return replace(_on_subject(form, signed), touches=signed.touched())


def _put_as_read(form: ThemeForm, _unit_id: str) -> ThemeCommand:
    reading, placed = form.reading(), form.now.placed
    into = [name for name in reading.accepted if placed.get(name) != form.subject]
    rows: list[ThemeDecision] = [
        *(MoveUnit(name, form.subject, form.subject) for name in sorted(into)),
        *(MoveUnit(name, form.subject, None) for name in sorted(reading.refused)),
    ]
    if not rows:
        raise RefusedError(_("Rien de nouveau n’est lu : rien n’est enregistré."))
    touches = {form.subject} | {str(row.unit_id) for row in rows if isinstance(row, MoveUnit)}
    return ThemeCommand(rows, touches, form.subject)


def _member(form: ThemeForm, unit_id: str) -> str:
    if form.now.theme_of.get(unit_id) != form.subject:
        raise RefusedError(_("Ce passage n’est plus dans ce thème : rien n’est enregistré."))
    return unit_id


_COMMANDS: Mapping[str, Callable[[ThemeForm, str], ThemeCommand]] = {
    "renommer": partial(_with_line, RenameTheme, "nom", MAX_LABEL),
    "decrire": partial(_with_line, DescribeTheme, "description", MAX_TEXT),
    "renommer-famille": partial(_with_line, RenameFamily, "nom", MAX_LABEL),
    "ecarter": lambda form, _unit_id: _on_subject(form, RejectTheme(form.subject)),
    "reunir": _merge,
    "reunir-plusieurs": _merge_several,
    "rassembler": _gather,
    "garder": _keep_apart,
    "famille": _change_family,
    "deplacer": _move,
    "separer": _split,
    "epingler": _pin,
    "oter": _unpin,
    READING[0]: _sign_off,
    READING[1]: _put_as_read,
}


def smaller_half(unit_ids: Sequence[str], snapshot: Snapshot) -> list[bool]:
    """Return whether each passage is in the smaller proposed half."""
    return halves([snapshot.spots.get(unit_id, (0.5, 0.5)) for unit_id in unit_ids])


def halves(spots: Sequence[tuple[float, float]]) -> list[bool]:
    """Return which `spots` are in the smaller half, by 2-means."""
    points = np.asarray(spots, dtype=float).reshape(-1, 2)
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
    return [bool(half) for half in is_smaller]


def _first_cut(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Cut at the middle of the direction in which the points differ most."""
    centred = points - points.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return np.asarray(along > 0 if (along > 0).any() and (along <= 0).any() else along >= 0)
