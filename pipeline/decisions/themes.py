"""Define decisions on themes and families."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pipeline.decisions.kinds import (
    GONE_THEME,
    Decision,
    Names,
    PassageDecision,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_json,
)

if TYPE_CHECKING:
    from pipeline.decisions.replay import ThemeReplay


def split_id(unit_ids: Iterable[str]) -> str:
    """Return the theme_id of a split, whatever the order of `unit_ids`."""
    joined = "\n".join(sorted(set(unit_ids)))
    return "s-" + hashlib.sha256(joined.encode()).hexdigest()[:8]


def made_family_id(theme_ids: Iterable[str]) -> str:
    """Return the family_id of a family made of these themes, whatever their order."""
    return split_id(theme_ids).replace("s-", "p-", 1)


def _read_units(value: object) -> tuple[str, ...]:
    content = read_json(value)
    units = content if isinstance(content, list) else ()
    return tuple(unit for unit in units if isinstance(unit, str))


def _write_units(unit_ids: Iterable[str]) -> str:
    return as_json(list(unit_ids))


_NAMED = ("theme_id", "unit_id", "other_id", "family_id", "into_id")  # fields
_GATHERS = "fait un thème de {count} passages"


@dataclass(frozen=True)
class ThemeDecision(Decision):
    """A decision on a theme or a family."""

    group = "themes"
    needs_theme: ClassVar[bool] = True
    rests_on_theme: ClassVar[bool] = False
    has_own_subject: ClassVar[bool] = False  # no decision of another kind replaces it

    theme_id: str | None

    @property
    def given_name(self) -> str | None:
        """The name that it gives, if any."""
        return None

    def placements(self) -> dict[str, str | None]:
        """Return the theme of each passage that it puts in one, None for those set aside."""
        return {}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {(self.action if self.has_own_subject else "theme", str(self.theme_id))}

    def rests_on(self) -> tuple[str, ...]:
        return (self.theme_id,) if self.rests_on_theme and self.theme_id else ()

    def missing(self, reviewed: Reviewed) -> str | None:
        if self.needs_theme and self.theme_id not in reviewed.themes.theme_ids:
            return GONE_THEME
        return super().missing(reviewed)

    def touched(self) -> set[str]:
        """Return the ids of the themes, families and passages that it names."""
        return {name for each in _NAMED if (name := getattr(self, each, None))}

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        words = {"theme": names.theme(self.theme_id), "other": names.theme(value)}
        return super().words(names, value) | words

    def _blank_fault(self, value: str | None) -> str | None:
        if value and value != self.theme_id:
            return None
        return "La décision ne dit ni nom ni autre thème."


@dataclass(frozen=True)
class _NameDecision(ThemeDecision):
    has_typed_value = True

    name: str | None = field(metadata=in_value())

    @property
    def given_name(self) -> str | None:
        return self.name

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"before": names.quoted(names.name_before(self))}


@dataclass(frozen=True)
class RenameTheme(_NameDecision):
    """Renames a theme."""

    action = "rename_theme"
    template = "renomme {before} en {value}"
    rests_on_theme = True

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.name:
            replay.labels[str(self.theme_id)] = self.name

    def fault(self, reviewed: Reviewed) -> str | None:
        return self._blank_fault(self.name)

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.cell(self.theme_id, "label") == self.name


@dataclass(frozen=True)
class RenameFamily(_NameDecision):
    """Renames a family, whose id is `theme_id`."""

    action = "rename_family"
    template = "renomme la famille {before} en {value}"
    needs_theme = False
    has_own_subject = True
    idle_reason = "La famille n'a plus de thème, ou la décision ne dit pas de nom."

    def apply(self, replay: "ThemeReplay") -> None:
        if self.theme_id in replay.family_ids and self.name:
            replay.family_names[str(self.theme_id)] = self.name

    def fault(self, reviewed: Reviewed) -> str | None:
        if self.theme_id in reviewed.themes.family_ids:
            return None
        return "La famille n'existe plus : ses thèmes sont passés dans d'autres."

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.family_label(self.theme_id) == self.name


@dataclass(frozen=True)
class MakeFamily(RenameFamily):
    """Makes a family, whose id is `theme_id`; decisions of their own move themes into it."""

    action = "make_family"
    template = "fait la famille {value}"

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {(RenameFamily.action, str(self.theme_id))}

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.name else "La décision ne dit pas de nom."


@dataclass(frozen=True)
class DescribeTheme(ThemeDecision):
    """Rewrites the description of a theme."""

    action = "describe_theme"
    template = "décrit {theme} : {value}"
    has_typed_value = True
    rests_on_theme = True
    has_own_subject = True

    description: str | None = field(metadata=in_value())

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.description:
            replay.descriptions[str(self.theme_id)] = self.description

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.description else "La décision ne dit pas de description."

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.cell(self.theme_id, "description") == self.description


@dataclass(frozen=True)
class _PairDecision(ThemeDecision):
    other_id: str | None = field(metadata=in_value())


@dataclass(frozen=True)
class MergeThemes(_PairDecision):
    """Moves the passages of a theme into another, which stays."""

    action = "merge_theme"
    template = "réunit {theme} à {other}"

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return super().applies_to(exclusive) | (
            {("theme", self.other_id)} if self.other_id else set()
        )

    def rests_on(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in (self.theme_id, self.other_id) if name))

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and replay.knows(self.other_id):
            replay.merge(str(self.theme_id), str(self.other_id))

    def fault(self, reviewed: Reviewed) -> str | None:
        if reviewed.themes.is_gone(self.other_id):
            return "Le thème d'arrivée n'existe plus."
        return self._blank_fault(self.other_id)

    def holds(self, reviewed: Reviewed) -> bool:
        themes = reviewed.themes
        end = themes.end_of(self.other_id)
        is_left = themes.cell(self.theme_id, "label") is not None
        return not is_left and end is not None and themes.end_of(self.theme_id) == end


@dataclass(frozen=True)
class KeepApart(_PairDecision):
    """Refuses to merge two themes."""

    action = "keep_apart"
    template = "garde {theme} à part de {other}"

    @property
    def pair(self) -> frozenset[str]:
        return frozenset((str(self.theme_id), str(self.other_id)))

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("apart", *sorted((str(self.theme_id), str(self.other_id))))}

    def fault(self, reviewed: Reviewed) -> str | None:
        if self.other_id and self.other_id not in reviewed.themes.theme_ids:
            return "L'autre thème n'existe plus."
        return self._blank_fault(self.other_id)

    def holds(self, reviewed: Reviewed) -> bool:
        both = (self.theme_id, self.other_id)
        return all(reviewed.themes.cell(name, "label") is not None for name in both)


@dataclass(frozen=True)
class SplitTheme(ThemeDecision):
    """Makes a theme of some passages of another, or of passages without theme."""

    action = "split_theme"
    template = "sépare {count} passages de {theme}"
    needs_theme = False

    unit_ids: tuple[str, ...] = field(metadata=in_value(_read_units, _write_units))

    @property
    def new_id(self) -> str:
        return split_id(self.unit_ids)

    def placements(self) -> dict[str, str | None]:
        return dict.fromkeys(self.unit_ids, self.new_id)

    def touched(self) -> set[str]:
        return super().touched() | {self.new_id, *self.unit_ids}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("unit", name) for name in self.unit_ids} | {("theme", self.new_id)}

    def apply(self, replay: "ThemeReplay") -> None:
        for unit_id in replay.unit_ids.intersection(self.unit_ids):
            replay.place(unit_id, self.new_id)

    def fault(self, reviewed: Reviewed) -> str | None:
        if set(self.unit_ids) & reviewed.themes.unit_ids:
            return None
        return "Aucun des passages à séparer n'existe plus."

    def holds(self, reviewed: Reviewed) -> bool:
        end, theme_of = reviewed.themes.end_of(self.new_id), reviewed.themes.theme_of
        return end is not None and any(theme_of.get(name) == end for name in self.unit_ids)

    def sentence(self, names: Names) -> str:
        template = self.template if self.theme_id else _GATHERS
        return names.say(template, **self.words(names, None))

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"count": str(len(self.unit_ids))}


@dataclass(frozen=True)
class RejectTheme(ThemeDecision):
    """Sets the passages of a theme aside."""

    action = "reject_theme"
    template = "écarte {theme}"
    rests_on_theme = True

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id):
            replay.merged_into[str(self.theme_id)] = None

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.end_of(self.theme_id) is None


@dataclass(frozen=True)
class MoveTheme(ThemeDecision):
    """Moves a theme into another family, or none if `family_id` is blank."""

    action = "move_theme"
    template = "met {theme} dans la famille {other}"
    blank_template = "met {theme} hors de toute famille"
    rests_on_theme = True
    has_own_subject = True

    family_id: str | None = field(metadata=in_value())

    def apply(self, replay: "ThemeReplay") -> None:
        if self.family_id is None or self.family_id in replay.family_ids:
            replay.family_of[str(self.theme_id)] = self.family_id

    def fault(self, reviewed: Reviewed) -> str | None:
        if self.family_id is None or self.family_id in reviewed.themes.family_ids:
            return None
        return "La famille d'arrivée n'existe plus."

    def holds(self, reviewed: Reviewed) -> bool:
        themes = reviewed.themes
        is_left = themes.cell(self.theme_id, "label") is not None
        return is_left and themes.cell(self.theme_id, "parent_id") == self.family_id


@dataclass(frozen=True)
class MoveUnit(ThemeDecision, PassageDecision):
    """Moves a passage into another theme, or aside if `into_id` is blank."""

    action = "move_unit"
    template = "met {passage} dans {other}"
    blank_template = "met {passage} de côté"
    needs_theme = False

    into_id: str | None = field(metadata=in_value())

    def placements(self) -> dict[str, str | None]:
        return {self.unit_id: self.into_id} if self.unit_id else {}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        into = {("theme", self.into_id)} if self.into_id else set()
        return {("unit", str(self.unit_id))} | into

    def rests_on(self) -> tuple[str, ...]:
        return (self.into_id,) if self.into_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        is_known = not self.into_id or replay.knows(self.into_id)
        if self.unit_id in replay.unit_ids and is_known:
            replay.place(str(self.unit_id), self.into_id)

    def fault(self, reviewed: Reviewed) -> str | None:
        is_gone = reviewed.themes.is_gone(self.into_id)
        return "Le thème d'arrivée n'existe plus." if is_gone else None

    def holds(self, reviewed: Reviewed) -> bool:
        end = reviewed.themes.end_of(self.into_id)
        is_there = reviewed.themes.theme_of.get(self.unit_id or "") == end
        return is_there and (self.into_id is None or end is not None)


@dataclass(frozen=True)
class _QuoteDecision(PassageDecision, ThemeDecision):
    pins: ClassVar[bool]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        theme, unit = str(self.theme_id), str(self.unit_id)
        return {("quote", theme, unit), ("theme", theme), ("unit", unit)}

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.unit_id in replay.unit_ids:
            replay.pin(str(self.theme_id), str(self.unit_id), is_pinned=self.pins)

    def holds(self, reviewed: Reviewed) -> bool:
        return (self.unit_id in reviewed.themes.quotes_of(self.theme_id)) == self.pins


@dataclass(frozen=True)
class PinQuote(_QuoteDecision):
    """Quotes a passage first."""

    action = "pin_quote"
    template = "épingle {passage} dans {theme}"
    pins = True
    idle_reason = "Le passage n'est pas dans ce thème."


@dataclass(frozen=True)
class UnpinQuote(_QuoteDecision):
    """Removes a passage from a theme's quotes."""

    action = "unpin_quote"
    template = "ôte {passage} des citations de {theme}"
    pins = False


def refused_merges(active: Iterable[Decision]) -> set[frozenset[str]]:
    """Return the pairs of themes that somebody kept apart."""
    pairs = (row for row in active if isinstance(row, KeepApart))
    return {row.pair for row in pairs if row.theme_id and row.other_id}
