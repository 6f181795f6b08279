"""Make the sheets of passages, themes, what is said under them, priorities and territories.

In:   StudyRows
Out:  a table a sheet, under French headings
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd

from pipeline.publish.report.passages import assigned_tags, axis_title
from pipeline.publish.report.themes import ranked_themes, said_of
from pipeline.publish.text import (
    capitalised,
    plain_name,
    plain_text,
    rank_interval,
    stability,
    typography,
    word,
)
from pipeline.publish.workbook.rows import StudyRows, head
from pipeline.tables.columns import rows_of
from pipeline.verdicts import shown_verdicts

_NO_QUESTION = ("resume", "autre")  # named where passages are listed without themes


def passage_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a passage, with where it was said, its codes and its theme."""
    rows = study.passages.rows
    titles = study.tables["documents"].set_index("document_id")["title"]
    columns: dict[str, Any] = study.where(rows["workshop_id"]) | {
        head("table"): rows["table_number"].to_numpy(),
        head("question"): [_question(name) for name in rows["question"]],
        head("nature"): [word("lieux", name) for name in rows["channel"]],
        head("document"): [title_of(titles.get(name)) for name in rows["document_id"]],
        head("passage"): rows["text"].to_numpy(),
    }
    tags = study.passages.tags
    for axis in study.grid.axes:
        mine = tags[tags["axis"] == axis.axis]
        labels = {code: plain_name(study.grid.label_of(code)) for code in mine["code"].unique()}
        codes_of = _joined(mine["unit_id"], mine["code"].map(labels), " ; ")
        columns[axis_title(axis)] = [codes_of.get(name) for name in rows["unit_id"].tolist()]
    if study.theme_names:
        none, to_check = head("mis_a_part"), head("a_verifier")
        is_aside = rows["theme_id"].isna()
        counted = pd.Series(_yes_or_no(rows["is_counted"])).where(rows["is_counted"], to_check)
        columns[head("theme")] = rows["theme_id"].map(study.theme_names).fillna(none)
        columns[head("compte")] = counted.mask(is_aside, None)
    columns[head("etiquettes")] = rows["unit_id"].map(_who_tagged(study)).to_numpy()
    table = pd.DataFrame(columns)
    has_tables = rows["table_number"].notna().any()
    return table if has_tables else table.drop(columns=head("table"))


def _who_tagged(study: StudyRows) -> pd.Series:
    """Say whose codes each passage bears, without a name."""
    assigned = assigned_tags(study.tables["tags"])[["unit_id", "source"]].drop_duplicates()
    assigned = assigned.sort_values("source")
    sources = pd.Series(_joined(assigned["unit_id"], assigned["source"], "+"), dtype=object)
    return sources.map(partial(word, "poses_par"))


def _joined(unit_ids: pd.Series, words: pd.Series, separator: str) -> dict[str, str]:
    """Return the words of each unit, in their order: a group at a time takes pandas seconds."""
    words_of: dict[str, list[str]] = defaultdict(list)
    for unit_id, said in zip(unit_ids.tolist(), words.tolist(), strict=True):
        words_of[unit_id].append(said)
    return {unit_id: separator.join(said) for unit_id, said in words_of.items()}


def theme_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a theme, by the study's ranking."""
    tables, rows = study.tables, study.passages.rows
    themes = ranked_themes(tables)
    counted = [study.said("study", name) for name in themes["theme_id"]]
    families = tables["theme_families"].set_index("family_id")["label"].map(plain_name)
    told = rows[rows["is_counted"]].drop_duplicates(["theme_id", "workshop_id"])
    territories = told.assign(
        territory=[study.places[name][0] for name in told["workshop_id"]]
    ).drop_duplicates(["theme_id", "territory"])
    names = territories.groupby("theme_id")["territory"].agg(", ".join)
    is_to_choose = themes["subject_id"].isna() & (themes["name_source"] != "person")
    solidity = [None if pd.isna(value) else value for value in themes["stability"]]
    return pd.DataFrame(
        {
            head("theme"): themes["theme_id"].map(study.theme_names).to_numpy(),
            head("enonce"): [said_of(theme) for theme in rows_of(themes)],
        }
        | study.counts([(least, most) for least, most, _ in counted])
        | {
            head("ateliers"): themes["n_workshops"].to_numpy(),
            head("territoires"): themes["theme_id"].map(names).to_numpy(),
            head("passages"): [n_units for _, _, n_units in counted],
            head("famille"): themes["parent_id"].map(families).to_numpy(),
            head("nature_theme"): [word("natures", kind) for kind in themes["kind"]],
            head("phrase"): [plain_text(text) for text in themes["description"]],
            head("mots"): [
                ", ".join(map(plain_name, json.loads(words))) for words in themes["keywords"]
            ],
            head("solidite"): list(map(stability, solidity, themes["unity"])),
            head("origine_nom"): [
                word("origines_nom", name)
                for name in themes["name_source"].mask(is_to_choose, "a_choisir")
            ],
            head("relu"): _yes_or_no(themes["is_signed_off"]),
        }
    )


def opinion_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a thing said, by theme, with what faces it."""
    rows, words = study.tables["theme_opinions"], study.passages.words()
    order = {name: i for i, name in enumerate(theme_sheet(study)[head("theme")])}
    names = rows["theme_id"].map(study.theme_names)
    rows = rows.assign(name=names, rank=names.map(order)).dropna(subset="name")
    rows = rows.sort_values(["rank", "theme_id", "opinion_order"])
    texts_by_unit = dict(
        zip(study.passages.rows["unit_id"], study.passages.rows["text"], strict=True)
    )
    said = rows["unit_id"].map(texts_by_unit)
    keys = zip(rows["theme_id"], rows["opinion_order"], strict=True)
    text_of = dict(zip(keys, said, strict=True))
    faced = zip(rows["theme_id"], rows["faces"], strict=True)
    return pd.DataFrame(
        {
            head("theme"): rows["name"],
            head("nature_dit"): [word("opinions", one) for one in rows["posture"]],
            head("passage"): said,
            word("colonnes", words.column): rows["n_tables"],
            head("ateliers"): rows["n_workshops"],
            head("passages"): rows["n_units"],
            head("en_face"): [text_of.get(pair) for pair in faced],
        }
    )


def priority_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a theme at its rank, for the study then for each workshop."""
    themes = {row.theme_id: row for row in rows_of(study.tables["themes"])}
    names = {"study": head("etude")} | study.passages.names
    order = {scope: i for i, scope in enumerate(names)}
    rows = study.tables["priorities"]
    rows = rows[rows["scope"].isin(list(names)) & rows["theme_id"].isin(list(themes))]
    rows = rows.assign(order=rows["scope"].map(order)).sort_values(["order", "rank", "theme_id"])
    said = [study.said(row.scope, row.theme_id) for row in rows_of(rows)]
    retenus = study.passages.words().retenus
    spans = zip(rows["rank_low"], rows["rank_high"], strict=True)
    return pd.DataFrame(
        {
            head("portee"): rows["scope"].map(names).to_numpy(),
            head("rang"): rows["rank"].to_numpy(),
            head("theme"): rows["theme_id"].map(study.theme_names).to_numpy(),
            head("enonce"): [said_of(themes[name]) for name in rows["theme_id"]],
        }
        | study.counts([(least, most) for least, most, _ in said])
        | {
            head("passages"): [n_units for _, _, n_units in said],
            head("rang_bas"): rows["rank_low"].to_numpy(),
            head("rang_haut"): rows["rank_high"].to_numpy(),
            head("rang_dit"): [
                capitalised(rank_interval(int(low), int(high), retenus)) for low, high in spans
            ],
        }
    )


def contrast_sheet(study: StudyRows) -> pd.DataFrame:
    """Return a row a theme or code in a territory, with how it compares."""
    rows, labels = _compared(study), []
    held: dict[str, int] = {}
    for workshop_id, (territory, _) in study.places.items():
        n_held = (
            study.passages.n_ranked_tables[workshop_id] and study.passages.n_tables[workshop_id]
        )
        held[territory] = held.get(territory, 0) + n_held
    titles = {axis.axis: axis_title(axis) for axis in study.grid.axes}
    kinds, pairs = [], []
    for row in rows_of(rows):
        axis, _, code = row.subject_id.partition(":")
        is_theme = row.subject == "theme"
        kinds.append(head("theme") if is_theme else titles.get(axis, axis))
        label = study.theme_names.get(row.subject_id, "")
        labels.append(label if is_theme else plain_name(study.grid.label_of(code)))
        most = study.said_in(row.place, row.subject_id)[1] if is_theme else 0
        pairs.append((int(row.n_tables), max(int(row.n_tables), most)))
    return pd.DataFrame(
        {
            head("territoire"): rows["place"].to_numpy(),
            head("de_quoi"): kinds,
            head("sujet"): labels,
        }
        | study.counts(pairs)
        | {
            head("sur"): [held.get(place) for place in rows["place"]],
            head("passages"): rows["n_units"].to_numpy(),
            head("verdict"): [typography(verdict) for verdict in rows["shown"]],
        }
    )


def _compared(study: StudyRows) -> pd.DataFrame:
    """Return the contrasts, themes first, by territory in the order of the workshops."""
    rows = study.tables["contrasts"]
    shown = shown_verdicts(rows, study.tables["theme_reach"])
    rows = rows.assign(shown=shown, place=rows["territory"].map(lambda one: plain_name(str(one))))
    rows = rows[(rows["subject"] == "code") | rows["subject_id"].isin(list(study.theme_names))]
    order: dict[str, int] = {}
    for territory, _ in study.places.values():
        order.setdefault(territory, len(order))
    rows = rows.assign(rank=rows["place"].map(order))
    return rows.sort_values(["subject", "rank", "subject_id"], ascending=[False, True, True])


def _yes_or_no(values: Iterable[Any]) -> list[str]:
    return [head("oui" if value else "non") for value in values]


def _question(name: Any) -> str | None:
    if not isinstance(name, str):
        return None
    return (
        word("sans_theme", name) if name in _NO_QUESTION else capitalised(word("questions", name))
    )


def title_of(title: Any) -> str | None:
    """Return a document's title on one line, None where it has none."""
    return plain_name(title) if isinstance(title, str) else None
