"""Lay out what already exists, one line a structure.

In:   Report (the tables offers, units, structures)
Out:  the chapter, with the lines that fit, and the full list of the annex
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.offer.lines import activity_key
from pipeline.offer.quantities import Total, bounds, lexicon, total_quantities
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
from pipeline.publish.report.passages import ReportPassage, filled_rows, grouped
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


@dataclass(frozen=True)
class _Said:
    """What a passage says of an offer, a row of the table."""

    offer: Any
    passage: ReportPassage
    rank: int  # of the workshop, by date

    @property
    def name(self) -> str:
        """Return the structure's name, "" where nobody named it."""
        return self.offer.structure_name or ""

    @property
    def done(self) -> str:
        """Return the activity, "" where the passage names none."""
        return self.offer.activity or ""

    @property
    def is_only_people(self) -> bool:
        """Whether it counts people and nothing says what they do.

        « et 9 personnes y apprennent »
        """
        unit = (self.offer.quantity_unit or "").split(" par ")[0]
        return unit == "personnes" and not self.done and self.offer.public is None

    @property
    def carrier(self) -> str:
        """Return what tells a structure from another; of one without name, what it is or does."""
        if self.offer.structure_id:
            return str(self.offer.structure_id)
        what = self.name or self.offer.structure_kind or self.done
        return f"{self.passage.workshop_id} {fold(what)}"


_Carrier = list[_Said]


def offer_section(report: Report, draft: PageDraft) -> Section:
    """Return how many structures have a described activity, then the first of them."""
    carriers = _carriers(report)
    if not carriers:
        key = "offre.aucune" if report.tells_offers else "offre.sans_rubrique"
        return make_section("titres.offre", "offre", body(key))
    n_lines = min(_MOST_LINES, _N_LINES[0] + _N_LINES[1] * len(report.workshops))
    shown = _first(carriers, n_lines)
    blocks: list[Block] = [_opening(carriers)]
    blocks += _totals(filled_rows(report.material.tables["offers"]))
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
        draft.table("legendes.secteurs", sums, _sectors(filled_rows(offers)), numbers),
        note("offre.secteurs_intro"),
    ]
    if len(carriers) > n_rows:
        shown, total = shown_rows(n_rows), number(len(carriers))
        blocks.insert(2, note("annexes.coupe", montres=shown, total=total, fichier="offers.csv"))
    return make_section("titres.annexe_offre", "annexe-offre", *blocks)


def _carriers(report: Report) -> list[_Carrier]:
    """The rows of each structure, by territory and name; those of none by activity, last.

    What has neither a structure nor an activity is not listed.
    """
    passages = report.material.passages
    rank = {workshop_id: i for i, workshop_id in enumerate(passages.names)}
    by_id = {one.unit_id: one for one in passages.every}
    told = [
        _Said(offer, by_id[offer.unit_id], rank[by_id[offer.unit_id].workshop_id])
        for offer in filled_rows(report.material.tables["offers"])
        if offer.unit_id in by_id
    ]
    listed = [one for one in told if (one.name or one.done) and not one.is_only_people]
    groups = grouped(listed, lambda one: one.carrier)
    return sorted((group for _, group in sorted(groups.items())), key=_order)


def _order(rows: _Carrier) -> tuple[bool, int, str]:
    title = rows[0].name or _activities(rows)[0]
    return not rows[0].name, min(one.rank for one in rows), fold(title)


def _first(carriers: Sequence[_Carrier], n: int) -> list[_Carrier]:
    """Keep `n` in their order: as many of each territory, those with quantities first."""
    turns: Counter[tuple[int, bool]] = Counter()
    ranks = []
    for i in sorted(range(len(carriers)), key=lambda i: _weight(carriers[i])):
        is_unnamed = not carriers[i][0].name
        place = min(one.rank for one in carriers[i]), is_unnamed
        ranks.append((is_unnamed, turns[place], i))
        turns[place] += 1
    n_named = len(carriers) - sum(is_unnamed for is_unnamed, _, _ in ranks)
    n_unnamed = max(n - n_named, min(n // 4, len(carriers) - n_named))
    named = [i for is_unnamed, _, i in sorted(ranks) if not is_unnamed][: n - n_unnamed]
    unnamed = [i for is_unnamed, _, i in sorted(ranks) if is_unnamed][:n_unnamed]
    return [carriers[i] for i in sorted(named + unnamed)]


def _weight(rows: _Carrier) -> tuple[bool, bool, int]:
    n_units = len({one.passage.unit_id for one in rows})
    return not _has_quantity(rows), not _is_described(rows), -n_units


def _has_quantity(rows: _Carrier) -> bool:
    return any(one.offer.quantity is not None for one in rows)


def _is_described(rows: _Carrier) -> bool:
    return any(one.done for one in rows)


def _opening(carriers: Sequence[_Carrier]) -> PageParagraph:
    named = [rows for rows in carriers if rows[0].name]
    n_described, n_quantified = sum(map(_is_described, named)), sum(map(_has_quantity, named))
    text = sentence("offre.ouverture", n=len(named), decrites=n_described, chiffrees=n_quantified)
    n_unnamed = len(carriers) - len(named)
    more = [sentence("offre.sans_nom", n=n_unnamed)] if n_unnamed else []
    return PageParagraph(" ".join([text, *more, sentence("offre.a_verifier")]), "lead")


def _totals(offers: Iterable[Any]) -> list[PageParagraph]:
    """Say what can be added up in a sector; nothing if that is nothing."""
    by_sector = grouped((one for one in offers if one.sector), lambda one: one.sector)
    sums = [
        f"{typography(sector)}{NBSP}: {joined(added)}"
        for sector, here in sorted(by_sector.items())
        if (added := [_total(total) for total in total_quantities(here) if total.n_added])
    ]
    return [body("offre.totaux", totaux=" ; ".join(sums))] if sums else []


def _sectors(offers: Iterable[Any]) -> Rows:
    """A sector's lines, structures and quantities, added up only where they are different ones."""
    unsaid, rows = word("offre", "sans_secteur"), []
    for sector, here in sorted(grouped(offers, lambda one: one.sector or "").items()):
        totals = [_total(total) for total in total_quantities(here)]
        quantities = " ; ".join(totals[:_N_QUANTITIES])
        quantities += " ; …" if len(totals) > _N_QUANTITIES else ""
        name = capitalised(typography(sector)) if sector else unsaid
        # that nobody named is unknown, not 0
        n_structures = len({one.structure_name for one in here} - {None})
        n_offers = number(len({one.offer_id for one in here}))
        counts = n_offers, number(n_structures) if n_structures else "–"
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


def _table(report: Report, draft: PageDraft, carriers: Sequence[_Carrier]) -> Block:
    names = report.material.passages.names
    rows = []
    for group in carriers:
        first = group[0]
        title = one_line(first.name) or sentence("offre.non_nommee")
        activities = _activities(group)
        kind = plain_name(first.offer.structure_kind or "")
        if not first.name and kind and fold(kind) not in map(fold, activities):
            title = sentence("offre.non_nommee_nature", nature=kind)
        if len(names) > 1:
            workshop_ids = dict.fromkeys(one.passage.workshop_id for one in group)
            title += f"\n{joined([names[key] for key in workshop_ids])}"
        done = capitalised(typography(" ; ".join(activities))) or "–"
        said_publics = dict.fromkeys(one.offer.public for one in group if one.offer.public)
        publics = [plain_name(public) for public in said_publics]
        if publics:
            done += "\n" + sentence("offre.pour", publics=joined(publics[:2]))
        rows.append((title, done, _quantities(group), _passage(group, draft)))
    return draft.table("legendes.offre", _COLUMNS, rows)


def _lines(rows: Iterable[_Said]) -> list[_Carrier]:
    """What passages say of each offer, by its id."""
    return [line for _, line in sorted(grouped(rows, lambda one: one.offer.offer_id).items())]


def _activities(rows: _Carrier) -> list[str]:
    """Each activity once; what a structure is (« ressourcerie ») only beside nothing else."""
    lines = sorted(_lines(rows), key=len, reverse=True)
    names: dict[frozenset[str], str] = {}
    for name in filter(None, map(_name, lines)):
        names.setdefault(activity_key(name), name)
    others = [name for name in names.values() if len(name.split()) > 1]
    return sorted(others or names.values(), key=fold)


def _name(line: _Carrier) -> str:
    """The fullest name that passages give the activity of one line."""
    return max((one.done for one in line), key=lambda name: (len(name), name))


def _quantities(rows: _Carrier) -> str:
    def order(line: _Carrier) -> tuple[int, str, float]:
        n_units = len({one.passage.unit_id for one in line})
        return -n_units, _name(line), -max(one.offer.quantity for one in line)

    lines = sorted(_lines(one for one in rows if one.offer.quantity is not None), key=order)
    is_one_of_many = len(lines) > 1
    said = list(dict.fromkeys(_quantity(line, with_goods=is_one_of_many) for line in lines))
    more = ["…"] if len(said) > _N_QUANTITIES else []
    return "\n".join(said[:_N_QUANTITIES] + more) or "–"


def _quantity(line: _Carrier, *, with_goods: bool) -> str:
    """« 640 vélos par an (2025) »; « 30 à 40 paniers » where passages differ, or one a year.

    Several measures of a structure say what is measured: « 6 tonnes (invendus cuisinés) ».
    """
    offers = [one.offer for one in line]
    units = [offer.quantity_unit for offer in offers if offer.quantity_unit]
    unit = max(units, key=lambda unit: (len(unit), unit))
    low, high = min(bounds(one)[0] for one in offers), max(bounds(one)[1] for one in offers)
    by_year = {offer.year: offer.quantity for offer in offers}
    if len(set(by_year.values())) > 1 and None not in by_year:
        parts = [
            sentence("offre.en_annee", quantite=number(value, 2), annee=str(year))
            for year, value in sorted(by_year.items())
        ]
        return f"{joined(parts)} {plain_name(unit)}"
    text = number(low, 2)
    if low != high:
        text = sentence("offre.de_a", bas=text, haut=number(high, 2))
    years = by_year.keys() - {None}
    year = f" ({max(years)})" if len(years) == 1 else ""
    name = _name(line)
    is_measure = unit.split(" par ")[0] in lexicon()["mesures"].values()
    goods = f" ({plain_name(name)})" if with_goods and is_measure and len(name.split()) > 1 else ""
    return f"{text} {plain_name(unit)}{goods}{year}"


def _passage(rows: _Carrier, draft: PageDraft) -> str:
    """The passage that says most of it and that the page does not quote yet."""
    n_said = Counter(one.passage for one in rows if one.offer.quantity is not None)
    ordered = sorted(
        {one.passage for one in rows},
        key=lambda passage: (-n_said[passage], len(passage.text), passage.unit_id),
    )
    candidates = [ReportQuote(passage.text, passage.where) for passage in ordered]
    for quote in draft.quote(candidates, 1):
        return f"{quoted(quote.text)}\n{quote.where}"
    return sentence("offre.deja_cite", ou=ordered[0].where)
