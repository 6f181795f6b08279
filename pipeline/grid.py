"""The codebook: the study's grid of codes on three axes, and the questions of the world café.

In:   grille.yaml
Out:  Grid; duplicates, orphans and empty definitions are refused
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import GridError


@dataclass(frozen=True)
class Code:
    """A code of the grid: `parent_id` is the rubrique it details, if any."""

    code: str
    axis: str  # rubrique, posture or pilier
    label: str
    definition: str
    include: str = ""
    exclude: str = ""
    examples: tuple[str, ...] = ()
    parent_id: str | None = None

    @property
    def description(self) -> str:
        """Label, definition and inclusions in one text, for a reader or an encoder."""
        return " ".join(part for part in (f"{self.label}.", self.definition, self.include, *self.examples) if part)


@dataclass(frozen=True)
class Question:
    """A question of the world café."""

    question: str  # q1, q2, …
    label: str


@dataclass(frozen=True)
class Grid:
    """The codes in the grid's order, and its questions; `version` is the grid's own."""

    grid_id: str
    version: str
    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    families: tuple[tuple[str, str], ...]  # id and label of the rubriques that only group others

    def axis(self, axis: str) -> tuple[Code, ...]:
        """The codes of one axis, in the grid's order."""
        return tuple(code for code in self.codes if code.axis == axis)

    def label_of(self, code: str) -> str:
        """The label of a code or family; the code itself where the grid does not know it."""
        known = {entry.code: entry.label for entry in self.codes} | dict(self.families)
        return known.get(code, code)


def load_grid(path: Path | str) -> Grid:
    """Return the grid of `path`.

    Raises `GridError` when the file is missing or is not YAML, or a code is given twice, hangs under no rubrique, or has no definition.
    """
    path = Path(path)
    if not path.is_file():
        raise GridError(
            f"pas de grille {path.name}", "un fichier YAML de rubriques, postures et piliers", "ateliers init ÉTUDE --grid FICHIER"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GridError(f"{path.name} illisible", "un fichier YAML en UTF-8", "ouvrir la grille et corriger sa syntaxe") from error
    if not isinstance(content, dict) or not content.get("rubriques"):
        raise GridError(f"{path.name} n'a pas de « rubriques »", "une liste « rubriques »", "partir de la grille de data/grid/")
    codes, families = _rubriques(content["rubriques"], path.name)
    codes += [_code(entry, "posture", path.name) for entry in content.get("postures") or []]
    codes += [_code(entry, "pilier", path.name) for entry in content.get("piliers") or []]
    _refuse_duplicates([code.code for code in codes] + [family for family, _ in families], path.name)
    questions = tuple(Question(str(entry["id"]), str(entry.get("libelle", entry["id"]))) for entry in content.get("questions") or [])
    return Grid(str(content.get("id", path.stem)), str(content.get("version", "1")), tuple(codes), questions, tuple(families))


def _rubriques(entries: list[Any], name: str) -> tuple[list[Code], list[tuple[str, str]]]:
    """Codes and grouping families of the rubriques; a rubrique with sub-rubriques is a family, not a code."""
    codes: list[Code] = []
    families: list[tuple[str, str]] = []
    for entry in entries:
        children = entry.get("sous_rubriques") if isinstance(entry, dict) else None
        if not children:
            codes.append(_code(entry, "rubrique", name))
            continue
        family = str(entry.get("id") or "")
        families.append((family, str(entry.get("libelle", family))))
        for child in children:
            code = _code(child, "rubrique", name, parent_id=family)
            if not family or ("." in code.code and not code.code.startswith(f"{family}.")):
                raise GridError(
                    f"{name} : « {code.code} » est rangé sous « {family} »", "un code sous sa propre rubrique", "le déplacer ou le renommer"
                )
            codes.append(code)
    return codes, families


def _code(entry: Any, axis: str, name: str, parent_id: str | None = None) -> Code:
    if not isinstance(entry, dict) or not entry.get("id"):
        raise GridError(f"{name} : un code sans « id » ({axis})", "un « id » par code", "donner un « id » à chaque code")
    definition = str(entry.get("definition") or "").strip()
    if not definition:
        raise GridError(
            f"{name} : « {entry['id']} » sans définition", "une définition par code", f"écrire la définition de « {entry['id']} »"
        )
    text = {key: " ".join(str(entry.get(key) or "").split()) for key in ("libelle", "inclure", "exclure")}
    examples = tuple(str(example) for example in entry.get("exemples") or ())
    return Code(
        str(entry["id"]),
        axis,
        text["libelle"] or str(entry["id"]),
        " ".join(definition.split()),
        text["inclure"],
        text["exclure"],
        examples,
        parent_id,
    )


def _refuse_duplicates(codes: list[str], name: str) -> None:
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise GridError(f"{name} : codes donnés deux fois : {', '.join(twice)}", "un « id » par code", "renommer ou retirer les doublons")
