"""Gather a study's passages for a report, and the words for what it counts by.

In:   the tables of the data dictionary, grid
Out:  Passages, CountingWords, AxisRow
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from pipeline import counting
from pipeline.counting import (
    TableEstimate,
    circles_of,
    estimate_tables,
    least_tables,
    said_by,
    sure_tables,
    with_circles,
)
from pipeline.grid.codes import POSTURE, Axis, Grid
from pipeline.publish.text import (
    capitalised,
    count,
    french_date,
    lowered,
    number,
    plain_name,
    plain_text,
    printable,
    sentence,
    shortened,
    texts,
    typography,
    where,
    word,
)
from pipeline.rank.criteria import CRITERIA
from pipeline.settings.sections import PublishSettings
from pipeline.tables.columns import cells_of, is_among, rows_of
from pipeline.tables.material import RECEIPTS
from pipeline.tables.schema import OUT_OF_ROOM
from pipeline.text import fold

Tables = Mapping[str, pd.DataFrame]
_Row = TypeVar("_Row")


def filled_rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield named tuples whose blank cells are None."""
    yield from rows_of(table.astype(object).where(table.notna(), None))


class ReportPassage(NamedTuple):
    """A row of `Passages.rows`; without a theme, `theme_id` is "" and the numbers are 0."""

    unit_id: str
    workshop_id: str
    circle_id: str
    channel: str
    question: str  # "" where none is known
    where: str
    text: str
    theme_id: str
    strength: float
    probability: float
    is_counted: bool
    is_said: bool
    is_table: bool
    is_summary: bool
    is_away: bool


CHAT = "message"  # a channel of what is printed alone
WAYS = (*OUT_OF_ROOM, CHAT)
_BLANKS = {"question": "", "theme_id": "", "strength": 0.0, "probability": 0.0}


def grouped(rows: Iterable[_Row], key: Callable[[_Row], Any]) -> dict[Any, list[_Row]]:
    """Return `rows`, in their order, by key."""
    groups: dict[Any, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def by_turns(rows: Iterable[_Row], key: Callable[[_Row], Any]) -> list[_Row]:
    """Return the first row of each key in order, then the second ones, and so on."""
    n_before: Counter[Any] = Counter()
    turns = []
    for row in rows:
        n_before[key(row)] += 1
        turns.append((n_before[key(row)], row))
    return [row for _, row in sorted(turns, key=lambda turn: turn[0])]


@dataclass(frozen=True)
class CountingWords:
    """Words for what a study counts by: tables, documents or people; `column` heads a column.

    Where nothing has tables, nothing is called an « atelier » either: each is its territory.
    """

    lieu: str
    lieux: str
    dans: str
    retenus: str
    column: str
    none: str
    atelier: str
    ateliers: str

    def sentence(self, key: str, **values: Any) -> str:
        """Return a sentence filled with these words."""
        of = "d'" if self.ateliers == "ateliers" else "de "
        return sentence(key, **vars(self) | {"d_ateliers": of + self.ateliers} | values)

    def count(self, n: int) -> str:
        """Return « aucune table », « 1 table », « 2 documents »."""
        return count(n, self.lieu, self.lieux) if n else self.none

    def count_workshops(self, n: int) -> str:
        """Return « 3 ateliers », or « 3 territoires » where nothing has tables."""
        return count(n, self.atelier, self.ateliers)

    @property
    def has_tables(self) -> bool:
        """Whether some of what is counted is a world café table."""
        return self.atelier == TABLES.atelier

    @property
    def is_of_people(self) -> bool:
        """Whether each one counted is a person."""
        return self.dans == "par"

    def criterion(self, name: str) -> tuple[str, str]:
        """Return its label and explanation."""
        label, explanation = CRITERIA[name].label, CRITERIA[name].explanation
        changes = list(_OF_PEOPLE) if self.is_of_people else []
        if not self.has_tables:
            changes += [*_WITHOUT_TABLES, ("ateliers", self.ateliers), ("atelier", self.atelier)]
            label = capitalised(self.ateliers) if name == "c_workshops" else label
        if self != TABLES:
            changes += [("une table", f"un {self.lieu.split()[-1]}"), ("tables", self.lieux)]
            label = word("colonnes", self.column) if name == "c_tables" else label
        for written, said in changes:
            explanation = explanation.replace(written, said)
        return typography(word("criteres", label)), typography(explanation)


_OF_PEOPLE = (
    ("tables où le sujet a été évoqué", "tables qui évoquent le sujet"),
    ("tables où le sujet est", "tables pour qui le sujet est"),
)
_WITHOUT_TABLES = ((", hors restitution", ""), ("après l'atelier", "à distance"))


def words_for(kinds: Iterable[str]) -> CountingWords:
    """Return the words for what workshops of these kinds count; tables where there is none."""
    noun = counting.noun_of(kinds)
    return CountingWords(
        lieu=noun.one,
        lieux=noun.several,
        dans=noun.at,
        retenus=f"{noun.several} {'retenues' if noun.several == 'tables' else 'retenus'}",
        column=fold(noun.several).replace(" ou ", "_"),
        none=noun.nothing or noun.none,
        atelier=noun.workshop,
        ateliers=f"{noun.workshop}s",
    )


TABLES, RESPONDENTS = words_for([counting.TABLES]), words_for([counting.RESPONDENTS])


@dataclass(frozen=True)
class Passages:
    """The units in reading order (`rows`, with circle, theme_id, strength and `where`) and their
    assigned `tags`.

    The dicts by workshop_id cover workshops without passages too: `names` by date, `n_tables` held
    (documents or people where notes name no table), `n_ranked_tables` as the ranking counts them,
    `kinds` of what is counted, `territories`. Where nobody spoke in a room, each mail or call
    counts as a document.
    """

    rows: pd.DataFrame
    tags: pd.DataFrame
    names: dict[str, str]
    n_tables: dict[str, int]
    n_ranked_tables: dict[str, int]
    kinds: dict[str, str]
    territories: dict[str, str]

    @property
    def has_tables(self) -> dict[str, bool]:
        """Return which workshops have tables."""
        return {name: kind == counting.TABLES for name, kind in self.kinds.items()}

    def words(self, workshop_ids: Iterable[str] | None = None) -> CountingWords:
        """Return what these workshops (default: all) count by; tables if they count nothing."""
        ids = self.names if workshop_ids is None else workshop_ids
        kinds = [self.kinds[name] for name in ids if self.n_tables[name]]
        words = words_for(kinds)
        if words.has_tables or len(set(self.territories.values())) == len(self.territories):
            return words
        return replace(words, atelier="recueil", ateliers="recueils")

    def place_of(self, row: Any) -> str:
        """Return « Retz, table 2 », or « table 2 » where there is one workshop."""
        return f"{self.names[row.workshop_id]}, {row.where}" if len(self.names) > 1 else row.where

    @cached_property
    def every(self) -> tuple[ReportPassage, ...]:
        """The rows one by one."""
        rows = self.rows[list(ReportPassage._fields)].fillna(_BLANKS)
        return tuple(map(ReportPassage._make, cells_of(rows)))

    def of_scope(self, scope: str) -> Sequence[ReportPassage]:
        """Return the passages of `study` or of one workshop."""
        return self.every if scope == "study" else self._by_workshop.get(scope, ())

    @cached_property
    def _by_workshop(self) -> dict[str, list[ReportPassage]]:
        return grouped(self.every, lambda one: one.workshop_id)

    @cached_property
    def _said(self) -> dict[tuple[str, str], list[counting.Told]]:
        return said_by(self.rows, ["theme_id", "workshop_id"])

    @cached_property
    def n_heard(self) -> dict[str, int]:
        """At how many tables, or in how many documents, each workshop said something."""
        heard = self.rows[self.rows["is_said"]].groupby("workshop_id")["circle_id"].nunique()
        return {str(name): int(n) for name, n in heard.items()}

    def estimate(self, theme_id: str, workshop_ids: Iterable[str]) -> TableEstimate:
        """Return at how many tables of some workshops a theme is said."""
        names = list(workshop_ids)
        said = [one for name in names for one in self._said.get((theme_id, name), ())]
        return estimate_tables(said, sum(self.n_heard.get(name, 0) for name in names))

    def of_code(self, axis: str, code: str) -> Sequence[ReportPassage]:
        """Return the passages with a code, by unit_id."""
        return self.by_code.get((axis, code), ())

    @cached_property
    def by_code(self) -> dict[tuple[str, str], list[ReportPassage]]:
        """The passages with each code that some have, by axis and code."""
        by_id = {one.unit_id: one for one in self.every}
        tags = self.tags[is_among(self.tags["unit_id"], by_id)]
        coded = grouped(cells_of(tags), lambda tag: tag[1:])
        return {code: [by_id[unit_id] for unit_id, *_ in rows] for code, rows in coded.items()}

    def units_with(self, axis: str, codes: Iterable[str]) -> frozenset[str]:
        """Return the unit_ids of the passages with one of the codes of an axis."""
        return frozenset().union(*(self._units_by_code.get((axis, code), ()) for code in codes))

    @cached_property
    def _units_by_code(self) -> dict[tuple[str, str], frozenset[str]]:
        return {
            code: frozenset(one.unit_id for one in passages)
            for code, passages in self.by_code.items()
        }


def gather_passages(tables: Tables) -> Passages:
    """Return every unit once, in the order of workshops, documents and reading."""
    names = workshop_names(tables["workshops"])
    circles = circles_of(tables["units"], tables["workshops"])
    members = tables["theme_members"]
    members = members[members["theme_id"].isin(tables["themes"]["theme_id"])]
    paths = tables["documents"][["document_id", "path", "title"]]
    rows = (
        with_circles(tables["units"], tables["workshops"])
        .merge(members, on="unit_id", how="left", validate="one_to_one")
        .merge(paths, on="document_id", how="left", validate="many_to_one")
    )
    rows["is_counted"] = rows["is_counted"].eq(True)  # blank without a theme
    rows["channel"] = rows["channel"].mask(rows["path"].isin(_chats(tables)), CHAT)
    rank = {workshop_id: i for i, workshop_id in enumerate(names)}
    rows["workshop_rank"] = rows["workshop_id"].map(rank)
    rows = rows.sort_values(["workshop_rank", "path", "unit_order", "unit_id"], ignore_index=True)
    rows["text"] = rows["text"].map(printable)
    is_cafe = counting.TABLES in circles.kinds.values()
    rows["where"] = [_where(row, circles.kinds[row.workshop_id], is_cafe) for row in rows_of(rows)]
    n_ranked = {workshop_id: int(circles.n_tables.get(workshop_id, 0)) for workshop_id in names}
    kinds = {
        name: circles.kinds.get(name, counting.TABLES if n > 0 else counting.DOCUMENTS)
        for name, n in n_ranked.items()
    }
    n_documents = rows[rows["is_said"]].groupby("workshop_id")["circle_id"].nunique()
    n_tables = {
        name: int(n_documents.get(name, 0)) if kinds[name] == counting.DOCUMENTS else n
        for name, n in n_ranked.items()
    }
    territories = dict(
        tables["workshops"][["workshop_id", "territory"]].itertuples(index=False, name=None)
    )
    tags = assigned_tags(tables["tags"]).drop(columns="source")
    return Passages(rows, tags, names, n_tables, n_ranked, kinds, territories)


def _chats(tables: Tables) -> pd.Series:
    """Return the paths of conversations, which are no mails though they came as late."""
    receipts = tables.get("receipts", RECEIPTS.empty())
    is_chat = receipts["taken_for"].str.startswith("conversation").fillna(False).astype(bool)
    return receipts.loc[is_chat & (receipts["channel"] == "mail"), "path"]


@dataclass(frozen=True)
class Material:
    """What a report is written from."""

    tables: Tables
    passages: Passages
    grid: Grid
    settings: PublishSettings

    @cached_property
    def sure_of_posture(self) -> dict[Any, frozenset[str]]:
        """Return the unit_ids of the passages that are surely of each posture."""
        postures = sure_postures(self.tables["tags"])
        return postures.groupby("code")["unit_id"].agg(frozenset).to_dict()

    @cached_property
    def answers(self) -> set[str]:
        """Return the unit_ids that surely tell of what works already."""
        return existing_answers(self.tables["tags"], self.passages.rows)


def workshop_names(workshops: pd.DataFrame) -> dict[str, str]:
    """Map workshop_id to the territory, by date.

    Add the date, the place or a number where a territory met more than once.
    """
    names: dict[str, str] = {}
    for row in rows_of(workshops.sort_values(["date", "workshop_id"], na_position="last")):
        territory = plain_name(str(row.territory))
        details = [french_date(row.date), "" if pd.isna(row.place) else str(row.place)]
        details = [detail for detail in details if detail]
        details += [str(n) for n in range(1, len(workshops) + 1)]
        candidates = [f"{territory} ({detail})" for detail in details]
        if (workshops["territory"] == row.territory).sum() == 1:
            candidates = [territory, *candidates[-len(workshops) :]]
        taken = set(names.values())
        names[str(row.workshop_id)] = next(name for name in candidates if name not in taken)
    return names


def _where(row: Any, kind: str, is_cafe: bool) -> str:
    """Say where a passage comes from; where nothing has tables, a document by its title."""
    if kind == counting.RESPONDENTS:
        return word("lieux", "questionnaire")
    if kind == counting.CONTRIBUTORS and row.channel in ("notes", "postit"):
        return word("lieux", "contribution")
    if not is_cafe and kind == counting.DOCUMENTS and isinstance(row.title, str):
        return shortened(plain_name(row.title.replace("_", " ")), _TITLE_CHARS)
    question = row.question if row.question == "resume" else None
    table_number = None if pd.isna(row.table_number) else int(row.table_number)
    return where(row.channel, question, table_number)


_TITLE_CHARS = 60


def assigned_tags(tags: pd.DataFrame) -> pd.DataFrame:
    """Return unit_id, axis, code and source; a person's tag replaces the machine's."""
    key = ["unit_id", "axis", "code"]
    last = tags.sort_values([*key, "source"]).drop_duplicates(key, keep="last")
    return last.loc[last["is_assigned"], [*key, "source"]].reset_index(drop=True)


# of a posture: 0.97 to 0.99 of those over it are right on three studies, 0.64 to 0.74 of the others
_SURE_POSTURE = 0.85
_TO_IMPROVE = "q4"  # an answer to this question is a wish, in whatever words


def sure_postures(tags: pd.DataFrame) -> pd.DataFrame:
    """Return unit_id and code of the postures that a person put, or that are surely right."""
    is_sure = (tags["score"] >= _SURE_POSTURE) | (tags["source"] == "person")
    is_posture = tags["is_assigned"] & (tags["axis"] == POSTURE)
    return tags.loc[is_sure & is_posture, ["unit_id", "code"]]


def existing_answers(tags: pd.DataFrame, rows: pd.DataFrame) -> set[str]:
    """Return the unit_ids that surely tell of what works already; not under what to improve."""
    postures = sure_postures(tags)
    improves = rows.loc[rows["question"] == _TO_IMPROVE, "unit_id"]
    return set(postures.loc[postures["code"] == "force", "unit_id"]) - set(improves)


def n_tables_of(passages: Iterable[ReportPassage]) -> int:
    """Count the tables, or documents, of passages."""
    return len({one.circle_id for one in passages if one.is_said})


def n_sure_tables(passages: Iterable[ReportPassage], *, is_exact: bool = False) -> int:
    """Return at how many tables a theme is said at least; where a person signed it off, exactly."""
    said = ((one.circle_id, one.probability, one.is_counted) for one in passages if one.is_said)
    return sure_tables(said, is_exact=is_exact)


def least_tables_of(passages: Iterable[ReportPassage]) -> int:
    """Return at how many tables, or by how many people, passages of a theme were said at least."""
    return least_tables((one.circle_id, one.probability) for one in passages)


def table_range(low: int, high: int) -> str:
    """Return « 4 » tables, or documents, or « 4 à 6 » where that is not sure."""
    return number(high) if low == high else f"{number(low)} à {number(high)}"


def least_contributors(passages: Iterable[ReportPassage]) -> int:
    """Return how many people said a theme in a consultation, at least, where tables are counted."""
    counted = (one for one in passages if one.is_counted and not one.is_said)
    return least_tables_of(one for one in counted if one.channel == "consultation")


def n_remote(passages: Iterable[ReportPassage]) -> int:
    """Count mails and calls after the workshop; 0 where nobody spoke in a room."""
    return len({one.circle_id for one in passages if one.is_away and not one.is_said})


def is_scrap(text: str) -> bool:
    """Whether a passage has under four words: quoted only where nothing longer is left."""
    return len(_WRITTEN.findall(text)) < 4


def roughness(text: str) -> int:
    """Return 0 for a short whole sentence, 1 for a note that can be read alone, 2 for others.

    Others are scraps, long turns, hesitations, lists of signs, and capitals.
    """
    n_words = len(_WRITTEN.findall(text))
    is_note = _SIGNS.search(text) or text.isupper() or _CONTINUES.match(text)
    if is_note or n_words not in _READABLE_WORDS:
        return 2
    return 0 if n_words <= _SHORT_WORDS and _ENDS.search(text) else 1


_READABLE_WORDS, _SHORT_WORDS = range(6, 46), 30
_WRITTEN = re.compile(r"\S+", re.ASCII)  # « mot » is one, its spaces do not break
_SIGNS = re.compile(r"[→=>|↓↑]|\[[-+\w]|\([−+-]\)", re.ASCII)
_CONTINUES = re.compile(r"\W*(?:et|euh|donc|puis|alors|ben|mais|idem|sinon)\b", re.ASCII | re.I)
_ENDS = re.compile(r"[.!?…»\"]\s*$", re.ASCII)


@dataclass(frozen=True)
class AxisRow:
    """An axis in words."""

    axis: str
    label: str
    name: str
    definition: str
    is_exclusive: bool
    is_standard: bool


def axis_rows(grid: Grid) -> tuple[AxisRow, ...]:
    """Return the grid's axes."""
    return tuple(
        AxisRow(
            axis.axis,
            axis_title(axis),
            _axis_name(axis),
            plain_text(axis.definition),
            axis.is_exclusive,
            axis.is_standard,
        )
        for axis in grid.axes
    )


def axis_title(axis: Axis) -> str:
    """Return our word for a standard axis, else its own title."""
    return word("axes", axis.axis) if axis.is_standard else plain_name(axis.label)


def _axis_name(axis: Axis) -> str:
    if axis.axis in texts()["noms_axes"]:
        return word("noms_axes", axis.axis)
    return lowered(axis_title(axis))


_N_CODES = 4  # of an axis in a line


def profile_lines(
    coded: Mapping[tuple[str, str], Sequence[ReportPassage]], grid: Grid, words: CountingWords
) -> tuple[str, ...]:
    """Return a line for each of the grid's own axes: its codes by number of tables.

    `coded` are the passages of a theme by axis and code.
    """
    lines = []
    for axis in grid.own_axes:
        counts = []
        for code in grid.axis(axis.axis):
            if members := coded.get((axis.axis, code.code), ()):
                counts.append((n_tables_of(members), len(members), code.label))
        counts.sort(key=lambda row: (-row[0], -row[1]))
        if counts:
            codes = []
            for n, n_units, label in counts[:_N_CODES]:
                key = "themes.profil_tables" if n else "themes.profil_passages"
                amount = words.count(n) if n else count(n_units, "passage")
                codes.append(words.sentence(key, code=plain_name(label), n=amount))
            lines.append(sentence("themes.profil", axe=axis_title(axis), codes=", ".join(codes)))
    return tuple(lines)
