"""What each criterion of a priority counted, and how sure its place is, each in one sentence that can be checked against the notes.

In:   Standing and tally of a scope, the facts that the study's grid does not tell
Out:  rows of priority_notes, one a theme and subject: every criterion, then p_top1, p_top3 and p_top5
"""

from collections.abc import Collection, Iterator
from typing import Any

from pipeline.i18n import _
from pipeline.rank.criteria import CRITERIA
from pipeline.rank.order import DEPTHS, Standing
from pipeline.rank.tally import Tally
from pipeline.words import counted

_DECIMALS = 6


def note_rows(standing: Standing, tally: Tally, theme_ids: list[str], untold: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the notes of each theme heard in the scope, in the order of the ranking."""
    for place, theme in enumerate(standing.order):
        sentences = _sentences(tally, int(theme), untold)
        for name in CRITERIA:
            value = round(float(standing.shares[name][0, theme]), _DECIMALS)
            yield {"scope": standing.scope, "theme_id": theme_ids[theme], "subject": name, "value": value, "sentence": sentences[name]}
        for depth in DEPTHS:
            share = float((standing.ranks[:, place] <= depth).mean())
            row = {"scope": standing.scope, "theme_id": theme_ids[theme], "subject": f"p_top{depth}", "value": share}
            yield row | {"sentence": _sureness(depth, share)}


def nothing_to_read(untold: Collection[str]) -> dict[str, str]:
    """Criterion → a sentence, for those that read only codes which the grid does not have."""
    told = {
        "is_need": ("c_need", _("La grille de l'étude ne dit ni difficulté ni demande : ce critère n'a rien à lire.")),
        "is_lever": (
            "c_leverage",
            _("La grille de l'étude ne dit ni proposition, ni opportunité, ni partenariat : ce critère n'a rien à lire."),
        ),
    }
    return {criterion: said for fact, (criterion, said) in told.items() if fact in untold}


def _sentences(tally: Tally, theme: int, untold: Collection[str]) -> dict[str, str]:
    """One sentence a criterion, as observed."""
    n = {name: round(float(counts[0, theme])) for name, counts in tally.counts.items()}
    total = {name: round(value) for name, value in tally.totals.items()}
    return {
        "c_tables": _("Dit à {n} sur {total}, en {passages}.").format(
            n=_tables(n["said_tables"]), total=total["tables"], passages=counted(int(tally.n_units[theme]), _("passage"))
        ),
        "c_workshops": _("Dit dans {n} sur {total}.").format(n=counted(n["workshops"], _("atelier")), total=total["workshops"]),
        "c_rapporteurs": _rapporteurs(n["rapporteurs"], total["rapporteurs"], 2 * float(tally.counts["emphasis"][0, theme])),
        "c_actors": _actors(tally, theme),
        "c_need": _need(n["need_tables"], n["answer_tables"], tells_answers="is_answer" not in untold),
        "c_leverage": _lever(n["lever_tables"]),
        "c_late": _late(n["late_voices"], total["late_voices"]),
        "c_severity": _severity(n["severe_tables"]),
        **nothing_to_read(untold),
    }


def _tables(n: int) -> str:
    return counted(n, _("table"))


def _lever(n: int) -> str:
    if not n:
        return _("Aucune table n'y voit par où agir.")
    said = _("{n} y voient par où agir : une proposition, une opportunité ou un partenariat.")
    return (said if n > 1 else _("{n} y voit par où agir : une proposition, une opportunité ou un partenariat.")).format(n=_tables(n))


def _severity(n: int) -> str:
    if not n:
        return _("Aucune table n'en parle comme d'un danger, d'une perte ou d'une urgence.")
    said = _("{n} en parlent comme d'un danger, d'une perte ou d'une urgence.")
    return (said if n > 1 else _("{n} en parle comme d'un danger, d'une perte ou d'une urgence.")).format(n=_tables(n))


def _rapporteurs(n: int, total: int, twice_emphasis: float) -> str:
    if not total:
        return _("Aucune synthèse de rapporteur n'est parvenue.")
    n_insisting = round(twice_emphasis) - n
    if not n:
        return _("Aucun rapporteur ne le reprend.")
    taken_up = _("Repris par {n} sur {total}").format(n=counted(n, _("rapporteur")), total=total)
    return taken_up + (_(", dont {n} en y insistant.").format(n=n_insisting) if n_insisting else ".")


def _actors(tally: Tally, theme: int) -> str:
    heard = tally.types[:, 0, :] > 0
    n_types = int(heard[:, theme].sum())
    if not n_types:
        return _("On ne sait pas qui en a parlé : le critère est neutre.")
    return _("Porté par {n} sur {total} dont une voix est connue.").format(
        n=counted(n_types, _("type d'acteurs"), _("types d'acteurs")), total=int(heard.any(axis=1).sum())
    )


def _need(n_needs: int, n_answers: int, *, tells_answers: bool) -> str:
    if not n_needs:
        return _("Aucune table ne le dit comme un manque.")
    needs = _("Un manque ou une demande à {n}").format(n=_tables(n_needs))
    if not tells_answers:
        return f"{needs}."
    return needs + (_(" ; une offre ou une force à {n}.").format(n=_tables(n_answers)) if n_answers else _(", sans réponse citée."))


def _late(n: int, total: int) -> str:
    if not total:
        return _("Aucun passage d'un thème n'est connu pour être venu après l'atelier.")
    if not n:
        return _("Personne n'en parle après l'atelier.")
    said = _("{n} sur {total} en parlent après l'atelier.") if n > 1 else _("{n} sur {total} en parle après l'atelier.")
    return said.format(n=counted(n, _("personne")), total=total)


def _sureness(depth: int, share: float) -> str:
    percent = f"{100 * share:.0f}"
    if depth == 1:
        return _("Première dans {percent} % des tirages de poids et de tables.").format(percent=percent)
    places = {3: _("trois"), 5: _("cinq")}[depth]
    return _("Parmi les {places} premières dans {percent} % des tirages de poids et de tables.").format(places=places, percent=percent)
