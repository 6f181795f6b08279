"""Summarise a publication, and tell in French how it differs from the one before.

In:   Report, tables
Out:  a summary that fits in a manifest; French lines
"""

from collections.abc import Mapping
from typing import Any

from pipeline.publish.report.content import Report
from pipeline.publish.report.passages import Tables
from pipeline.publish.text import (
    NARROW,
    NBSP,
    count,
    number,
    ordinal,
    plain_name,
    quoted,
    sentence,
    word,
)
from pipeline.tables.columns import rows_of

Summary = Mapping[str, Any]
_MOST = 12  # lines of a kind


def summarise(report: Report, tables: Tables, *, n_priorities: int) -> Summary:
    """Return the counts, themes and first priorities by scope that later publications are compared
    with.
    """
    ranked = tables["priorities"].sort_values(["scope", "rank"])
    scopes = ["study"]
    if len(report.workshops) > 1:
        scopes += [*tables["workshops"].sort_values(["date", "workshop_id"])["workshop_id"]]
    themes = {}
    for row in rows_of(tables["themes"].sort_values("theme_id")):
        counts = {"n_tables": int(row.n_tables), "n_passages": int(row.n_units)}
        themes[row.theme_id] = {"label": plain_name(row.label)} | counts
    priorities = {}
    for scope, laid_out in zip(scopes, report.scopes, strict=True):
        first = ranked.loc[ranked["scope"] == scope, "theme_id"].head(n_priorities)
        priorities[scope] = {"title": laid_out.title, "themes": [*first]}
    return {
        "made_on": report.made_on,
        "workshops": [workshop.name for workshop in report.workshops],
        "n_documents": report.documents.n_all,
        "n_passages": report.coverage.n_units,
        "n_reviewed": report.coverage.n_reviewed_tags,
        "themes": themes,
        "priorities": priorities,
    }


def tell_changes(before: Summary | None, after: Summary) -> list[str]:
    """Return the French lines of what changed; one line where nothing did."""
    if before is None:
        return [sentence("changements.premiere")]
    lines = _counts(before, after)
    for key, these, others in (
        ("ateliers_ajoutes", after, before),
        ("ateliers_retires", before, after),
    ):
        names = [name for name in these["workshops"] if name not in others["workshops"]]
        lines += _names_line(key, names)
    lines += [*_themes(before["themes"], after["themes"]), *_priorities(before, after)]
    head = sentence("changements.depuis", date=before["made_on"])
    return (
        [head, *(f"- {line}" for line in lines)] if lines else [head, sentence("changements.rien")]
    )


def _counts(before: Summary, after: Summary) -> list[str]:
    lines = []
    for name in ("n_documents", "n_passages", "n_reviewed"):
        n = after[name]
        if n != before[name]:
            noun, change = word("changements", name), _signed(n - before[name])
            lines.append(sentence("changements.compte", nom=noun, n=number(n), ecart=change))
    return lines


def _signed(n: int) -> str:
    return f"+{number(n)}" if n > 0 else number(n)


def _names_line(key: str, names: list[str]) -> list[str]:
    if not names:
        return []
    n_others, text = len(names) - _MOST, ", ".join(names[:_MOST])
    text += sentence("changements.autres", n=n_others) if n_others > 0 else ""
    return [sentence(f"changements.{key}", n=len(names), noms=text)]


def _themes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    renamed, moved = [], []
    for theme_id in (theme_id for theme_id in new if theme_id in old):
        before, after = old[theme_id], new[theme_id]
        theme, tables = quoted(after["label"]), after["n_tables"]
        if before["label"] != after["label"]:
            label = quoted(before["label"])
            renamed.append(sentence("changements.renomme", avant=label, apres=theme))
        if before["n_tables"] != tables:
            change = {
                "tables": count(tables, "table"),
                "ecart": _signed(tables - before["n_tables"]),
            }
            moved.append(sentence("changements.tables", theme=theme, **change))
    return [
        *_names_line(
            "themes_nouveaux", [quoted(new[one]["label"]) for one in new if one not in old]
        ),
        *_names_line(
            "themes_disparus", [quoted(old[one]["label"]) for one in old if one not in new]
        ),
        *_cut(renamed),
        *_cut(moved),
    ]


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST:
        return lines
    return [*lines[:_MOST], sentence("changements.autres_lignes", n=len(lines) - _MOST)]


def _priorities(before: Summary, after: Summary) -> list[str]:
    lines, themes = [], {**before["themes"], **after["themes"]}
    for scope, new in after["priorities"].items():
        old = before["priorities"].get(scope, {"themes": []})["themes"]
        moves = _moves(old, new["themes"], themes) if old else []
        if moves:
            lines.append(f"{new['title']}{NBSP}: {f'{NARROW}; '.join(moves)}.")
    return lines


def _moves(old: list[str], new: list[str], themes: Mapping[str, Any]) -> list[str]:
    moves = []
    for rank, theme_id in enumerate(new, start=1):
        theme, after = quoted(themes[theme_id]["label"]), ordinal(rank)
        if theme_id not in old:
            moves.append(sentence("changements.entre", theme=theme, rang=after))
        elif old.index(theme_id) + 1 != rank:
            rank_before = ordinal(old.index(theme_id) + 1)
            moves.append(sentence("changements.passe", theme=theme, avant=rank_before, apres=after))
    for rank, theme_id in enumerate(old, start=1):
        if theme_id not in new:
            theme = quoted(themes[theme_id]["label"])
            moves.append(sentence("changements.sort", theme=theme, rang=ordinal(rank)))
    return moves
