"""Define the sign-off of a theme, and what is left to read before its counts are exact.

In:   a theme's members (unit_id, probability), and where each was said
Out:  circles to read in order; the decision of a person who stands by a title and its counts
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd

from pipeline.decisions.kinds import (
    Names,
    Reviewed,
    as_json,
    in_value,
    read_object,
    text,
)
from pipeline.decisions.themes import ThemeDecision

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.decisions.replay import ThemeReplay

# For none, one and more.
_ACCEPTED = ("aucun passage accepté", "1 passage accepté", "{n} passages acceptés")
_REFUSED = ("aucun écarté", "1 écarté", "{n} écartés")


@dataclass(frozen=True)
class CircleToRead:
    """A theme's passages at a table, else in a document, the surest first.

    `is_said` as in `with_circles`: whether it counts as a table once one of them is accepted.
    """

    workshop_id: str
    table_number: int | None
    document_id: str  # of the surest
    unit_ids: tuple[str, ...]
    probability: float  # of the surest
    is_said: bool


def circles_to_read(members: pd.DataFrame, circles: pd.DataFrame) -> dict[str, list[CircleToRead]]:
    """Return each theme's tables in the order to read them, then summaries, mails and the like.

    `circles` are all units as `with_circles` returns them. Within each the surest passage comes
    first, for one that is accepted settles it. The least sure come first: what the counts are
    likeliest to be wrong about.
    """
    where = ["workshop_id", "table_number", "document_id", "circle_id", "is_said"]
    places = circles[["unit_id", *where]]
    places = places[places["unit_id"].isin(members["unit_id"])]
    rows = members[["theme_id", "unit_id", "probability"]].merge(
        places, on="unit_id", validate="one_to_one"
    )
    rows = rows.sort_values(["probability", "unit_id"], ascending=[False, True])
    listed: dict[tuple[str, str, bool], list[Any]] = {}
    row: Any
    for row in rows.itertuples(index=False):
        listed.setdefault((row.theme_id, row.circle_id, row.is_said), []).append(row)
    to_read: dict[str, list[CircleToRead]] = {}
    for (theme_id, _circle_id, is_said), passages in listed.items():
        surest, unit_ids = passages[0], tuple(row.unit_id for row in passages)
        is_table = is_said and not pd.isna(surest.table_number)
        to_read.setdefault(theme_id, []).append(
            CircleToRead(
                surest.workshop_id,
                int(surest.table_number) if is_table else None,
                surest.document_id,
                unit_ids,
                surest.probability,
                is_said,
            )
        )
    return {
        theme_id: sorted(of_theme, key=_reading_order) for theme_id, of_theme in to_read.items()
    }


def _reading_order(circle: CircleToRead) -> tuple[bool, float, tuple[str, ...]]:
    return not circle.is_said, circle.probability, circle.unit_ids


def undecided(
    circles: Sequence[CircleToRead], accepted: Collection[str], refused: Collection[str] = ()
) -> list[CircleToRead]:
    """Return the `circles` without any passage accepted, and not all refused.

    Their passages left unread may still change the theme's counts; those of the others may not.
    """
    return [
        circle
        for circle in circles
        if not any(unit_id in accepted for unit_id in circle.unit_ids)
        and not all(unit_id in refused for unit_id in circle.unit_ids)
    ]


def _unit_ids(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    listed = content.get(name)
    return (
        tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    )


@dataclass(frozen=True)
class SignOffTheme(ThemeDecision):
    """Stands by a theme: its title, its statement, and which of the passages read are in it.

    Passages refused are set aside, unless a later run puts them in another theme.
    """

    action = "sign_off_theme"
    template = "valide {theme} : {accepted}, {refused}"
    has_typed_value = True
    rests_on_theme = True
    has_own_subject = True
    _TYPED: ClassVar[tuple[str, ...]] = ("title", "statement")

    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def of(
        cls,
        theme_id: str,
        title: str,
        statement: str | None,
        accepted: Iterable[str],
        refused: Iterable[str],
    ) -> Self:
        """Return the sign-off of a theme."""
        lists = {"accepted": sorted(set(accepted)), "refused": sorted(set(refused))}
        return cls(theme_id, {"title": title, "statement": statement} | lists)

    @classmethod
    def masked_value(cls, value: str, mask: "Callable[[str], str]") -> str:
        content = read_object(value)
        typed = {name: text(content.get(name)) for name in cls._TYPED}
        return as_json(content | {name: mask(words) for name, words in typed.items() if words})

    @property
    def title(self) -> str | None:
        return text(self.content.get("title"))

    @property
    def given_name(self) -> str | None:
        return self.title

    @property
    def statement(self) -> str | None:
        return text(self.content.get("statement"))

    @property
    def accepted(self) -> tuple[str, ...]:
        return _unit_ids(self.content, "accepted")

    @property
    def refused(self) -> tuple[str, ...]:
        return _unit_ids(self.content, "refused")

    def placements(self) -> dict[str, str | None]:
        return dict.fromkeys(self.refused) | dict.fromkeys(self.accepted, self.theme_id)

    def touched(self) -> set[str]:
        return super().touched() | {*self.accepted, *self.refused}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[tuple[str, ...]]:
        units = {("unit", name) for name in (*self.accepted, *self.refused)}
        return super().applies_to(exclusive) | units | {("theme", str(self.theme_id))}

    def apply(self, replay: "ThemeReplay") -> None:
        accepted = replay.unit_ids.intersection(self.accepted)
        if not replay.knows(self.theme_id) or not self.title or not accepted:
            return
        theme_id = str(self.theme_id)
        for unit_id in accepted:
            replay.place(unit_id, theme_id)
        for unit_id in replay.unit_ids.intersection(self.refused) - accepted:
            replay.refuse(unit_id, theme_id)
        replay.labels[theme_id] = self.title
        replay.statements[theme_id] = self.statement
        replay.signed[theme_id] = self

    def fault(self, reviewed: Reviewed) -> str | None:
        if not self.title:
            return "La décision ne dit pas de titre."
        if reviewed.themes.unit_ids.isdisjoint(self.accepted):
            return "Aucun des passages acceptés n'est plus dans l'étude."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        is_left = reviewed.themes.cell(self.theme_id, "label") is not None
        return is_left and reviewed.themes.signed.get(str(self.theme_id)) == self

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {
            "theme": names.quoted(self.title),
            "accepted": _counted(names, _ACCEPTED, len(self.accepted)),
            "refused": _counted(names, _REFUSED, len(self.refused)),
        }


def _counted(names: Names, forms: tuple[str, str, str], n: int) -> str:
    return names.say(forms[min(n, 2)], n=str(n))
