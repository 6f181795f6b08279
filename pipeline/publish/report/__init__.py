"""Build a report's content once, so that every format says the same.

In:   the tables of the data dictionary by name (a missing one counts as empty), grid, settings
Out:  Report
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pipeline.agreement import MACHINE, WHOLE_AXIS
from pipeline.counting import why_no_theme
from pipeline.decisions import APPLIED, KINDS
from pipeline.decisions.kinds import Undo
from pipeline.decisions.tags import TagDecision
from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.offer import tells_offers
from pipeline.publish.report.content import (
    CappedRows,
    Coverage,
    Prospect,
    Report,
    ReportQuote,
    Reviewing,
    Rows,
)
from pipeline.publish.report.passages import (
    Passages,
    Tables,
    axis_rows,
    axis_title,
    gather_passages,
    is_scrap,
    n_tables_of,
    rows_of,
)
from pipeline.publish.report.people import (
    absent_voices,
    attendance_rows,
    count_attendance,
    offer_rows,
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
    capitalised,
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
from pipeline.settings.sections import PublishSettings, RankWeights
from pipeline.tables import TABLES
from pipeline.text import groups_in, plain_texts, word_groups


def build_report(
    tables: Mapping[str, pd.DataFrame],
    *,
    grid: Grid,
    settings: PublishSettings,
    title: str,
    made_on: datetime.date | str,
    weights: Mapping[Any, float] | None = None,
    weighting: str = "",
    least_units: int = 0,
) -> Report:
    """Return the report of `tables`, dated `made_on`.

    A study of fewer than `least_units` passages has no themes: its passages are shown.
    `weights` ranked the priorities (default: the settings'); `weighting` is the name people gave
    them.
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
        title=plain_name(title),
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
        criteria=_criteria(used, unread_criteria(grid) | _unheard(passages), passages),
        weighting=plain_name(weighting),
        scopes=ScopeMaker(tables, passages, grid, settings, used).scopes(),
        axes=axis_rows(grid),
        heats=heats(passages, grid),
        territories=territories,
        contrasts=contrasts,
        reading=territory_reading(tables, passages, least=least),
        offers=offer_rows(tables, passages, n_rows),
        tells_offers=tells_offers(grid),
        opportunities=_opportunities(tables, passages, grid),
        supports=_supports(passages, grid),
        reviewing=_reviewing(tables, grid),
        attendance=attendance_rows(came),
        absent=absent_voices(tables, passages),
        themes=theme_rows(tables, passages, grid),
        families=family_rows(tables, passages),
        trials=trial_rows(tables),
        set_aside=_set_aside(passages, grid, n_rows),
        codes=code_rows(passages, grid),
        documents=_documents(tables, passages, n_rows),
        rejects=_rejects(tables),
        without_themes=None
        if why is None
        else show_without_themes(passages, grid, why=why, n_rows=n_rows),
    )


def all_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return every table of the data dictionary, empty where `tables` lacks it."""
    return {
        name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()
    }


def _coverage(tables: Tables, passages: Passages, grid: Grid) -> Coverage:
    themed = passages.rows["theme_id"].notna()
    of_telling_axes = passages.tags["axis"].isin(grid.telling)
    coded = passages.rows["unit_id"].isin(passages.tags.loc[of_telling_axes, "unit_id"])
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
    total = sum(asked.values()) or 1.0
    rows = []
    for name, weight in asked.items():
        if weight > 0:
            label, explanation = passages.words().criterion(name)
            why = f" {typography(unread[name])}" if name in unread else ""
            rows.append((label, percent(weight / total), explanation + why))
    return tuple(rows)


def _set_aside(passages: Passages, grid: Grid, n_rows: int) -> CappedRows:
    aside = passages.rows[passages.rows["theme_id"].isna()]
    axes = (RUBRIQUE, *(axis.axis for axis in grid.own_axes))
    tags = passages.tags[passages.tags["axis"].isin(axes)]
    codes_of = tags.groupby("unit_id")["code"].agg(list)
    rows = []
    for row in rows_of(aside.head(n_rows)):
        codes = [typography(grid.label_of(code)) for code in codes_of.get(row.unit_id, [])]
        where = f"{passages.names[row.workshop_id]}, {row.where}"
        rows.append((where, quoted(row.text), " ; ".join(codes) or "–"))
    return CappedRows(tuple(rows), len(aside))


def _documents(tables: Tables, passages: Passages, n_rows: int) -> CappedRows:
    """List documents by title: a path may hold a person's name."""
    n_units, documents = passages.rows["document_id"].value_counts(), tables["documents"]
    rank = {workshop_id: i for i, workshop_id in enumerate(passages.names)}
    ordered = documents.assign(rank=documents["workshop_id"].map(rank)).sort_values(
        ["rank", "path", "document_id"]
    )
    rows = []
    for row in rows_of(ordered.head(n_rows)):
        channel = word("lieux", row.channel)
        title = channel if pd.isna(row.title) else plain_name(row.title)
        n = number(int(n_units.get(row.document_id, 0)))
        rows.append((title, passages.names[row.workshop_id], channel, n))
    return CappedRows(tuple(rows), len(documents))


def _rejects(tables: Tables) -> Rows:
    """List unread files by path, so that whoever made the depot finds them."""
    return tuple(
        (printable(row.path), typography(row.reason), typography(row.advice))
        for row in rows_of(tables["rejects"].sort_values(["path", "reason"]))
    )


_KEY = ["unit_id", "axis", "code"]


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


_OPPORTUNITY, _SUPPORT = "opportunites", "accompagnement"


def _opportunities(tables: Tables, passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    rows = _with_rubrique(passages, grid, _OPPORTUNITY)
    return _prospects(passages, rows, [[labels.get(theme, "")] for theme in rows["theme_id"]])


def _supports(passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    """Return one row a type of support; a passage may count for several."""
    rows = _with_rubrique(passages, grid, _SUPPORT)
    order = tuple(word_groups(_SUPPORT))
    names = []
    for text in rows["text"]:
        kinds = sorted(groups_in(text, _SUPPORT), key=order.index)
        names.append([capitalised(typography(kind)) for kind in kinds] or [""])
    return _prospects(passages, rows, names)


def _with_rubrique(passages: Passages, grid: Grid, code: str) -> pd.DataFrame:
    tags = passages.tags
    is_carried = (tags["axis"] == RUBRIQUE) & (tags["code"] == code)
    if code not in {row.code for row in grid.axis(RUBRIQUE)}:
        is_carried &= False
    return passages.rows[passages.rows["unit_id"].isin(tags.loc[is_carried, "unit_id"])]


def _prospects(
    passages: Passages, rows: pd.DataFrame, names: Iterable[list[str]]
) -> tuple[Prospect, ...]:
    named = rows.assign(
        name=pd.Series([*names], index=rows.index, dtype=object),
        is_short=is_scrap(rows),
        strength=rows["strength"].fillna(0.0),
    )
    # the most specific passage first
    named = named.assign(n_names=named["name"].map(len)).explode("name")
    named = named.sort_values(
        ["is_short", "n_names", "is_said", "strength", "unit_id"],
        ascending=[True, True, False, False, True],
    )
    prospects = []
    for name, here in named.groupby("name"):
        first = next(rows_of(here))
        quote = ReportQuote(first.text, f"{passages.names[first.workshop_id]}, {first.where}")
        title, n_units = str(name) or word("prospects", "autres"), here["unit_id"].nunique()
        prospects.append((not name, Prospect(title, n_tables_of(here), n_units, quote)))
    prospects.sort(key=lambda row: (row[0], -row[1].n_tables, -row[1].n_units, row[1].name))
    return tuple(prospect for _, prospect in prospects)
