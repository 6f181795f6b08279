"""Lay out what already exists, one line a structure.

In:   Report (the tables offers, units, structures)
Out:  the chapter, with the lines that fit, and the full list of the annex
"""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from pipeline.offer.lines import activity_key
from pipeline.offer.quantities import Total, lexicon, total_quantities
from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Section,
    body,
    lead,
    make_section,
    note,
)
from pipeline.publish.report.content import Report, ReportQuote, Rows
from pipeline.publish.report.passages import rows_of
from pipeline.publish.text import (
    NBSP,
    capitalised,
    count,
    joined,
    number,
    one_line,
    plain_name,
    quoted,
    sentence,
    shown_rows,
    typography,
    word,
)
from pipeline.text import fold

_COLUMNS = {"structure": 2.2, "ce_qui_est_fait": 2.6, "quantites_dites": 2.0, "passage": 3.4}
_N_LINES = (2, 6)  # of the chapter: at least, and for each workshop
_MOST_LINES = 18
_N_QUANTITIES = 4  # of a structure


def offer_section(report: Report, draft: PageDraft) -> Section:
    """Return how many structures have a described activity, then the first of them."""
    carriers = _carriers(report)
    if not carriers:
        key = "offre.aucune" if report.tells_offers else "offre.sans_rubrique"
        return make_section("titres.offre", "offre", body(key))
    n_lines = min(_MOST_LINES, _N_LINES[0] + _N_LINES[1] * len(report.workshops))
    shown = _first(carriers, n_lines)
    blocks: list[Block] = [_opening(carriers)]
    blocks += _totals(report.material.tables["offers"])
    blocks.append(_table(report, draft, shown))
    if len(shown) < len(carriers):
        blocks.append(note("offre.suite", n=len(carriers) - len(shown)))
    return make_section("titres.offre", "offre", *blocks)


def offer_list(report: Report, draft: PageDraft) -> Section:
    """Return every structure with its activities, and the sectors' quantities."""
    carriers = _carriers(report)
    if not carriers:
        return make_section("titres.annexe_offre", "annexe-offre")
    n_rows, offers = report.material.settings.n_annex_rows, report.material.tables["offers"]
    sums = {"secteur": 2.6, "activites": 1.1, "structures": 1.1, "quantites": 4.4}
    numbers = ("activites", "structures")
    blocks: list[Block] = [
        lead("offre.intro"),
        _table(report, draft, carriers[:n_rows]),
        draft.table("legendes.secteurs", sums, _sectors(offers), numbers),
        note("offre.secteurs_intro"),
    ]
    if len(carriers) > n_rows:
        shown, total = shown_rows(n_rows), number(len(carriers))
        blocks.insert(2, note("annexes.coupe", montres=shown, total=total, fichier="offers.csv"))
    return make_section("titres.annexe_offre", "annexe-offre", *blocks)


def _carriers(report: Report) -> list[pd.DataFrame]:
    """The rows of each structure, by territory and name; those of none by activity, last.

    What has neither a structure nor an activity is not listed.
    """
    tables, passages = report.material.tables, report.material.passages
    columns = ["unit_id", "workshop_id", "workshop_rank", "text", "where", "circle_id"]
    offers = tables["offers"].merge(passages.rows[columns], on="unit_id", validate="many_to_one")
    offers = offers.assign(
        name=offers["structure_name"].fillna(""),
        done=offers["activity"].fillna("").map(str),
        is_unnamed=offers["structure_name"].isna(),
    )
    offers = offers[~offers["is_unnamed"] | (offers["done"] != "")]
    offers = offers[~_are_only_people(offers)]
    offers["carrier"] = [
        row.structure_id
        if pd.notna(row.structure_id)
        else f"{row.workshop_id} {fold(row.name or row.structure_kind_or_activity)}"
        for row in rows_of(offers.assign(structure_kind_or_activity=_kinds(offers)))
    ]
    groups = [group for _, group in offers.groupby("carrier", sort=True)]
    return sorted(groups, key=_order)


def _are_only_people(offers: pd.DataFrame) -> pd.Series:
    """Flag numbers of people of whom nothing says what they do: « et 9 personnes y apprennent »."""
    unit = offers["quantity_unit"].fillna("").str.split(" par ").str[0]
    return (unit == "personnes") & (offers["done"] == "") & offers["public"].isna()


def _kinds(offers: pd.DataFrame) -> pd.Series:
    return offers["structure_kind"].fillna(offers["activity"]).fillna("")


def _order(rows: pd.DataFrame) -> tuple[bool, int, str]:
    first = rows.iloc[0]
    title = first["name"] or _activities(rows)[0]
    return bool(first["is_unnamed"]), int(rows["workshop_rank"].min()), fold(title)


def _first(carriers: Sequence[pd.DataFrame], n: int) -> list[pd.DataFrame]:
    """Keep `n` in their order: as many of each territory, those with quantities first."""
    turns: Counter[tuple[int, bool]] = Counter()
    ranks = []
    for i in sorted(range(len(carriers)), key=lambda i: _weight(carriers[i])):
        place = int(carriers[i]["workshop_rank"].min()), bool(carriers[i]["is_unnamed"].iloc[0])
        ranks.append((place[1], turns[place], i))
        turns[place] += 1
    n_named = len(carriers) - sum(is_unnamed for is_unnamed, _, _ in ranks)
    n_unnamed = max(n - n_named, min(n // 4, len(carriers) - n_named))
    named = [i for is_unnamed, _, i in sorted(ranks) if not is_unnamed][: n - n_unnamed]
    unnamed = [i for is_unnamed, _, i in sorted(ranks) if is_unnamed][:n_unnamed]
    return [carriers[i] for i in sorted(named + unnamed)]


def _weight(rows: pd.DataFrame) -> tuple[bool, bool, int]:
    is_done = bool((rows["done"] != "").any())
    return not rows["quantity"].notna().any(), not is_done, -rows["unit_id"].nunique()


def _opening(carriers: Sequence[pd.DataFrame]) -> PageParagraph:
    named = [rows for rows in carriers if not rows["is_unnamed"].iloc[0]]
    n_described = sum(bool((rows["done"] != "").any()) for rows in named)
    n_quantified = sum(bool(rows["quantity"].notna().any()) for rows in named)
    text = sentence("offre.ouverture", n=len(named), decrites=n_described, chiffrees=n_quantified)
    n_unnamed = len(carriers) - len(named)
    more = [sentence("offre.sans_nom", n=n_unnamed)] if n_unnamed else []
    return PageParagraph(" ".join([text, *more, sentence("offre.a_verifier")]), "lead")


def _totals(offers: pd.DataFrame) -> list[PageParagraph]:
    """Say what can be added up in a sector; nothing if that is nothing."""
    sums = [
        f"{typography(str(sector))}{NBSP}: {joined(added)}"
        for sector, rows in offers.groupby("sector")
        if (added := [_total(total) for total in total_quantities(rows) if total.n_added])
    ]
    return [body("offre.totaux", totaux=" ; ".join(sums))] if sums else []


def _sectors(offers: pd.DataFrame) -> Rows:
    """A sector's lines, structures and quantities, added up only where they are different ones."""
    unsaid, rows = word("offre", "sans_secteur"), []
    for sector, here in offers.assign(sector=offers["sector"].fillna("")).groupby("sector"):
        totals = [_total(total) for total in total_quantities(here)]
        quantities = " ; ".join(totals[:_N_QUANTITIES])
        quantities += " ; …" if len(totals) > _N_QUANTITIES else ""
        name = capitalised(typography(str(sector))) if sector else unsaid
        n_structures = here["structure_name"].nunique()  # that nobody named is unknown, not 0
        counts = number(here["offer_id"].nunique()), number(n_structures) if n_structures else "–"
        rows.append((name, *counts, typography(quantities) or "–"))
    return tuple(sorted(rows, key=lambda row: (row[0] == unsaid, fold(row[0]))))


def _total(total: Total) -> str:
    """« 152 paniers (2 structures) », « 112 et 40 paniers »."""
    ranges = [
        number(low) if low == high else sentence("offre.entre", bas=number(low), haut=number(high))
        for low, high in total.ranges
    ]
    added = f" ({count(total.n_added, 'structure')})" if total.n_added else ""
    return f"{joined(ranges)} {plain_name(total.unit)}{added}"


def _table(report: Report, draft: PageDraft, carriers: Sequence[pd.DataFrame]) -> Block:
    names = report.material.passages.names
    rows = []
    for group in carriers:
        territories = joined([names[key] for key in _in_order(group["workshop_id"])])
        first = group.iloc[0]
        title = one_line(first["name"]) or sentence("offre.non_nommee")
        activities = _activities(group)
        kind = plain_name(first["structure_kind"]) if pd.notna(first["structure_kind"]) else ""
        if first["is_unnamed"] and kind and fold(kind) not in map(fold, activities):
            title = sentence("offre.non_nommee_nature", nature=kind)
        done = " ; ".join(activities)
        publics = [plain_name(name) for name in _in_order(group["public"].dropna())]
        done = capitalised(typography(done)) or "–"
        if publics:
            done += "\n" + sentence("offre.pour", publics=joined(publics[:2]))
        title += f"\n{territories}" if len(names) > 1 else ""
        rows.append((title, done, _quantities(group), _passage(group, draft)))
    return draft.table("legendes.offre", _COLUMNS, rows)


def _in_order(values: pd.Series) -> list[str]:
    return list(dict.fromkeys(map(str, values)))


def _activities(rows: pd.DataFrame) -> list[str]:
    """Each activity once; what a structure is (« ressourcerie ») only beside nothing else."""
    lines = sorted((line for _, line in rows.groupby("offer_id")), key=len, reverse=True)
    names: dict[frozenset[str], str] = {}
    for name in filter(None, map(_name, lines)):
        names.setdefault(activity_key(name), name)
    others = [name for name in names.values() if len(name.split()) > 1]
    return sorted(others or names.values(), key=fold)


def _name(line: pd.DataFrame) -> str:
    """The fullest name that passages give the activity of one line."""
    return max(map(str, line["done"]), key=lambda name: (len(name), name))


def _quantities(rows: pd.DataFrame) -> str:
    lines = [line for _, line in rows.dropna(subset=["quantity"]).groupby("offer_id")]
    lines.sort(key=lambda line: (-line["unit_id"].nunique(), _name(line), -line["quantity"].max()))
    is_one_of_many = len(lines) > 1
    said = list(dict.fromkeys(_quantity(line, with_goods=is_one_of_many) for line in lines))
    more = ["…"] if len(said) > _N_QUANTITIES else []
    return "\n".join(said[:_N_QUANTITIES] + more) or "–"


def _quantity(line: pd.DataFrame, *, with_goods: bool) -> str:
    """« 640 vélos par an (2025) »; « 30 à 40 paniers » where passages differ, or one a year.

    Several measures of a structure say what is measured: « 6 tonnes (invendus cuisinés) ».
    """
    unit = max(map(str, line["quantity_unit"].dropna()), key=lambda unit: (len(unit), unit))
    low = line["quantity_low"].fillna(line["quantity"])
    high = line["quantity_high"].fillna(line["quantity"])
    dated = line.dropna(subset=["year"])
    by_year = dict(zip(dated["year"].astype(int), dated["quantity"], strict=True))
    if len(set(by_year.values())) > 1 and len(dated) == len(line):
        parts = [
            sentence("offre.en_annee", quantite=number(value, 2), annee=str(year))
            for year, value in sorted(by_year.items())
        ]
        return f"{joined(parts)} {plain_name(unit)}"
    text = number(low.min(), 2)
    if low.min() != high.max():
        text = sentence("offre.de_a", bas=text, haut=number(high.max(), 2))
    years = sorted(by_year)
    year = f" ({years[-1]})" if len(years) == 1 else ""
    name = _name(line)
    is_measure = unit.split(" par ")[0] in lexicon()["mesures"].values()
    goods = f" ({plain_name(name)})" if with_goods and is_measure and len(name.split()) > 1 else ""
    return f"{text} {plain_name(unit)}{goods}{year}"


def _passage(rows: pd.DataFrame, draft: PageDraft) -> str:
    """The passage that says most of it and that the page does not quote yet."""
    unique = rows.drop_duplicates("unit_id")
    says = rows.groupby("unit_id")["quantity"].count()
    ordered = sorted(
        rows_of(unique), key=lambda row: (-says[row.unit_id], len(row.text), row.unit_id)
    )
    candidates = [ReportQuote(row.text, row.where) for row in ordered]
    for quote in draft.quote(candidates, 1):
        return f"{quoted(quote.text)}\n{quote.where}"
    return sentence("offre.deja_cite", ou=ordered[0].where)
