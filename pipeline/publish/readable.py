"""What analysts read in a spreadsheet: passages, themes, priorities and contrasts as lists headed in French, words instead of codes.

In:   the tables of the data dictionary, grid
Out:  one list a name
"""

import json

import pandas as pd

from pipeline.grid import STANDARD, Grid
from pipeline.publish.report.passages import Passages, Tables, gather_passages, workshop_names
from pipeline.publish.text import one_line, stability, texts, word
from pipeline.tables import LEAD

PASSAGES = "passages"
READABLE = (PASSAGES, "liste_themes", "liste_priorites", "liste_territoires")


def readable_lists(tables: Tables, grid: Grid | None) -> dict[str, pd.DataFrame]:
    """The lists by name, passages first. Without `grid`, codes are not translated into labels."""
    lists = {
        PASSAGES: _passages(tables, grid),
        "liste_themes": _themes(tables),
        "liste_priorites": _priorities(tables),
        "liste_territoires": _contrasts(tables, grid),
    }
    own = {axis.axis: axis.label for axis in grid.own_axes} if grid else {}
    heads = texts()["exports"] | own
    if tables["units"]["table_number"].isna().all() and len(tables["units"]):  # documents were counted in the place of tables
        lists["liste_territoires"] = lists["liste_territoires"].rename(columns={"n_tables": "n_documents", "part": "part_documents"})
    return {name: rows.rename(columns=heads) for name, rows in lists.items()}


def _passages(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    """One row a passage in reading order: where it was said, its codes and theme in words."""
    passages = gather_passages(tables)
    rows, heads = passages.rows, texts()["exports"]
    codes = {axis: rows["unit_id"].map(_codes(passages, axis, grid)) for axis in ([axis.axis for axis in grid.axes] if grid else STANDARD)}
    return pd.DataFrame(
        {
            "atelier": rows["workshop_id"].map(passages.names),
            "table": rows["table_number"],
            "question": rows["question"].map(lambda name: word("questions", name), na_action="ignore"),
            "canal": rows["channel"].map(lambda name: word("lieux", name)),
            "passage": rows["text"],
            **codes,
            "theme": rows["theme_id"].map(_labels(tables)),
            "mis_a_part": rows["theme_id"].isna().map({True: heads["oui"], False: heads["non"]}),
            "identifiant": rows["unit_id"],
        }
    )


def _themes(tables: Tables) -> pd.DataFrame:
    """One row a theme, those said at most tables first."""
    rows = tables["themes"].sort_values(["n_tables", "n_units", "theme_id"], ascending=[False, False, True])
    families = tables["theme_families"].set_index("family_id")["label"].map(one_line)
    return pd.DataFrame(
        {
            "theme": rows["label"].map(one_line),
            "famille": rows["parent_id"].map(families),
            "description": rows["description"],
            "mots": [", ".join(map(str, json.loads(words))) for words in rows["keywords"]],
            "nature_theme": rows["kind"].map(lambda kind: word("natures", kind)),
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "n_ateliers": rows["n_workshops"],
            "solidite": [stability(None if pd.isna(value) else value) for value in rows["stability"]],
            "identifiant": rows["theme_id"],
        }
    )


def _priorities(tables: Tables) -> pd.DataFrame:
    """One row a scope and theme: the study first, then the workshops, by rank."""
    names = {"study": texts()["exports"]["etude"]} | workshop_names(tables["workshops"])
    place = {scope: order for order, scope in enumerate(names)}
    rows = tables["priorities"]
    rows = rows.assign(place=rows["scope"].map(place)).sort_values(["place", "scope", "rank", "theme_id"])
    return pd.DataFrame(
        {
            "portee": rows["scope"].map(names),
            "rang": rows["rank"],
            "theme": rows["theme_id"].map(_labels(tables)),
            "score": rows["score"],
            "rang_bas": rows["rank_low"],
            "rang_haut": rows["rank_high"],
            "p_top3": rows["p_top3"],
            "identifiant": rows["theme_id"],
        }
    )


def _contrasts(tables: Tables, grid: Grid | None) -> pd.DataFrame:
    """One row a territory and subject, a theme or a code."""
    rows = tables["contrasts"].sort_values(["territory", "subject", "subject_id"], ascending=[True, False, True])
    labels = _labels(tables)
    codes = [subject_id.partition(":")[2] for subject_id in rows["subject_id"]]
    subjects = [
        labels.get(subject_id, subject_id) if subject == "theme" else grid.label_of(code) if grid else code
        for subject, subject_id, code in zip(rows["subject"], rows["subject_id"], codes, strict=True)
    ]
    return pd.DataFrame(
        {
            "territoire": rows["territory"],
            "sujet": subjects,
            "n_passages": rows["n_units"],
            "n_tables": rows["n_tables"],
            "part": rows["share"],
            "verdict": rows["verdict"].where(~rows["is_lead"], LEAD),
            "identifiant": rows["subject_id"],
        }
    )


def _labels(tables: Tables) -> dict[str, str]:
    themes = tables["themes"]
    return dict(zip(themes["theme_id"], map(one_line, themes["label"]), strict=True))


def _codes(passages: Passages, axis: str, grid: Grid | None) -> pd.Series:
    """The labels of each passage's codes on `axis`, in the order of their names, by unit_id."""
    tags = passages.tags[passages.tags["axis"] == axis]
    names = {code: grid.label_of(code) if grid else code for code in tags["code"].unique()}
    return tags.assign(name=tags["code"].map(names)).groupby("unit_id")["name"].agg(" ; ".join)
