"""Say which passages a person wants to see: one object, read from the address and written to it."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.http import QueryDict

TODO, MINE, ALL, SHARED = "a-decider", "decides", "tous", "a-plusieurs"
DISAGREED, UNSIGNED, FLAGGED = "desaccords", "non-signes", "drapeaux"
DRAWN = "tires"  # for the person to code, and not coded yet
STATES = (TODO, MINE, SHARED, DISAGREED, UNSIGNED, FLAGGED, DRAWN, ALL)
DOUBT, READING, NEAREST = "doute", "lecture", "proches"
ORDERS = (DOUBT, READING, NEAREST)

ANY_OF, ALL_OF, NONE_OF = "", "et-", "sans-"  # before an attribute's name in the address
BLANK = "aucun"  # the value of passages without table, question, speaker, theme
ATTRIBUTES: Mapping[str, str] = {
    "territory": "territoire",
    "workshop": "atelier",
    "table": "table",
    "question": "question",
    "channel": "canal",
    "speaker": "locuteur",
    "actor": "acteur",
    "code": "code",  # axis:code
    "theme": "theme",
    "family": "famille",
    "words": "mots",
    "zone": "zone",  # corners on the map of passages
}  # the name of each attribute in the address
_MAX_CONDITIONS = 100
_MAX_CHARS = 200
_MAX_ZONE = 2_600  # characters of 200 corners


class Condition(NamedTuple):
    """A value of an attribute that passages must have, or must not; `how` is ANY_OF, ..."""

    attribute: str
    value: str
    how: str = ANY_OF

    @property
    def parameter(self) -> str:
        """Return the name of the condition in the address: « sans-code »."""
        return self.how + ATTRIBUTES[self.attribute]


@dataclass(frozen=True)
class Selection:
    """Passages by what they are, and in which order; without conditions, any passage.

    Of the conditions on one attribute, one ANY_OF is enough, every ALL_OF is required and no
    NONE_OF may hold; codes of two axes are two attributes. All attributes must agree.

    >>> wanted = Selection().where(territory=["Lens", "Roubaix"]).but_not(question="q3")
    >>> wanted.address()
    'territoire=Lens&territoire=Roubaix&sans-question=q3'
    """

    conditions: tuple[Condition, ...] = ()
    first_day: str = ""  # of the workshop, as 2026-03-12
    last_day: str = ""
    typed: str = ""  # words and meaning, the nearest passages first
    like: str = ""  # unit_id of the passage that the others are to be like
    state: str = TODO
    order: str = DOUBT

    @classmethod
    def read(cls, query: QueryDict) -> "Selection":
        """Read the address; unknown states and orders are the usual ones."""
        conditions = [
            Condition(attribute, value, how)
            for attribute, name in ATTRIBUTES.items()
            for how in (ANY_OF, ALL_OF, NONE_OF)
            for value in query.getlist(how + name)
        ]
        first_day, last_day = _short(query.get("du", "")), _short(query.get("au", ""))
        typed, like = _short(query.get("q", "")), _short(query.get("comme", ""))
        blank = cls(first_day=first_day, last_day=last_day, typed=typed, like=like)
        wanted = blank._added(conditions)
        state, order = query.get("etat", TODO), query.get("ordre", "")
        is_order = order in ORDERS and (order != NEAREST or wanted.is_search)
        return replace(
            wanted,
            state=state if state in STATES else TODO,
            order=order if is_order else wanted.usual_order,
        )

    def address(self) -> str:
        """Return the query, without what is usual."""
        query = QueryDict(mutable=True)
        for condition in self.conditions:
            query.appendlist(condition.parameter, condition.value)
        others = {
            "du": self.first_day,
            "au": self.last_day,
            "q": self.typed,
            "comme": self.like,
            "etat": self.state if self.state != TODO else "",
            "ordre": self.order if self.order != self.usual_order else "",
        }
        query.update({name: value for name, value in others.items() if value})
        return query.urlencode()

    @property
    def is_search(self) -> bool:
        """Whether passages are ranked by what was typed or by a passage."""
        return bool(self.typed or self.like)

    @property
    def usual_order(self) -> str:
        """Return the order that the address need not say."""
        return NEAREST if self.is_search else DOUBT

    def values(self, attribute: str, how: str = ANY_OF) -> tuple[str, ...]:
        """Return the values of the conditions on an attribute."""
        return tuple(
            row.value for row in self.conditions if row.attribute == attribute and row.how == how
        )

    def has(self, *attributes: str) -> bool:
        """Whether a condition is on one of the attributes."""
        return any(row.attribute in attributes for row in self.conditions)

    def one(self, attribute: str) -> str:
        """Return the only value asked of an attribute, blank if there is none or several."""
        asked = self.values(attribute)
        return asked[0] if len(asked) == 1 else ""

    def where(self, **values: str | Iterable[str]) -> "Selection":
        """Return the selection with more values, one of which is enough; blank ones are left."""
        return self._added(_conditions(values, ANY_OF))

    def and_also(self, **values: str | Iterable[str]) -> "Selection":
        """Return the selection of the passages that have every one of these values too."""
        return self._added(_conditions(values, ALL_OF))

    def but_not(self, **values: str | Iterable[str]) -> "Selection":
        """Return the selection without the passages that have one of these values."""
        return self._added(_conditions(values, NONE_OF))

    def without(self, *conditions: Condition) -> "Selection":
        """Return the selection without some conditions."""
        rest = tuple(row for row in self.conditions if row not in conditions)
        return replace(self, conditions=rest)

    def _added(self, added: Iterable[Condition]) -> "Selection":
        """Add conditions, each once, in the order of the attributes."""
        rows = dict.fromkeys((*self.conditions, *map(_tidy, added)))
        places = {attribute: i for i, attribute in enumerate(ATTRIBUTES)}
        hows = (ANY_OF, ALL_OF, NONE_OF)
        ordered = sorted(
            (row for row in rows if row.value),
            key=lambda row: (places[row.attribute], hows.index(row.how)),
        )
        return replace(self, conditions=tuple(ordered[:_MAX_CONDITIONS]))


EVERY = Selection(state=ALL)


def is_day(typed: str) -> bool:
    """Whether a text is a date as 2026-03-12."""
    try:
        datetime.date.fromisoformat(typed)
    except ValueError:
        return False
    return True


def _conditions(values: Mapping[str, str | Iterable[str]], how: str) -> list[Condition]:
    return [
        Condition(attribute, value, how)
        for attribute, asked in values.items()
        for value in ([asked] if isinstance(asked, str) else asked)
    ]


def _tidy(condition: Condition) -> Condition:
    most = _MAX_ZONE if condition.attribute == "zone" else _MAX_CHARS
    return condition._replace(value=_short(condition.value, most))


def _short(value: str, most: int = _MAX_CHARS) -> str:
    return " ".join(value.replace("\0", " ").split())[:most].strip()
