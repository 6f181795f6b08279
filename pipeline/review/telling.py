"""Decisions in French words, with the names that passages, themes and codes bear now.

In:   a decision
Out:  one sentence without its subject: « rejette « Mobilité » sur « Il n'y a plus de bus… » »
"""

import json
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pipeline.publish.text import joined, quoted, shortened
from pipeline.review import live, state
from pipeline.review.journal import TAG_ACTIONS, Decision
from pipeline.standing import CODE_ACTIONS, UNDO, arbitrated

HIDDEN = "caché"  # a decision on a passage that the reader has yet to code
_N_CHARS = 80


class Kind(NamedTuple):
    """A kind of decision in the journal's filter."""

    label: str | Promise
    actions: frozenset[str]


KINDS = {
    "etiquettes": Kind(gettext_lazy("étiquettes"), TAG_ACTIONS),
    "themes": Kind(
        gettext_lazy("thèmes"),
        frozenset(
            (
                *(
                    "rename_theme",
                    "describe_theme",
                    "merge_theme",
                    "keep_apart",
                    "split_theme",
                    "reject_theme",
                ),
                *("move_unit", "pin_quote", "unpin_quote", "rename_family", "move_theme"),
            )
        ),
    ),
    "ponderations": Kind(
        gettext_lazy("pondérations"), frozenset(("save_weighting", "use_weighting"))
    ),
    "annulations": Kind(gettext_lazy("annulations"), frozenset((UNDO,))),
}


def decision(row: Decision) -> str:
    """Return what `row` did, in one sentence; a subject that is gone is told by its number."""
    told = {
        "passage": _passage(row.unit_id),
        "theme": _theme(row.theme_id),
        "code": _code(row.code),
        "value": quoted(row.value or ""),
    }
    told |= {"other": _theme(row.value), "n": row.value or "", "before": quoted(_name_before(row))}
    sentences = {
        "accept_tag": _("accepte {code} sur {passage}"),
        "reject_tag": _("rejette {code} sur {passage}"),
        "add_tag": _("ajoute {code} sur {passage}"),
        "confirm_unit": _("valide {passage} : {codes}"),
        "rename_theme": _("renomme {before} en {value}"),
        "describe_theme": _("décrit {theme} : {value}"),
        "merge_theme": _("réunit {theme} à {other}"),
        "keep_apart": _("garde {theme} à part de {other}"),
        "split_theme": _("sépare {count} passages de {theme}"),
        "move_unit": _("met {passage} dans {other}") if row.value else _("met {passage} de côté"),
        "reject_theme": _("écarte {theme}"),
        "pin_quote": _("épingle {passage} dans {theme}"),
        "unpin_quote": _("ôte {passage} des citations de {theme}"),
        "rename_family": _("renomme la famille {before} en {value}"),
        "move_theme": _("met {theme} dans la famille {other}")
        if row.value
        else _("met {theme} hors de toute famille"),
        "save_weighting": _("enregistre la pondération {name}"),
        "use_weighting": _("classe par la pondération {value}")
        if row.value
        else _("classe par les poids de l’étude"),
        UNDO: _("annule la décision n° {n}"),
        HIDDEN: _("décide d’un passage que vous n’avez pas encore codé"),
    }
    if row.action == "confirm_unit":
        told["codes"] = ", ".join(_code(code) for _axis, code in _listed(row.value)) or _(
            "aucune étiquette"
        )
    if row.action == "split_theme":
        told["count"] = str(len(_listed(row.value)))
    if row.action == "save_weighting":
        told["name"] = quoted(str(_object(row.value).get("name", "")))
    said = sentences.get(row.action, row.action).format(**told)
    between = arbitrated(row.value) if row.action in CODE_ACTIONS else ()
    return (
        _("arbitre entre {coders} : {said}").format(coders=joined(between), said=said)
        if between
        else said
    )


def _passage(unit_id: str | None) -> str:
    unit = state.snapshot().units.get(unit_id or "")
    return (
        quoted(shortened(unit.text, _N_CHARS))
        if unit
        else _("le passage {name}").format(name=unit_id or "")
    )


def _theme(theme_id: str | None) -> str:
    return quoted(live.labels().get(theme_id or "", theme_id or ""))


def _name_before(row: Decision) -> str:
    """What the theme or family of a renaming was called before it."""
    earlier = [
        other
        for other in state.journal_of_page().on_theme(row.theme_id or "")
        if other.action == row.action
    ]
    named = [
        str(other.value)
        for other in earlier
        if not row.decision_id or other.decision_id < row.decision_id
    ]
    return (
        named[-1]
        if named
        else state.snapshot().theme_names.get(row.theme_id or "", _("le thème séparé"))
    )


def _code(code: str | None) -> str:
    return quoted(state.study().grid.label_of(code or ""))


def _listed(value: str | None) -> list[list[str]]:
    try:
        found = json.loads(value or "[]")
    except json.JSONDecodeError:
        return []
    return found if isinstance(found, list) else []


def _object(value: str | None) -> dict[str, object]:
    try:
        found = json.loads(value or "{}")
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
