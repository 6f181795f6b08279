"""Remember what people changed of the codebook, code by code, with the former text.

The grid itself is a file: replaying these decisions changes no table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from pipeline.decisions.kinds import (
    Decision,
    Names,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_json,
    read_object,
)
from pipeline.grid.codes import Code, Grid

CHANGED, RENAMED, ADDED, REMOVED = "changé", "renommé", "ajouté", "retiré"
_TYPED = ("label", "definition", "include", "exclude", "examples", "lexicon")
_LISTS = ("examples", "lexicon", "former")


@dataclass(frozen=True)
class EditCode(Decision):
    """Changes, renames, adds or removes a code of the grid."""

    action = "edit_code"
    group = "grille"
    has_typed_value = True
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

    def holds(self, reviewed: Reviewed) -> bool:
        return True

    def sentence(self, names: Names) -> str:
        present, template = self.after or self.before, self.templates[self.kind]
        words = {"code": names.quoted(present.label if present else self.code)}
        if self.kind == CHANGED:
            words["parts"] = names.joined([names.say(part) for part in self.parts])
        if self.kind == RENAMED:
            words["before"] = names.quoted(self.before.code if self.before else "")
            words["after"] = names.quoted(self.after.code if self.after else "")
        return names.say(template, **words)


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
    """Return `grid` with the typed texts of its codes masked."""
    return replace(grid, codes=tuple(_masked_code(code, mask) for code in grid.codes))


def _masked_code(code: Code, mask: Callable[[str], str]) -> Code:
    texts = {name: getattr(code, name) for name in _TYPED}
    masked: dict[str, Any] = {
        name: mask(text) if isinstance(text, str) else tuple(map(mask, text))
        for name, text in texts.items()
    }
    return replace(code, **masked)


def _masked(texts: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    masked = dict(texts)
    for name in _TYPED:
        text = texts.get(name)
        if isinstance(text, str):
            masked[name] = mask(text)
        elif isinstance(text, list):
            masked[name] = [mask(str(line)) for line in text]
    return masked


KINDS: tuple[type[Decision], ...] = (EditCode,)
