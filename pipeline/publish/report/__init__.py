"""Build a report's content once, so that every format says the same.

In:   the tables of the data dictionary by name (a missing one counts as empty), grid, settings
Out:  Report
"""

import datetime
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.agreement import MACHINE, WHOLE_AXIS
from pipeline.counting import WORLD_CAFE, why_no_theme
from pipeline.decisions import APPLIED, KINDS
from pipeline.decisions.kinds import Undo
from pipeline.decisions.tags import TagDecision
from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.offer import tells_offers
from pipeline.publish.report.content import (
    CappedRows,
    Coverage,
    Report,
    Reviewing,
    Rows,
)
from pipeline.publish.report.passages import (
    Material,
    Passages,
    Tables,
    axis_rows,
    axis_title,
    gather_passages,
)
from pipeline.publish.report.people import (
    absent_voices,
    count_attendance,
    workshop_facts,
)
from pipeline.publish.report.territories import territory_reading
from pipeline.publish.report.themes import (
    ScopeMaker,
    code_rows,
    contrast_rows,
    family_rows,
    heats,
    theme_rows,
    trial_rows,
)
from pipeline.publish.report.without_themes import show_without_themes
from pipeline.publish.text import (
    french_date,
    number,
    percent,
    plain_name,
    plain_text,
    printable,
    quoted,
    sentence,
    typography,
    word,
)
from pipeline.rank import unread_criteria
from pipeline.rank.criteria import CRITERIA
from pipeline.receipts import characters_sentence, shares_of_characters
from pipeline.settings.sections import PublishSettings, RankWeights, StudySettings
from pipeline.tables import TABLES
from pipeline.tables.columns import is_among, rows_of
from pipeline.text import plain_texts


def build_report(
    tables: Mapping[str, pd.DataFrame],
    *,
    grid: Grid,
    settings: PublishSettings,
    title: str,
    made_on: datetime.date | str,
    commissioner: str = "",
    contact: str = "",
    weights: Mapping[Any, float] | None = None,
    weighting: str = "",
    least_units: int = 0,
) -> Report:
    """Return the report of `tables`, dated `made_on`.

    A study of fewer than `least_units` passages has no themes: its passages are shown.
    `commissioner` and `contact` are told to participants. `weights` ranked the priorities
    (default: the settings'); `weighting` is the name people gave them.
    """
    tables = all_tables(tables)
    # nobody is followed from quote to quote
    tables["units"] = plain_texts(tables["units"])
    passages = gather_passages(tables)
    units, n_rows, least = passages.rows, settings.n_annex_rows, settings.least_count
    came = count_attendance(tables, passages.names, least=least)
    by_default = RankWeights().model_dump()
    chosen = by_default if weights is None else weights
    used = {str(name): weight for name, weight in chosen.items()}
    territories, contrasts = contrast_rows(tables, passages)
    why = why_no_theme(tables["units"], tables["themes"], least_units=least_units)
    return Report(
        title=_title(title, passages),
        commissioner=plain_name(commissioner),
        contact=plain_name(contact),
        made_on=french_date(made_on),
        made_at=str(made_on)[:10],
        channels=frozenset(units["channel"]) | ({"resume"} if units["is_summary"].any() else set()),
        counted=passages.words(),
        workshops=workshop_facts(tables, passages, came),
        n_people=came.n_people,
        n_structures=came.n_structures,
        n_lists=came.n_lists,
        least_count=least,
        n_told=settings.n_workshops,
        coverage=_coverage(tables, passages, grid),
        questions=tuple(
            (question.question, plain_text(question.label))
            for question in grid.questions
            if (units["question"] == question.question).any()
        ),
        tells_questions=bool(units["question"].isin(WORLD_CAFE).mean() >= _MOST)
        if len(units)
        else True,
        criteria=_criteria(used, unread_criteria(grid) | _unheard(passages), passages),
        weighting=plain_name(weighting),
        scopes=ScopeMaker(tables, passages, grid, settings, used).scopes(),
        axes=axis_rows(grid),
        heats=heats(passages, grid),
        territories=territories,
        contrasts=contrasts,
        reading=territory_reading(tables, passages, least=least),
        tells_offers=tells_offers(grid),
        reviewing=_reviewing(tables, grid),
        attendance=came.rows,
        absent=absent_voices(tables, passages),
        themes=theme_rows(tables, passages, grid),
        families=family_rows(tables, passages),
        trials=trial_rows(tables),
        set_aside=_set_aside(passages, grid, n_rows),
        codes=code_rows(passages, grid),
        documents=_documents(tables, passages, n_rows),
        characters=typography(characters_sentence(shares_of_characters(tables["ledger"]))),
        rejects=_rejects(tables),
        without_themes=None
        if why is None
        else show_without_themes(passages, grid, why=why, n_rows=n_rows),
        material=Material(tables, passages, grid, settings),
    )


def all_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return every table of the data dictionary, empty where `tables` lacks it."""
    return {
        name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()
    }


def _title(title: str, passages: Passages) -> str:
    """Return the study's title; what has no tables does not go by the usual one."""
    is_usual = title == StudySettings.model_fields["title"].default
    if is_usual and not passages.words().has_tables:
        return sentence("titres.sans_tables")
    return plain_name(title)


def _coverage(tables: Tables, passages: Passages, grid: Grid) -> Coverage:
    themed = passages.rows["theme_id"].notna()
    of_telling_axes = passages.tags["axis"].isin(grid.telling)
    coded = is_among(passages.rows["unit_id"], passages.tags.loc[of_telling_axes, "unit_id"])
    is_reviewed = (tables["tags"]["source"] == "person") & tables["tags"]["is_assigned"]
    return Coverage(
        n_themed_coded=int((themed & coded).sum()),
        n_themed_uncoded=int((themed & ~coded).sum()),
        n_aside_coded=int((~themed & coded).sum()),
        n_aside_uncoded=int((~themed & ~coded).sum()),
        n_reviewed_tags=int(is_reviewed.sum()),
    )


def _unheard(passages: Passages) -> dict[str, str]:
    unheard: dict[str, str] = {}
    if not any(passages.n_ranked_tables.values()):
        in_room = ("c_tables", "c_need", "c_leverage", "c_severity")
        unheard |= dict.fromkeys(in_room, word("sans_effet", "salle"))
    if not passages.rows["is_summary"].any():
        unheard["c_rapporteurs"] = word("sans_effet", "restitution")
    if not passages.rows["is_away"].any():
        unheard["c_late"] = word("sans_effet", "distance")
    return unheard


def _criteria(
    weights: Mapping[str, float], unread: Mapping[str, str], passages: Passages
) -> tuple[tuple[str, str, str], ...]:
    asked = {name: weights.get(name.removeprefix("c_"), 0.0) for name in CRITERIA}
    total, words = sum(asked.values()) or 1.0, passages.words()
    no_use = () if words.has_tables else tuple(name for name in _OF_WORKSHOPS if name in unread)
    rows = []
    for name, weight in asked.items():
        if weight > 0 and name not in no_use:
            label, explanation = words.criterion(name)
            why = f" {typography(unread[name])}" if name in unread else ""
            rows.append((label, percent(weight / total), explanation + why))
    rest = sum(asked[name] for name in no_use)
    if rest > 0:
        explanation = word("sans_effet", "sans_atelier")
        rows.append((word("sans_effet", "titre"), percent(rest / total), explanation))
    return tuple(rows)


_OF_WORKSHOPS = ("c_rapporteurs", "c_late")  # criteria that speak of a world café


def _set_aside(passages: Passages, grid: Grid, n_rows: int) -> CappedRows:
    aside = passages.rows[passages.rows["theme_id"].isna()]
    axes = (RUBRIQUE, *(axis.axis for axis in grid.own_axes))
    shown = aside.head(n_rows)
    tags = passages.tags[passages.tags["axis"].isin(axes)]
    tags = tags[tags["unit_id"].isin(shown["unit_id"])]
    codes_of = tags.groupby("unit_id")["code"].agg(list)
    rows = []
    for row in rows_of(shown):
        codes = [typography(grid.label_of(code)) for code in codes_of.get(row.unit_id, [])]
        where = f"{passages.names[row.workshop_id]}, {row.where}"
        rows.append((where, quoted(row.text), " ; ".join(codes) or "–"))
    return CappedRows(tuple(rows), len(aside))


def _documents(tables: Tables, passages: Passages, n_rows: int) -> CappedRows:
    """List documents by title, with their receipts: a path may hold a person's name."""
    names = ["path", "taken_for", "n_words_in", "n_words_kept", "warning"]
    n_units = passages.rows["document_id"].value_counts()
    documents = tables["documents"].merge(
        tables["receipts"][names], on="path", how="left", validate="1:1"
    )
    rank = {workshop_id: i for i, workshop_id in enumerate(passages.names)}
    ordered = documents.assign(rank=documents["workshop_id"].map(rank)).sort_values(
        ["rank", "path", "document_id"]
    )
    rows = [
        _document_row(row, passages, int(n_units.get(row.document_id, 0)))
        for row in rows_of(ordered.head(n_rows))
    ]
    return CappedRows(tuple(rows), len(documents))


def _document_row(row: Any, passages: Passages, n_units: int) -> tuple[str, ...]:
    channel = word("lieux", row.channel)
    title = channel if pd.isna(row.title) else plain_name(row.title)
    kept, warning = "", ""
    if not pd.isna(row.taken_for):  # tables of an earlier version have no receipts
        kept = sentence("annexes.mots", repris=number(row.n_words_kept), lus=number(row.n_words_in))
        channel = typography(row.taken_for)
        warning = "" if pd.isna(row.warning) else typography(row.warning)
    return title, passages.names[row.workshop_id], channel, kept, number(n_units), warning


def _rejects(tables: Tables) -> Rows:
    """List unread files by path, so that whoever made the depot finds them."""
    return tuple(
        (printable(row.path), typography(row.reason), typography(row.advice))
        for row in rows_of(tables["rejects"].sort_values(["path", "reason"]))
    )


_KEY = ["unit_id", "axis", "code"]
_MOST = 0.5  # of the passages


def _reviewing(tables: Tables, grid: Grid) -> Reviewing:
    tags = tables["tags"]
    machine, people = tags[tags["source"] == "machine"], tags[tags["source"] == "person"]
    proposed = pd.MultiIndex.from_frame(machine.loc[machine["is_assigned"], _KEY])
    put = people[people["is_assigned"]]
    is_known = pd.MultiIndex.from_frame(put[_KEY]).isin(proposed)
    effects = tables["decision_effects"]
    on_codes = [action for action, kind in KINDS.items() if issubclass(kind, TagDecision | Undo)]
    on_themes = effects[(effects["state"] == APPLIED) & ~effects["action"].isin(on_codes)]
    return Reviewing(
        n_machine=len(proposed),
        n_confirmed=int(is_known.sum()),
        n_added=int((~is_known).sum()),
        n_refused=len(people) - len(put),
        n_on_themes=len(on_themes),
        agreements=_agreements(tables, grid),
    )


def _agreements(tables: Tables, grid: Grid) -> Rows:
    titles = {axis.axis: axis_title(axis) for axis in grid.axes}
    rows = tables["agreement"]
    rows = rows[(rows["code"] == WHOLE_AXIS) & rows["axis"].isin(titles) & rows["f1"].notna()]
    return tuple(
        (
            f"{_coder(row.first_coder)} – {_coder(row.second_coder)}",
            titles[row.axis],
            number(int(row.n_units)),
            sentence(
                "relectures.f1",
                f1=number(row.f1, 2),
                bas=number(row.f1_low, 2),
                haut=number(row.f1_high, 2),
            ),
        )
        for row in rows_of(rows)
    )


def _coder(name: str) -> str:
    return word("relectures", "machine") if name == MACHINE else plain_name(name)
