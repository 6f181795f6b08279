"""Decisions on themes and families: names, descriptions, mergers, splits, passages moved, quotes pinned."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pipeline.decisions.kinds import (
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
    """The theme_id that a split gives to the theme of `unit_ids`, whatever their order and whichever theme they left."""
    joined = "\n".join(sorted(set(unit_ids)))
    return "s-" + hashlib.sha256(joined.encode()).hexdigest()[:8]


def _read_units(value: object) -> tuple[str, ...]:
    listed = read_json(value)
    return (
        tuple(unit for unit in listed if isinstance(unit, str)) if isinstance(listed, list) else ()
    )


def _write_units(unit_ids: Iterable[str]) -> str:
    return as_json(list(unit_ids))


@dataclass(frozen=True)
class ThemeDecision(Decision):
    """A decision on a theme or a family."""

    group = "themes"
    template: ClassVar[str]

    theme_id: str | None

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("theme", str(self.theme_id))}

    def missing(self, reviewed: Reviewed) -> str | None:
        if self.theme_id in reviewed.themes.theme_ids:
            return None
        return "Le thème n'existe plus : ses passages sont passés dans d'autres."

    def touched(self) -> set[str]:
        """The themes, families and passages that it is about."""
        return {self.theme_id} if self.theme_id else set()

    def sentence(self, names: Names) -> str:
        return names.say(self.template, theme=names.theme(self.theme_id))


@dataclass(frozen=True)
class RenameTheme(ThemeDecision):
    """Gives a theme another name."""

    action = "rename_theme"
    has_typed_value = True

    name: str | None = field(metadata=in_value())

    def rests_on(self) -> tuple[str, ...]:
        return (self.theme_id,) if self.theme_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.name:
            replay.labels[str(self.theme_id)] = self.name

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        return _blank_or_itself(self.name, self.theme_id)

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.label_of(self.theme_id) == self.name

    def sentence(self, names: Names) -> str:
        before = names.quoted(names.name_before(self))
        return names.say(
            "renomme {before} en {value}", before=before, value=names.quoted(self.name)
        )


def _blank_or_itself(value: str | None, theme_id: str | None) -> str | None:
    if value and value != theme_id:
        return None
    return "La décision ne dit ni nom ni autre thème."


@dataclass(frozen=True)
class DescribeTheme(ThemeDecision):
    """Gives a theme another description."""

    action = "describe_theme"
    has_typed_value = True

    description: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {(self.action, str(self.theme_id))}

    def rests_on(self) -> tuple[str, ...]:
        return (self.theme_id,) if self.theme_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.description:
            replay.descriptions[str(self.theme_id)] = self.description

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        return None if self.description else "La décision ne dit pas de description."

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.description_of(self.theme_id) == self.description

    def sentence(self, names: Names) -> str:
        theme, value = names.theme(self.theme_id), names.quoted(self.description)
        return names.say("décrit {theme} : {value}", theme=theme, value=value)


@dataclass(frozen=True)
class _PairDecision(ThemeDecision):
    """A decision on two themes."""

    other_id: str | None = field(metadata=in_value())

    def touched(self) -> set[str]:
        return super().touched() | ({self.other_id} if self.other_id else set())

    def sentence(self, names: Names) -> str:
        theme, other = names.theme(self.theme_id), names.theme(self.other_id)
        return names.say(self.template, theme=theme, other=other)


@dataclass(frozen=True)
class MergeThemes(_PairDecision):
    """Puts the passages of a theme into the other, which stays."""

    action = "merge_theme"
    template = "réunit {theme} à {other}"

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        other = {("theme", self.other_id)} if self.other_id else set()
        return super().applies_to(exclusive) | other

    def rests_on(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in (self.theme_id, self.other_id) if name))

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and replay.knows(self.other_id):
            replay.merge(str(self.theme_id), str(self.other_id))

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        if reviewed.themes.is_gone(self.other_id):
            return "Le thème d'arrivée n'existe plus."
        return _blank_or_itself(self.other_id, self.theme_id)

    def holds(self, reviewed: Reviewed) -> bool:
        themes = reviewed.themes
        end = themes.end_of(self.other_id)
        is_left = themes.label_of(self.theme_id) is not None
        return not is_left and end is not None and themes.end_of(self.theme_id) == end


@dataclass(frozen=True)
class KeepApart(_PairDecision):
    """Refuses to merge two themes."""

    action = "keep_apart"
    template = "garde {theme} à part de {other}"

    @property
    def pair(self) -> frozenset[str]:
        """The two themes."""
        return frozenset((str(self.theme_id), str(self.other_id)))

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("apart", *sorted((str(self.theme_id), str(self.other_id))))}

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        if self.other_id and self.other_id not in reviewed.themes.theme_ids:
            return "L'autre thème n'existe plus."
        return _blank_or_itself(self.other_id, self.theme_id)

    def holds(self, reviewed: Reviewed) -> bool:
        labels = (reviewed.themes.label_of(name) for name in (self.theme_id, self.other_id))
        return None not in labels


@dataclass(frozen=True)
class SplitTheme(ThemeDecision):
    """Makes a theme of some passages of another."""

    action = "split_theme"

    unit_ids: tuple[str, ...] = field(metadata=in_value(_read_units, _write_units))

    @property
    def new_id(self) -> str:
        """The theme that it makes."""
        return split_id(self.unit_ids)

    def touched(self) -> set[str]:
        return super().touched() | {self.new_id, *self.unit_ids}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("unit", name) for name in self.unit_ids} | {("theme", self.new_id)}

    def apply(self, replay: "ThemeReplay") -> None:
        units = (unit for unit in self.unit_ids if unit in replay.unit_ids)
        replay.moved |= dict.fromkeys(units, self.new_id)

    def missing(self, reviewed: Reviewed) -> str | None:
        if set(self.unit_ids) & reviewed.themes.unit_ids:
            return None
        return "Aucun des passages à séparer n'existe plus."

    def holds(self, reviewed: Reviewed) -> bool:
        end, theme_of = reviewed.themes.end_of(self.new_id), reviewed.themes.theme_of
        return end is not None and any(theme_of.get(name) == end for name in self.unit_ids)

    def sentence(self, names: Names) -> str:
        count, theme = str(len(self.unit_ids)), names.theme(self.theme_id)
        return names.say("sépare {count} passages de {theme}", count=count, theme=theme)


@dataclass(frozen=True)
class RejectTheme(ThemeDecision):
    """Sets the passages of a theme aside."""

    action = "reject_theme"
    template = "écarte {theme}"

    def rests_on(self) -> tuple[str, ...]:
        return (self.theme_id,) if self.theme_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id):
            replay.merged_into[str(self.theme_id)] = None

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.end_of(self.theme_id) is None


@dataclass(frozen=True)
class MoveUnit(ThemeDecision, PassageDecision):
    """Puts a passage into another theme than `theme_id`, or aside where `into_id` is blank."""

    action = "move_unit"

    into_id: str | None = field(metadata=in_value())

    def touched(self) -> set[str]:
        return {name for name in (self.theme_id, self.unit_id, self.into_id) if name}

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        theme = {("theme", self.into_id)} if self.into_id else set()
        return {("unit", str(self.unit_id))} | theme

    def rests_on(self) -> tuple[str, ...]:
        return (self.into_id,) if self.into_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        is_known = not self.into_id or replay.knows(self.into_id)
        if self.unit_id in replay.unit_ids and is_known:
            replay.moved[str(self.unit_id)] = self.into_id

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := PassageDecision.missing(self, reviewed)) is not None:
            return reason
        if reviewed.themes.is_gone(self.into_id):
            return "Le thème d'arrivée n'existe plus."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        end = reviewed.themes.end_of(self.into_id)
        is_there = reviewed.themes.theme_of.get(self.unit_id or "") == end
        return is_there and (self.into_id is None or end is not None)

    def sentence(self, names: Names) -> str:
        passage = names.passage(self.unit_id)
        if not self.into_id:
            return names.say("met {passage} de côté", passage=passage)
        return names.say(
            "met {passage} dans {other}", passage=passage, other=names.theme(self.into_id)
        )


@dataclass(frozen=True)
class _QuoteDecision(ThemeDecision, PassageDecision):
    """A decision on a passage as a quote of a theme."""

    pins: ClassVar[bool]

    def touched(self) -> set[str]:
        return super().touched() | ({self.unit_id} if self.unit_id else set())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        theme, unit = str(self.theme_id), str(self.unit_id)
        return {("quote", theme, unit), ("theme", theme), ("unit", unit)}

    def apply(self, replay: "ThemeReplay") -> None:
        if replay.knows(self.theme_id) and self.unit_id in replay.unit_ids:
            replay.pin(str(self.theme_id), str(self.unit_id), is_pinned=self.pins)

    def missing(self, reviewed: Reviewed) -> str | None:
        reason = PassageDecision.missing(self, reviewed)
        return ThemeDecision.missing(self, reviewed) if reason is None else reason

    def holds(self, reviewed: Reviewed) -> bool:
        return (self.unit_id in reviewed.themes.quotes_of(self.theme_id)) == self.pins

    def sentence(self, names: Names) -> str:
        passage, theme = names.passage(self.unit_id), names.theme(self.theme_id)
        return names.say(self.template, passage=passage, theme=theme)


@dataclass(frozen=True)
class PinQuote(_QuoteDecision):
    """Quotes a passage before others."""

    action = "pin_quote"
    pins = True
    template = "épingle {passage} dans {theme}"

    def why_not(self) -> str:
        return "Le passage n'est pas dans ce thème."


@dataclass(frozen=True)
class UnpinQuote(_QuoteDecision):
    """Takes a passage out of a theme's quotes."""

    action = "unpin_quote"
    pins = False
    template = "ôte {passage} des citations de {theme}"


@dataclass(frozen=True)
class RenameFamily(ThemeDecision):
    """Gives a family another name; `theme_id` is the family's."""

    action = "rename_family"
    has_typed_value = True

    name: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {(self.action, str(self.theme_id))}

    def apply(self, replay: "ThemeReplay") -> None:
        if self.theme_id in replay.family_ids and self.name:
            replay.family_names[str(self.theme_id)] = self.name

    def missing(self, reviewed: Reviewed) -> str | None:
        if self.theme_id in reviewed.themes.family_ids:
            return None
        return "La famille n'existe plus : ses thèmes sont passés dans d'autres."

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.themes.family_label_of(self.theme_id) == self.name

    def why_not(self) -> str:
        return "La famille n'a plus de thème, ou la décision ne dit pas de nom."

    def sentence(self, names: Names) -> str:
        words = {"before": names.quoted(names.name_before(self)), "value": names.quoted(self.name)}
        return names.say("renomme la famille {before} en {value}", **words)


@dataclass(frozen=True)
class MoveTheme(ThemeDecision):
    """Puts a theme into another family, or into none where `family_id` is blank."""

    action = "move_theme"

    family_id: str | None = field(metadata=in_value())

    def touched(self) -> set[str]:
        return super().touched() | ({self.family_id} if self.family_id else set())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {(self.action, str(self.theme_id))}

    def rests_on(self) -> tuple[str, ...]:
        return (self.theme_id,) if self.theme_id else ()

    def apply(self, replay: "ThemeReplay") -> None:
        if self.family_id is None or self.family_id in replay.family_ids:
            replay.family_of[str(self.theme_id)] = self.family_id

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        if self.family_id and self.family_id not in reviewed.themes.family_ids:
            return "La famille d'arrivée n'existe plus."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        themes = reviewed.themes
        is_left = themes.label_of(self.theme_id) is not None
        return is_left and themes.parent_of(self.theme_id) == self.family_id

    def sentence(self, names: Names) -> str:
        theme = names.theme(self.theme_id)
        if not self.family_id:
            return names.say("met {theme} hors de toute famille", theme=theme)
        family = names.theme(self.family_id)
        return names.say("met {theme} dans la famille {other}", theme=theme, other=family)


KINDS: tuple[type[Decision], ...] = (
    RenameTheme,
    DescribeTheme,
    MergeThemes,
    KeepApart,
    SplitTheme,
    RejectTheme,
    MoveUnit,
    PinQuote,
    UnpinQuote,
    RenameFamily,
    MoveTheme,
)


def refused_merges(active: Iterable[Decision]) -> set[frozenset[str]]:
    """Return the pairs of themes that somebody decided to keep apart."""
    pairs = (row for row in active if isinstance(row, KeepApart))
    return {row.pair for row in pairs if row.theme_id and row.other_id}
