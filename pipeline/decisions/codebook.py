"""Remember what people changed of the codebook, part by part, with the former text.

The grid itself is a file: replaying these decisions changes no table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from pipeline.decisions.kinds import (
    Decision,
    Names,
    Subject,
    as_json,
    in_value,
    read_json,
    read_object,
)
from pipeline.grid.arranging import AXIS, FAMILY, ORDER, PartChange
from pipeline.grid.codes import Code, Grid

CHANGED, RENAMED, ADDED, REMOVED = "changé", "renommé", "ajouté", "retiré"
_TYPED = ("label", "definition", "include", "exclude", "examples", "lexicon")
_LISTS = ("examples", "lexicon", "former")


class GridDecision(Decision):
    """Changes the file of the grid, and is undone there."""

    group = "grille"
    has_typed_value = True

    axis: str | None
    code: str | None


@dataclass(frozen=True)
class EditCode(GridDecision):
    """Changes, renames, adds or removes a code of the grid."""

    action = "edit_code"
    templates: ClassVar[Mapping[str, str]] = {
        CHANGED: "change dans la grille {code} : {parts}",
        RENAMED: "renomme dans la grille {before} en {after}",
        ADDED: "ajoute à la grille {code}",
        REMOVED: "retire de la grille {code}",
    }

    axis: str | None
    code: str | None
    # {"kind": …, "parts": […], "before": the code's texts or null, "after": the same}
    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def of(
        cls, kind: str, before: Code | None, after: Code | None, parts: Iterable[str] = ()
    ) -> Self:
        """Return the decision that made `after` of `before`; None is no code."""
        present = after or before
        assert present is not None
        texts = {"before": before and asdict(before), "after": after and asdict(after)}
        content = {"kind": kind, "parts": list(parts)} | texts
        return cls(present.axis, present.code, content)

    @property
    def kind(self) -> str:
        kind = self.content.get("kind")
        return str(kind) if kind in self.templates else CHANGED

    @property
    def parts(self) -> list[str]:
        """Return what of the code changed, in French."""
        parts = self.content.get("parts")
        return [str(part) for part in parts] if isinstance(parts, list) else []

    @property
    def before(self) -> Code | None:
        return _code(self.content.get("before"))

    @property
    def after(self) -> Code | None:
        return _code(self.content.get("after"))

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        content = read_json(value)
        if not isinstance(content, dict):
            return mask(value)
        sides = {
            side: _masked(content[side], mask)
            for side in ("before", "after")
            if isinstance(content.get(side), dict)
        }
        return as_json(content | sides)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("code of the grid", str(self.axis), str(self.code))}

    def sentence(self, names: Names) -> str:
        present, template = self.after or self.before, self.templates[self.kind]
        words = {"code": names.quoted(present.label if present else self.code)}
        if self.kind == CHANGED:
            words["parts"] = names.joined([names.say(part) for part in self.parts])
        if self.kind == RENAMED:
            words["before"] = names.quoted(self.before.code if self.before else "")
            words["after"] = names.quoted(self.after.code if self.after else "")
        return names.say(template, **words)


@dataclass(frozen=True)
class EditPart(GridDecision):
    """Adds, changes or removes an axis or a family of the grid, or orders codes or axes."""

    action = "edit_grid"
    part_templates: ClassVar[Mapping[tuple[str, str], str]] = {
        (AXIS, ADDED): "ajoute à la grille l’axe {name} et ses codes : {parts}",
        (AXIS, CHANGED): "change dans la grille l’axe {name}",
        (AXIS, REMOVED): "retire de la grille l’axe {name} et ses codes : {parts}",
        (FAMILY, ADDED): "ajoute à la grille la famille {name}",
        (FAMILY, CHANGED): "renomme dans la grille la famille {before} en {name}",
        (FAMILY, REMOVED): "retire de la grille la famille {name}, qui n’a plus de code",
        (ORDER, CHANGED): "change l’ordre des codes d’un axe de la grille",
        (ORDER, ""): "change l’ordre des axes de la grille",
    }

    axis: str | None  # None for the order of the axes
    code: str | None  # a family
    # {"kind": …, "before": what there was or null, "after": the same}, see PartChange
    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    @classmethod
    def of(cls, change: PartChange) -> Self:
        """Return the decision that made `change`."""
        content = {"kind": change.kind, "before": change.before, "after": change.after}
        return cls(change.axis or None, change.family or None, content)

    @property
    def change(self) -> PartChange:
        """Return what was changed; without texts where the row is damaged."""
        kind = self.content.get("kind")
        kind = kind if kind in (AXIS, FAMILY) else ORDER
        is_valid = {AXIS: _is_axis, FAMILY: _is_label, ORDER: _is_order}[kind]
        sides = [self.content.get(side) for side in ("before", "after")]
        if not all(map(is_valid, sides)) or (kind != ORDER and sides == [None, None]):
            kind, sides = ORDER, [[], []]
        return PartChange(kind, self.axis or "", self.code or "", *sides)

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        content = read_object(value)
        change = cls.read({"value": value}).change
        sides = {"before": change.before, "after": change.after}
        if change.kind != ORDER:
            sides = {side: _masked_part(part, mask) for side, part in sides.items()}
        return as_json({"kind": change.kind, **sides}) if content else mask(value)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {
            ("part of the grid", str(self.content.get("kind")), *map(str, (self.axis, self.code)))
        }

    def sentence(self, names: Names) -> str:
        change = self.change
        if change.kind == ORDER:
            return names.say(self.part_templates[ORDER, CHANGED if change.axis else ""])
        present = change.after or change.before
        kind = ADDED if change.before is None else REMOVED if change.after is None else CHANGED
        words = {"name": names.quoted(present if change.kind == FAMILY else present["label"])}
        if change.kind == FAMILY:
            words["before"] = names.quoted(change.before)
        else:
            codes = present.get("codes", ())
            words["parts"] = names.joined([str(code["label"]) for code in codes])
        return names.say(self.part_templates[change.kind, kind], **words)


def _is_axis(part: object) -> bool:
    """Whether `part` may be written back in a grid as an axis, or as none."""
    if part is None:
        return True
    if not isinstance(part, dict) or not isinstance(part.get("label"), str):
        return False
    codes = part.get("codes", [])
    return isinstance(codes, list) and all(_code(code) is not None for code in codes)


def _is_label(part: object) -> bool:
    return part is None or isinstance(part, str)


def _is_order(part: object) -> bool:
    return isinstance(part, list) and all(isinstance(name, str) for name in part)


def _masked_part(part: Any, mask: Callable[[str], str]) -> Any:
    """Return an axis, or the label of a family, with what was typed masked."""
    if isinstance(part, str):
        return mask(part)
    if part is None:
        return None
    masked = {name: mask(text) for name, text in part.items() if name in ("label", "definition")}
    codes = {"codes": [_masked(code, mask) for code in part["codes"]]} if "codes" in part else {}
    return {**part, **masked, **codes}


def _code(content: object) -> Code | None:
    """Return the code that `asdict` wrote, None for another content."""
    if not isinstance(content, dict):
        return None
    texts = {name: content.get(name) for name in (each.name for each in fields(Code))}
    for name in _LISTS:
        listed = texts[name]
        texts[name] = tuple(map(str, listed)) if isinstance(listed, list) else ()
    parent_id = texts.pop("parent_id")
    plain = {name: text if isinstance(text, str | tuple) else "" for name, text in texts.items()}
    return Code(**plain, parent_id=str(parent_id) if parent_id else None)  # type: ignore[arg-type]


def masked_grid(grid: Grid, mask: Callable[[str], str]) -> Grid:
    """Return `grid` with the typed texts of its codes, axes and families masked."""
    axes = (
        replace(axis, label=mask(axis.label), definition=mask(axis.definition))
        for axis in grid.own_axes
    )
    return replace(
        grid,
        codes=tuple(Code(**_masked(asdict(code), mask)) for code in grid.codes),
        families=tuple((family, mask(label)) for family, label in grid.families),
        own_axes=tuple(axes),
    )


def _masked(texts: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    masked = dict(texts)
    for name in _TYPED:
        text = texts.get(name)
        if isinstance(text, str):
            masked[name] = mask(text)
        elif isinstance(text, list | tuple):
            masked[name] = type(text)(mask(str(line)) for line in text)
    return masked
