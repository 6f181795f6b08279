"""Say a selection in French, name its values, and say why it finds nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pipeline.grid.codes import Grid
from pipeline.publish.text import french_date, quoted, shortened, texts, typography, word
from pipeline.review.queue import units_by_value
from pipeline.review.selection import (
    ALL,
    ALL_OF,
    ANY_OF,
    BLANK,
    DISAGREED,
    DRAWN,
    FLAGGED,
    MINE,
    NONE_OF,
    SHARED,
    TODO,
    UNSIGNED,
    Selection,
    is_day,
)
from pipeline.review.snapshot import Snapshot

_N_CHARS = 60  # of a passage in a sentence
STATES: Mapping[str, Any] = {
    TODO: gettext_lazy("à décider"),
    MINE: gettext_lazy("décidés par moi"),
    SHARED: gettext_lazy("décidés à plusieurs"),
    DISAGREED: gettext_lazy("où quelqu’un a codé autrement que moi"),
    UNSIGNED: gettext_lazy("d’un thème pas encore signé"),
    FLAGGED: gettext_lazy("avec un drapeau"),
    DRAWN: gettext_lazy("tirés au sort, à coder par moi"),
    ALL: gettext_lazy("tous"),
}
ATTRIBUTE_NAMES: Mapping[str, Any] = {
    "territory": gettext_lazy("Territoire"),
    "workshop": gettext_lazy("Atelier"),
    "table": gettext_lazy("Table"),
    "question": gettext_lazy("Question"),
    "channel": gettext_lazy("Canal"),
    "speaker": gettext_lazy("Locuteur"),
    "actor": gettext_lazy("Type d’acteur"),
    "code": gettext_lazy("Code"),
    "theme": gettext_lazy("Thème"),
    "family": gettext_lazy("Famille"),
    "words": gettext_lazy("Mots exacts"),
    "zone": gettext_lazy("Carte"),
}
_CLAUSES: Mapping[str, tuple[Any, Any]] = {
    "territory": (gettext_lazy("de {values}"), gettext_lazy("sauf {values}")),
    "workshop": (
        gettext_lazy("de l’atelier {values}"),
        gettext_lazy("sauf l’atelier {values}"),
    ),
    "table": (gettext_lazy("à la table {values}"), gettext_lazy("sauf la table {values}")),
    "question": (
        gettext_lazy("à la question {values}"),
        gettext_lazy("sauf la question {values}"),
    ),
    "channel": (gettext_lazy("du canal {values}"), gettext_lazy("sauf le canal {values}")),
    "speaker": (gettext_lazy("dits par {values}"), gettext_lazy("sauf ceux de {values}")),
    "actor": (
        gettext_lazy("d’acteurs du type {values}"),
        gettext_lazy("sauf d’acteurs du type {values}"),
    ),
    "code": (gettext_lazy("codés {values}"), gettext_lazy("sans le code {values}")),
    "theme": (gettext_lazy("du thème {values}"), gettext_lazy("hors du thème {values}")),
    "family": (
        gettext_lazy("de la famille {values}"),
        gettext_lazy("hors de la famille {values}"),
    ),
    "words": (
        gettext_lazy("où l’on lit {values}"),
        gettext_lazy("où l’on ne lit pas {values}"),
    ),
    "zone": (
        gettext_lazy("dans la zone entourée sur la carte"),
        gettext_lazy("hors de la zone entourée sur la carte"),
    ),
}  # of the passages that have one of the values, and of those that have none
_BLANK_CLAUSES: Mapping[str, tuple[Any, Any]] = {
    "table": (gettext_lazy("sans table"), gettext_lazy("dits à une table")),
    "question": (gettext_lazy("sans question"), gettext_lazy("dits à une question")),
    "speaker": (gettext_lazy("sans locuteur connu"), gettext_lazy("au locuteur connu")),
    "actor": (gettext_lazy("sans type d’acteur connu"), gettext_lazy("au type d’acteur connu")),
    "theme": (gettext_lazy("sans thème"), gettext_lazy("qui ont un thème")),
}
_MISSING: Mapping[str, Any] = {
    "territory": gettext_lazy("L’étude n’a pas de territoire {value}."),
    "workshop": gettext_lazy("L’étude n’a pas d’atelier {value}."),
    "table": gettext_lazy("Aucun passage n’a la table {value}."),
    "question": gettext_lazy("Aucun passage n’a la question {value}."),
    "channel": gettext_lazy("Aucun passage n’a le canal {value}."),
    "speaker": gettext_lazy("Aucun passage n’a le locuteur {value}."),
    "actor": gettext_lazy("Aucun locuteur connu n’a le type d’acteur {value}."),
    "code": gettext_lazy("La grille n’a pas de code {value}."),
    "theme": gettext_lazy("L’étude n’a pas, ou plus, de thème {value}."),
    "family": gettext_lazy("L’étude n’a pas, ou plus, de famille {value}."),
}


@dataclass(frozen=True)
class SelectionWords:
    """The names of the values of a study; `theme_labels` gives those of themes and families."""

    snapshot: Snapshot
    grid: Grid
    theme_labels: Callable[[], Mapping[str, str]]

    def sentence(self, wanted: Selection) -> str:
        """Say which passages are wanted.

        « Passages de Saint-Omer ou de Lens, codés « Mobilité », sauf la question « forces ». »
        """
        lead = _("Passages")
        if wanted.state != ALL:
            lead += f" {STATES[wanted.state]}"
        clauses = [*self._clauses(wanted), *self._other_clauses(wanted)]
        if not clauses and wanted.state == ALL:
            return typography(_("Tous les passages") + ".")
        return typography(" ".join(filter(None, (lead, ", ".join(clauses)))) + ".")

    def value(self, attribute: str, value: str) -> str:
        """Return a value as people call it."""
        if value == BLANK and attribute in _BLANK_CLAUSES:
            return str(_BLANK_CLAUSES[attribute][0])
        match attribute:
            case "workshop":
                return self._workshop(value)
            case "question":
                return self._question(value)
            case "channel":
                return word("lieux", value) if value in texts()["lieux"] else value
            case "code":
                return str(self.grid.label_of(value.rpartition(":")[2]))
            case "theme" | "family":
                return self.theme_labels().get(value, value)
            case "zone":
                return _("la zone entourée")
        return value

    def why_nothing(self, wanted: Selection) -> list[str]:
        """Say which values the study does not have."""
        reasons = [
            str(_MISSING[attribute]).format(value=quoted(value))
            for attribute, value, _how in wanted.conditions
            if attribute in _MISSING and not self._has(attribute, value)
        ]
        for day in (wanted.first_day, wanted.last_day):
            if day and not is_day(day):
                reason = _("{day} n’est pas une date : l’écrire comme 2026-03-12.")
                reasons.append(reason.format(day=quoted(day)))
        if wanted.like and wanted.like not in self.snapshot.units:
            reasons.append(_("Le passage auquel comparer les autres n’existe plus."))
        return reasons

    def _has(self, attribute: str, value: str) -> bool:
        if attribute == "code":
            axis, _colon, code = value.rpartition(":")
            return any(row.code == code and axis in ("", row.axis) for row in self.grid.by_axis)
        if attribute in ("theme", "family"):
            return value == BLANK or value in self.theme_labels()
        if attribute == "workshop":
            return value in self.snapshot.workshops
        return value in units_by_value(self.snapshot, attribute)

    def _clauses(self, wanted: Selection) -> Iterator[str]:
        """Yield what is wanted of each attribute, and then what is not."""
        for attribute in _CLAUSES:
            yield from self._either(attribute, wanted.values(attribute, ANY_OF))
            for value in wanted.values(attribute, ALL_OF):
                yield _("et aussi {clause}").format(clause=self._clause(attribute, [value], 0))
        for attribute in _CLAUSES:
            values = wanted.values(attribute, NONE_OF)
            named = [value for value in values if not _is_blank(attribute, value)]
            if named:
                yield self._clause(attribute, named, 1)
            if len(named) < len(values):
                yield str(_BLANK_CLAUSES[attribute][1])

    def _either(self, attribute: str, values: Sequence[str]) -> Iterator[str]:
        """Yield one clause, or one an axis for codes."""
        if attribute == "code":
            by_axis: dict[str, list[str]] = {}
            for value in values:
                by_axis.setdefault(value.rpartition(":")[0], []).append(value)
            yield from (self._clause(attribute, codes, 0) for codes in by_axis.values())
            return
        named = [value for value in values if not _is_blank(attribute, value)]
        parts = [self._clause(attribute, named, 0)] if named else []
        if len(named) < len(values):
            parts.append(str(_BLANK_CLAUSES[attribute][0]))
        if parts:
            yield _(" ou ").join(parts)

    def _clause(self, attribute: str, values: Sequence[str], i: int) -> str:
        names = [self.value(attribute, value) for value in values]
        if attribute == "territory" and i == 0:
            return _(" ou ").join(map(of_name, names))
        if attribute not in ("territory", "table", "channel", "speaker", "actor"):
            names = [quoted(name) for name in names]
        link = _(" ni ") if attribute == "words" and i else _(" ou ")
        return str(_CLAUSES[attribute][i]).format(values=link.join(names))

    def _other_clauses(self, wanted: Selection) -> Iterator[str]:
        first, last = (_day(day) for day in (wanted.first_day, wanted.last_day))
        if first and last:
            yield _("du {first} au {last}").format(first=first, last=last)
        elif first:
            yield _("depuis le {day}").format(day=first)
        elif last:
            yield _("jusqu’au {day}").format(day=last)
        if wanted.like:
            unit = self.snapshot.units.get(wanted.like)
            text = quoted(shortened(unit.text, _N_CHARS)) if unit else _("un passage disparu")
            yield _("qui ressemblent à {passage}").format(passage=text)
        if wanted.typed:
            yield _("les plus proches de {typed}").format(typed=quoted(wanted.typed))

    def _workshop(self, workshop_id: str) -> str:
        row = self.snapshot.workshops.get(workshop_id)
        if row is None:
            return workshop_id
        return ", ".join(filter(None, (str(row["territory"]), french_date(row["date"]))))

    def _question(self, question: str) -> str:
        if question in texts()["questions"]:
            return word("questions", question)
        if question == "resume":
            return word("lieux", question)
        return self._questions.get(question, question)

    @cached_property
    def _questions(self) -> dict[str, str]:
        return {row.question: row.label for row in self.grid.questions}


def of_name(name: str) -> str:
    """Return « de Lens », « d’Arras », « du Pays de Saint-Omer », « des Weppes ».

    >>> of_name("Le Havre")
    'du Havre'
    """
    for article, contracted in (("Le ", "du "), ("Les ", "des "), ("La ", "de La ")):
        if name.startswith(article):
            return contracted + name.removeprefix(article)
    if name.startswith(("Pays ", "Bassin ", "Grand ")):
        return f"du {name}"
    return f"d’{name}" if name[:1].lower() in "aeiouyéèêâîôhœ" else f"de {name}"


def _is_blank(attribute: str, value: str) -> bool:
    return value == BLANK and attribute in _BLANK_CLAUSES


def _day(day: str) -> str:
    return french_date(day) if is_day(day) else day
