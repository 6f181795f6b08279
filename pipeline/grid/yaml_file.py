"""Read grille.yaml with the line of each entry, and write it.

In:   a .yaml
Out:  Entries; and back
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import GridError
from pipeline.files import PlainLoader, RefusedYamlError, load_plain
from pipeline.grid.codes import (
    PILIER,
    POSTURE,
    RUBRIQUE,
    Axis,
    AxisEntry,
    Code,
    Entries,
    Entry,
    Grid,
)

_LISTS = {"rubriques": RUBRIQUE, "postures": POSTURE, "piliers": PILIER}
_OWN_AXES = "axes"
_GROUPED = (
    "sous_rubriques",
    "sous_codes",
)  # the same, for a rubrique or another axis's code
_KNOWN = frozenset(
    {
        *("id", "libelle", "definition", "inclure", "exclure", "exemples", "lexique"),
        *("couleur", "anciens", *_GROUPED),
    }
)
_KNOWN_OF_AXIS = frozenset({"id", "libelle", "definition", "choix", "codes"})
_LINE = "\0line"  # no key of a YAML file holds a null
_WIDTH = 120
_MAX_BYTES = 2_000_000


class _Loader(PlainLoader):
    """Keeps the line of each mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        return {**super().construct_mapping(node, deep=deep), _LINE: node.start_mark.line + 1}


def read_yaml(path: Path) -> Entries:
    """Return the entries of `path`.

    Raises `GridError` if it is not YAML in UTF-8, or lacks the lists of a grid.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise GridError(
                f"{path.name} a plus de {_MAX_BYTES // 1_000_000} Mo",
                "une grille de codes",
                "la raccourcir",
            )
        content = load_plain(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise GridError(
            f"{path.name} n'est pas en UTF-8", "un fichier YAML en UTF-8", "l'enregistrer en UTF-8"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(path, error) from error
    if not isinstance(content, dict) or not any(content.get(name) for name in (*_LISTS, _OWN_AXES)):
        expected = "une liste « rubriques », « postures », « piliers » ou « axes »"
        raise GridError(
            f"{path.name} n'a pas de « rubriques », ni d'autres axes",
            expected,
            "partir de la grille de data/grid/",
        )
    codes: list[Entry] = []
    families: list[tuple[str, str, str]] = []
    for name, axis in _LISTS.items():
        for entry in _listed(content, name, path):
            _read_entry(entry, axis, path, codes, families)
    axes = [_read_axis(entry, path, codes, families) for entry in _listed(content, _OWN_AXES, path)]
    asked = _listed(content, "questions", path)
    questions = [
        (str(entry["id"]), str(entry.get("libelle", entry["id"])))
        for entry in asked
        if entry.get("id")
    ]
    return Entries(
        codes, families, questions, _text(content, "id"), _text(content, "version"), axes
    )


def write_yaml(grid: Grid) -> str:
    """Return `grid` as the text of a grille.yaml."""
    content: dict[str, Any] = {"id": grid.grid_id, "version": grid.version, "langue": "fr"}
    content |= {name: list(_tree(grid, axis)) for name, axis in _LISTS.items()}
    content[_OWN_AXES] = [
        _written_axis(axis) | {"codes": list(_tree(grid, axis.axis))} for axis in grid.own_axes
    ]
    content["questions"] = [
        {"id": question.question, "libelle": question.label} for question in grid.questions
    ]
    filled = {key: value for key, value in content.items() if value}
    return yaml.safe_dump(filled, allow_unicode=True, sort_keys=False, width=_WIDTH)


def _syntax_error(path: Path, error: Exception) -> GridError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or ""
    where = f", ligne {mark.line + 1}" if mark else ""
    if isinstance(error, RefusedYamlError) and not problem.startswith("«"):
        expected = "un fichier YAML sans renvois, ni imbrications ni valeurs démesurées"
        return GridError(
            f"{path.name}{where} : {problem}", expected, "écrire chaque valeur en toutes lettres"
        )
    if problem.startswith("«"):
        return GridError(
            f"{path.name}{where} : {problem}", "une seule fois chaque clé", "retirer l'une des deux"
        )
    return GridError(
        f"{path.name}{where} : illisible",
        "un fichier YAML",
        "corriger sa syntaxe : retraits, guillemets, deux-points",
    )


def _listed(content: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    listed = content.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        where = f", ligne {content[_LINE]}"
        found = f"{path.name}{where} : « {name} » n'est pas une liste de codes"
        raise GridError(
            found, "une liste de codes, chacun avec id, libelle, definition", f"corriger « {name} »"
        )
    return listed


def _read_axis(
    entry: dict[str, Any], path: Path, codes: list[Entry], families: list[tuple[str, str, str]]
) -> AxisEntry:
    _refuse_unknown(entry, _KNOWN_OF_AXIS, path)
    axis = _text(entry, "id")
    for code in _listed(entry, "codes", path):
        _read_entry(code, axis, path, codes, families)
    return AxisEntry(
        axis,
        _text(entry, "libelle"),
        _text(entry, "definition"),
        _text(entry, "choix"),
        f"ligne {entry[_LINE]}",
    )


def _read_entry(
    entry: dict[str, Any],
    axis: str,
    path: Path,
    codes: list[Entry],
    families: list[tuple[str, str, str]],
) -> None:
    children = [child for name in _GROUPED for child in _listed(entry, name, path)]
    if not children:
        codes.append(_entry(entry, axis, path, None))
        return
    family = _text(entry, "id")
    families.append((family, _text(entry, "libelle") or family, f"ligne {entry[_LINE]}"))
    codes.extend(_entry(child, axis, path, family) for child in children)


def _entry(entry: dict[str, Any], axis: str, path: Path, family: str | None) -> Entry:
    _refuse_unknown(entry, _KNOWN, path)
    return Entry(
        _text(entry, "id"),
        axis,
        _text(entry, "libelle"),
        _text(entry, "definition"),
        _text(entry, "inclure"),
        _text(entry, "exclure"),
        _several(entry.get("exemples")),
        family,
        _several(entry.get("lexique")),
        _text(entry, "couleur"),
        _several(entry.get("anciens")),
        f"ligne {entry[_LINE]}",
    )


def _refuse_unknown(entry: dict[str, Any], known: frozenset[str], path: Path) -> None:
    unknown = [str(key) for key in entry if key not in known and key != _LINE]
    if unknown:
        found = f"{path.name}, ligne {entry[_LINE]} : clé inconnue « {unknown[0]} »"
        raise GridError(found, f"une de : {', '.join(sorted(known))}", "la corriger")


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return "" if value is None else " ".join(str(value).split())


def _several(value: Any) -> tuple[str, ...]:
    """A single text counts as a list of one."""
    listed = value if isinstance(value, list) else [value] if value else []
    return tuple(" ".join(str(text).split()) for text in listed)


def _tree(grid: Grid, axis: str) -> Iterator[dict[str, Any]]:
    """Each family comes once, where its first code stands."""
    labels, done = dict(grid.families), set[str]()
    grouped = _GROUPED[axis != RUBRIQUE]
    for code in grid.axis(axis):
        if code.parent_id is None:
            yield _written(code)
        elif code.parent_id not in done:
            done.add(code.parent_id)
            below = [
                _written(child) for child in grid.axis(axis) if child.parent_id == code.parent_id
            ]
            yield {
                "id": code.parent_id,
                "libelle": labels.get(code.parent_id, code.parent_id),
                grouped: below,
            }


def _written_axis(axis: Axis) -> dict[str, Any]:
    texts = {
        "id": axis.axis,
        "libelle": axis.label,
        "definition": axis.definition,
        "choix": "un" if axis.is_exclusive else "plusieurs",
    }
    return {key: value for key, value in texts.items() if value}


def _written(code: Code) -> dict[str, Any]:
    texts = {
        "id": code.code,
        "libelle": code.label,
        "definition": code.definition,
        "inclure": code.include,
        "exclure": code.exclude,
        "couleur": code.colour,
    }
    lists = {
        "exemples": list(code.examples),
        "lexique": list(code.lexicon),
        "anciens": list(code.former),
    }
    return {key: value for key, value in (texts | lists).items() if value}
