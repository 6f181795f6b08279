"""Build a report's content from the tables of a study, once, so that every format says the same.

In:   the tables of the data dictionary by name (one that is missing counts as empty), grid, settings
Out:  Report

Account for every passage and every file: in a theme, coded, set aside; read or refused.

What the machine did, what people decided, and how far they agree.

What could be done, and what support structures need: passages of two rubriques of the grid, counted by tables.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.agreement import MACHINE, WHOLE_AXIS
from pipeline.decisions import APPLIED, KINDS
from pipeline.decisions.kinds import Undo
from pipeline.decisions.tags import TagDecision
from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.offer import tells_offers
from pipeline.publish.report.content import (
    Agreement,
    Capped,
    Coverage,
    DocumentRow,
    Prospect,
    Quote,
    RejectRow,
    Report,
    Reviewing,
    SetAside,
)
from pipeline.publish.report.passages import (
    Passages,
    Places,
    Tables,
    axis_rows,
    axis_title,
    gather_passages,
    rows_of,
)
from pipeline.publish.report.people import (
    absent_voices,
    attendance_rows,
    offer_rows,
    presence,
    workshop_facts,
)
from pipeline.publish.report.priorities import ScopeMaker
from pipeline.publish.report.territories import territory_reading
from pipeline.publish.report.themes import (
    code_rows,
    contrast_rows,
    family_rows,
    heats,
    theme_rows,
    trials,
)
from pipeline.publish.text import (
    capitalised,
    french_date,
    percent,
    plain_name,
    printable,
    typography,
    word,
)
from pipeline.rank import unread_criteria
from pipeline.rank.criteria import CRITERIA
from pipeline.settings.stages import PublishSettings, RankWeights
from pipeline.tables import TABLES
from pipeline.text import groups_in, plain_texts, word_groups


def coverage(tables: Tables, passages: Passages, grid: Grid) -> Coverage:
    """Every passage once, by theme or not and by whether a code of a telling axis, such as a rubrique or a pilier, is on it."""
    themed = passages.rows["theme_id"].notna()
    coded = passages.rows["unit_id"].isin(
        passages.tags.loc[passages.tags["axis"].isin(grid.telling), "unit_id"]
    )
    reviewed = (tables["tags"]["source"] == "person") & tables["tags"]["is_assigned"]
    return Coverage(
        n_themed_coded=int((themed & coded).sum()),
        n_themed_uncoded=int((themed & ~coded).sum()),
        n_aside_coded=int((~themed & coded).sum()),
        n_aside_uncoded=int((~themed & ~coded).sum()),
        n_reviewed_tags=int(reviewed.sum()),
    )


def set_aside(passages: Passages, grid: Grid, n_rows: int) -> Capped[SetAside]:
    """Passages in no theme, in reading order; `n_rows` at most are kept."""
    aside = passages.rows[passages.rows["theme_id"].isna()]
    first = aside.head(n_rows)
    shown = (RUBRIQUE, *(axis.axis for axis in grid.own_axes))
    listed = passages.tags[
        passages.tags["axis"].isin(shown) & passages.tags["unit_id"].isin(first["unit_id"])
    ]
    codes = {unit_id: codes_of.tolist() for unit_id, codes_of in listed.groupby("unit_id")["code"]}
    rows = tuple(
        SetAside(
            text=row.text,
            where=f"{passages.names[row.workshop_id]}, {row.where}",
            codes=" ; ".join(
                typography(grid.label_of(code)) for code in codes.get(row.unit_id, [])
            ),
        )
        for row in rows_of(first)
    )
    return Capped(rows, len(aside))


def documents(tables: Tables, passages: Passages, n_rows: int) -> Capped[DocumentRow]:
    """Documents by workshop, under their titles: a path may hold a person's name."""
    n_units = passages.rows["document_id"].value_counts()
    listed = tables["documents"].assign(
        place_in_study=tables["documents"]["workshop_id"].map(
            {w: n for n, w in enumerate(passages.names)}
        )
    )
    listed = listed.sort_values(["place_in_study", "path", "document_id"])
    rows = tuple(
        DocumentRow(
            workshop=passages.names[row.workshop_id],
            title=plain_name(row.title) if row.title == row.title else word("lieux", row.channel),
            channel=word("lieux", row.channel),
            n_units=int(n_units.get(row.document_id, 0)),
        )
        for row in rows_of(listed.head(n_rows))
    )
    return Capped(rows, len(listed))


def rejects(tables: Tables) -> tuple[RejectRow, ...]:
    """Files that could not be read, by path: whoever made the depot has to find them again."""
    listed = tables["rejects"].sort_values(["path", "reason"])
    return tuple(
        RejectRow(printable(row.path), typography(row.reason), typography(row.advice))
        for row in rows_of(listed)
    )


_KEY = ["unit_id", "axis", "code"]


def reviewing(tables: Tables, grid: Grid) -> Reviewing:
    """Count the machine's tags, those that people confirmed, added or refused, and their decisions on themes that hold."""
    tags = tables["tags"]
    machine, people = tags[tags["source"] == "machine"], tags[tags["source"] == "person"]
    proposed = pd.MultiIndex.from_frame(machine.loc[machine["is_assigned"], _KEY])
    put, refused = people[people["is_assigned"]], people[~people["is_assigned"]]
    is_known = pd.MultiIndex.from_frame(put[_KEY]).isin(proposed)
    effects = tables["decision_effects"]
    on_codes = [action for action, kind in KINDS.items() if issubclass(kind, TagDecision | Undo)]
    applied = effects[(effects["state"] == APPLIED) & ~effects["action"].isin(on_codes)]
    return Reviewing(
        len(proposed),
        int(is_known.sum()),
        int((~is_known).sum()),
        len(refused),
        len(applied),
        _agreements(tables, grid),
    )


def _agreements(tables: Tables, grid: Grid) -> tuple[Agreement, ...]:
    """One row two coders and axis; people bear numbers."""
    titles = {axis.axis: axis_title(axis) for axis in grid.axes}
    whole = tables["agreement"][tables["agreement"]["code"] == WHOLE_AXIS]
    return tuple(
        Agreement(
            _coder(row.first_coder),
            _coder(row.second_coder),
            titles[row.axis],
            int(row.n_units),
            row.f1,
            row.f1_low,
            row.f1_high,
        )
        for row in rows_of(whole)
        if row.axis in titles and row.f1 == row.f1
    )


def _coder(name: str) -> str:
    return word("relectures", "machine") if name == MACHINE else plain_name(name)


_OPPORTUNITY, _SUPPORT = "opportunites", "accompagnement"
_LEXICON = "accompagnement"
_QUOTE_WORDS = 4  # a shorter passage is quoted only where nothing longer is left


def opportunities(tables: Tables, passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    """One row a theme in which something to create or to extend is said, those of most tables first, what is in no theme last."""
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    said = _tagged(passages, grid, _OPPORTUNITY)
    return _rows(
        passages,
        said,
        {
            unit_id: [labels.get(theme, "")]
            for unit_id, theme in said[["unit_id", "theme_id"]].itertuples(index=False)
        },
    )


def support_needs(passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    """One row a type of support that passages ask for or miss, by their words; it may tell several, the unknown come last."""
    said = _tagged(passages, grid, _SUPPORT)
    known = tuple(word_groups(_LEXICON))
    kinds = {
        unit_id: [
            capitalised(typography(kind))
            for kind in sorted(groups_in(text, _LEXICON), key=known.index)
        ]
        or [""]
        for unit_id, text in zip(said["unit_id"], said["text"], strict=True)
    }
    return _rows(passages, said, kinds)


def _tagged(passages: Passages, grid: Grid, code: str) -> pd.DataFrame:
    """The passages that carry a rubrique; none where the grid has no such one."""
    if code not in {known.code for known in grid.axis(RUBRIQUE)}:
        return passages.rows.head(0)
    tags = passages.tags
    return passages.rows[
        passages.rows["unit_id"].isin(
            tags.loc[(tags["axis"] == RUBRIQUE) & (tags["code"] == code), "unit_id"]
        )
    ]


def _rows(
    passages: Passages, said: pd.DataFrame, names: Mapping[str, Sequence[str]]
) -> tuple[Prospect, ...]:
    named = said.assign(name=said["unit_id"].map(names)).explode("name")
    rows = []
    for name, here in named.groupby("name", sort=True):
        ordered = here.assign(
            is_short=here["text"].str.count(r"\S+") < _QUOTE_WORDS,
            strength=here["strength"].fillna(0.0),
        )
        ordered = ordered.assign(
            n_names=here["unit_id"].map(names).map(len)
        )  # what tells one thing tells it best
        ordered = ordered.sort_values(
            ["is_short", "n_names", "is_said", "strength", "unit_id"],
            ascending=[True, True, False, False, True],
        )
        first = ordered.iloc[0]
        quote = Quote(first["text"], f"{passages.names[first['workshop_id']]}, {first['where']}")
        n_tables = here.loc[here["is_said"], "circle_id"].nunique()
        rows.append(
            (
                not name,
                Prospect(
                    str(name) or word("prospects", "autres"),
                    n_tables,
                    here["unit_id"].nunique(),
                    quote,
                ),
            )
        )
    ordered_rows = sorted(
        rows, key=lambda row: (row[0], -row[1].n_tables, -row[1].n_units, row[1].name)
    )
    return tuple(row for _, row in ordered_rows)


__all__ = ["Report", "build_report"]


def build_report(
    tables: Mapping[str, pd.DataFrame],
    *,
    grid: Grid,
    settings: PublishSettings,
    title: str,
    made_on: datetime.date | str,
    weights: Mapping[Any, float] | None = None,
    weighting: str = "",
) -> Report:
    """Return the report of `tables`, dated `made_on`; `weights` are those the priorities were ranked with, by default the settings' own.

    `weighting` is the name that people gave them, if any.
    """
    known = {
        name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()
    }
    known["units"] = plain_texts(known["units"])  # nobody is followed from quote to quote
    passages = gather_passages(known)
    came = presence(known, passages.names, least=settings.least_count)
    used = {
        str(name): weight
        for name, weight in (RankWeights().model_dump() if weights is None else weights).items()
    }
    territories, contrasts = contrast_rows(known, passages)
    heard = frozenset(
        {*passages.rows["channel"], *(["resume"] if passages.rows["is_summary"].any() else [])}
    )
    return Report(
        title=plain_name(title),
        made_on=french_date(made_on),
        made_at=str(made_on)[:10],
        channels=heard,
        places=passages.places(passages.names),
        workshops=workshop_facts(known, passages, came),
        n_people=came.n_people,
        n_structures=came.n_structures,
        n_lists=came.n_lists,
        least_count=settings.least_count,
        n_told=settings.n_workshops,
        coverage=coverage(known, passages, grid),
        questions=tuple(
            (question.question, typography(printable(question.label)))
            for question in grid.questions
            if (known["units"]["question"] == question.question).any()
        ),
        criteria=_criteria(
            used, unread_criteria(grid) | _unheard(passages), passages.places(passages.names)
        ),
        weighting=plain_name(weighting),
        scopes=ScopeMaker(known, passages, grid, settings, used).scopes(),
        axes=axis_rows(grid),
        heats=heats(passages, grid),
        territories=territories,
        contrasts=contrasts,
        reading=territory_reading(known, passages, least=settings.least_count),
        offers=offer_rows(known, passages, settings.n_annex_rows),
        tells_offers=tells_offers(grid),
        opportunities=opportunities(known, passages, grid),
        supports=support_needs(passages, grid),
        reviewing=reviewing(known, grid),
        attendance=attendance_rows(came),
        absent=absent_voices(known, passages),
        themes=theme_rows(known, passages, grid),
        families=family_rows(known, passages),
        trials=trials(known),
        set_aside=set_aside(passages, grid, settings.n_annex_rows),
        codes=code_rows(passages, grid),
        documents=documents(known, passages, settings.n_annex_rows),
        rejects=rejects(known),
    )


def _unheard(passages: Passages) -> dict[str, str]:
    """Criterion → why it has no effect, for those that read what nobody did here: speak in a room, sum up, write afterwards."""
    unheard: dict[str, str] = {}
    if not any(passages.n_held.values()):
        unheard |= dict.fromkeys(
            ("c_tables", "c_need", "c_leverage", "c_severity"), word("sans_effet", "salle")
        )
    if not passages.rows["is_summary"].any():
        unheard["c_rapporteurs"] = word("sans_effet", "restitution")
    if not passages.rows["is_away"].any():
        unheard["c_late"] = word("sans_effet", "distance")
    return unheard


def _criteria(
    weights: Mapping[str, float], unread: Mapping[str, str], places: Places
) -> tuple[tuple[str, str, str], ...]:
    """Label, share of the weights and explanation of each criterion that counts, and why it reads nothing where `unread` tells."""
    asked = {name: weights.get(name.removeprefix("c_"), 0.0) for name in CRITERIA}
    total = sum(asked.values()) or 1.0
    return tuple(
        (
            places.criterion(name)[0],
            percent(weight / total),
            " ".join(
                [places.criterion(name)[1], *([typography(unread[name])] if name in unread else [])]
            ),
        )
        for name, weight in asked.items()
        if weight > 0
    )
