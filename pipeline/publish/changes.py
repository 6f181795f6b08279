"""What a publication says, in short, and how it differs from the one before, in words.

In:   Report, tables
Out:  a summary that fits in a manifest; French lines
"""

from collections.abc import Mapping
from typing import Any

from pipeline.publish.report.content import Report
from pipeline.publish.report.passages import Tables, rows_of
from pipeline.publish.text import NBSP, count, number, ordinal, plain_name, quoted, sentence, word

Summary = Mapping[str, Any]
_MOST = 12  # lines of a kind; a study made anew would otherwise fill pages


def summarise(report: Report, tables: Tables, *, n_priorities: int) -> Summary:
    """What later publications are compared with: counts, themes by identity, first priorities by scope."""
    ranked = tables["priorities"].sort_values(["scope", "rank"])
    themes = tables["themes"].sort_values("theme_id")
    scopes = [
        "study",
        *(
            tables["workshops"].sort_values(["date", "workshop_id"])["workshop_id"]
            if len(report.workshops) > 1
            else ()
        ),
    ]
    titles = dict(zip(scopes, (scope.title for scope in report.scopes), strict=True))
    return {
        "made_on": report.made_on,
        "workshops": [workshop.name for workshop in report.workshops],
        "n_documents": report.documents.n_all,
        "n_passages": report.coverage.n_units,
        "n_reviewed": report.coverage.n_reviewed_tags,
        "themes": {
            row.theme_id: {
                "label": plain_name(row.label),
                "n_tables": int(row.n_tables),
                "n_passages": int(row.n_units),
            }
            for row in rows_of(themes)
        },
        "priorities": {
            scope: {
                "title": title,
                "themes": [*ranked.loc[ranked["scope"] == scope, "theme_id"].head(n_priorities)],
            }
            for scope, title in titles.items()
        },
    }


def tell_changes(before: Summary | None, after: Summary) -> list[str]:
    """Return the lines that tell how `after` differs from `before`; one line where it does not, or where nothing was published before."""
    if before is None:
        return [sentence("changements.premiere")]
    lines = [
        *_counts(before, after),
        *_workshops(before, after),
        *_themes(before, after),
        *_priorities(before, after),
    ]
    head = sentence("changements.depuis", date=before["made_on"])
    return (
        [head, *(f"- {line}" for line in lines)] if lines else [head, sentence("changements.rien")]
    )


def _counts(before: Summary, after: Summary) -> list[str]:
    names = ("n_documents", "n_passages", "n_reviewed")
    return [
        sentence(
            "changements.compte",
            nom=word("changements", name),
            n=number(after[name]),
            ecart=_signed(after[name] - before[name]),
        )
        for name in names
        if after[name] != before[name]
    ]


def _workshops(before: Summary, after: Summary) -> list[str]:
    return _listed(
        "ateliers_ajoutes", [name for name in after["workshops"] if name not in before["workshops"]]
    ) + _listed(
        "ateliers_retires", [name for name in before["workshops"] if name not in after["workshops"]]
    )


def _themes(before: Summary, after: Summary) -> list[str]:
    """New, gone and renamed themes, then those said at more or fewer tables."""
    old, new = before["themes"], after["themes"]
    both = [theme_id for theme_id in new if theme_id in old]
    renamed = [
        sentence(
            "changements.renomme",
            avant=quoted(old[name]["label"]),
            apres=quoted(new[name]["label"]),
        )
        for name in both
        if old[name]["label"] != new[name]["label"]
    ]
    moved = [
        sentence(
            "changements.tables",
            theme=quoted(new[name]["label"]),
            tables=count(new[name]["n_tables"], "table"),
            ecart=_signed(new[name]["n_tables"] - old[name]["n_tables"]),
        )
        for name in both
        if old[name]["n_tables"] != new[name]["n_tables"]
    ]
    return [
        *_listed(
            "themes_nouveaux", [quoted(new[name]["label"]) for name in new if name not in old]
        ),
        *_listed(
            "themes_disparus", [quoted(old[name]["label"]) for name in old if name not in new]
        ),
        *_cut(renamed),
        *_cut(moved),
    ]


def _priorities(before: Summary, after: Summary) -> list[str]:
    """Each scope whose first priorities are others, or in another order."""
    lines = []
    for scope, here in after["priorities"].items():
        old = before["priorities"].get(scope, {"themes": []})["themes"]
        moves = _moves(old, here["themes"], {**before["themes"], **after["themes"]}) if old else []
        if moves:
            lines.append(
                f"{here['title']}{NBSP}: {' ; '.join(moves).replace(' ;', chr(0x202F) + ';')}."
            )
    return lines


def _moves(old: list[str], new: list[str], themes: Mapping[str, Any]) -> list[str]:
    told = []
    for rank, theme_id in enumerate(new, start=1):
        theme = quoted(themes[theme_id]["label"])
        if theme_id not in old:
            told.append(sentence("changements.entre", theme=theme, rang=ordinal(rank)))
        elif (was := old.index(theme_id) + 1) != rank:
            told.append(
                sentence("changements.passe", theme=theme, avant=ordinal(was), apres=ordinal(rank))
            )
    left = [(rank, theme_id) for rank, theme_id in enumerate(old, start=1) if theme_id not in new]
    return told + [
        sentence("changements.sort", theme=quoted(themes[name]["label"]), rang=ordinal(rank))
        for rank, name in left
    ]


def _listed(key: str, names: list[str]) -> list[str]:
    """One line that lists `names`; none where there is none."""
    if not names:
        return []
    shown = ", ".join(names[:_MOST]) + (
        sentence("changements.autres", n=len(names) - _MOST) if len(names) > _MOST else ""
    )
    return [sentence(f"changements.{key}", n=len(names), noms=shown)]


def _cut(lines: list[str]) -> list[str]:
    return (
        lines
        if len(lines) <= _MOST
        else [*lines[:_MOST], sentence("changements.autres_lignes", n=len(lines) - _MOST)]
    )


def _signed(n: int) -> str:
    return f"+{number(n)}" if n > 0 else number(n)
