"""Say in sentences what a map shows: which communes are covered, which are not, and by whom.

In:   TerritoryMap
Out:  French sentences
"""

from collections.abc import Sequence

from pipeline.publish.report.content import MapCommune, MapPoint, TerritoryMap
from pipeline.publish.text import capitalised, count, joined, sentence, some_of

MAP_FILE = "carte.html"
_N_NAMED = 3  # communes in a sentence


def cover_sentences(drawn: TerritoryMap) -> tuple[str, ...]:
    """Return how many communes are covered, which are not, and where areas overlap.

    A commune is covered where its centre is in a catchment area.
    """
    members = [town for town in drawn.towns if town.is_member]
    if not drawn.areas:
        return (sentence("maillage.aucune_zone"),)
    said = [_covered(drawn, members), _uncovered(members)] if members else []
    n_most = max((len(town.covered_by) for town in members), default=0)
    if n_most:
        said += [_most_covered(members, n_most), _covered_once(members, n_most)]
    said.append(_without_area(drawn))
    return tuple(filter(None, said))


def _covered(drawn: TerritoryMap, members: Sequence[MapCommune]) -> str:
    where = sentence("maillage.intercommunalites")
    if drawn.authority:
        where = sentence("maillage.intercommunalite", nom=drawn.authority)
    total, n = len(members), sum(bool(town.covered_by) for town in members)
    if n == 0:
        return sentence("maillage.aucune", total=total, ou=where)
    key = "certaines"
    if n == total:
        key = "toutes" if total > 1 else "toutes_une"
    return sentence(f"maillage.{key}", n=n, total=total, ou=where)


def _uncovered(members: Sequence[MapCommune]) -> str:
    """Name the largest communes that no area holds; none where all or no commune is covered."""
    names = [town.name for town in members if not town.covered_by]
    if not names or len(names) == len(members):
        return ""
    key = "maillage.hors_zone" if len(names) <= _N_NAMED else "maillage.hors_zone_grandes"
    return sentence(key, noms=joined(names[:_N_NAMED]), n=len(names))


def _most_covered(members: Sequence[MapCommune], n_most: int) -> str:
    if n_most == 1:
        return sentence("maillage.sans_recouvrement")
    names = [town.name for town in members if len(town.covered_by) == n_most]
    if len(names) == 1:
        return sentence("maillage.recouvrement_un", noms=names[0], n=n_most)
    if len(names) <= _N_NAMED:
        return sentence("maillage.recouvrement_plusieurs", noms=joined(names), n=n_most)
    named, k = ", ".join(names[:_N_NAMED]), len(names) - _N_NAMED
    return sentence("maillage.recouvrement_autres", noms=named, k=k, n=n_most)


def _covered_once(members: Sequence[MapCommune], n_most: int) -> str:
    n = sum(len(town.covered_by) == 1 for town in members)
    return sentence("maillage.une_seule", n=n) if n and n_most > 1 else ""


def _without_area(drawn: TerritoryMap) -> str:
    with_area = {name for name, _ in drawn.areas}
    n = sum(point.name not in with_area for point in drawn.structures)
    return capitalised(sentence("maillage.sans_zone_connue", n=n)) if n else ""


def reach_sentence(drawn: TerritoryMap, structure: MapPoint, *, n_chars: int = 10_000) -> str:
    """Return « Sa zone couvre 2 communes : Arques et Saint-Omer. », in some `n_chars`."""
    if all(name != structure.name for name, _ in drawn.areas):
        return sentence("maillage.zone_inconnue")
    names = [town.name for town in drawn.towns if structure.name in town.covered_by]
    if not names:
        return sentence("maillage.couvre_aucune")
    return sentence("maillage.couvre", n=len(names), noms=some_of(names, n_chars))


def map_alt(drawn: TerritoryMap) -> str:
    """Describe a map in words: what is on it, and what it shows."""
    parts = [
        count(len(drawn.structures), "structure"),
        count(len(drawn.areas), "zone de chalandise", "zones de chalandise"),
    ]
    said = " ".join(cover_sentences(drawn))
    return sentence(
        "maillage.alt", territoire=drawn.name, montres=", ".join(parts), couverture=said
    )
