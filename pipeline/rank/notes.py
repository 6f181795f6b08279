"""Describe each criterion and rank in sentences that one can check against the notes."""

from collections.abc import Collection, Iterator
from typing import Any

from pipeline.counting import Noun
from pipeline.rank.criteria import CRITERIA, Tally
from pipeline.rank.order import DECIMALS, DEPTHS, ScopeRanking
from pipeline.text import counted

_UNREAD = {
    "is_need": (
        "c_need",
        "La grille de l'étude ne dit ni difficulté ni demande : ce critère n'a rien à lire.",
    ),
    "is_lever": (
        "c_leverage",
        "La grille de l'étude ne dit ni proposition, ni opportunité, ni partenariat : "
        "ce critère n'a rien à lire.",
    ),
}


def note_rows(
    ranking: ScopeRanking,
    tally: Tally,
    theme_ids: list[str],
    noun: Noun,
    missing: Collection[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield the notes of each theme heard in the scope, in the order of the ranking."""
    for i, theme in enumerate(ranking.order):
        row = {"scope": ranking.scope, "theme_id": theme_ids[theme]}
        sentences = _sentences(tally, int(theme), noun, missing)
        for name in CRITERIA:
            value = round(float(ranking.shares[name][0, theme]), DECIMALS)
            yield row | {"subject": name, "value": value, "sentence": sentences[name]}
        for depth in DEPTHS:
            share = float((ranking.ranks[:, i] <= depth).mean())
            sentence = _chance_sentence(depth, share)
            yield row | {"subject": f"p_top{depth}", "value": share, "sentence": sentence}


def unread_sentences(missing: Collection[str]) -> dict[str, str]:
    """Return criterion → sentence for those that read only codes missing from the grid."""
    return dict(_UNREAD[fact] for fact in _UNREAD if fact in missing)


def _sentences(tally: Tally, theme: int, noun: Noun, missing: Collection[str]) -> dict[str, str]:
    n = {name: round(float(counts[0, theme])) for name, counts in tally.counts.items()}
    total = {name: round(value) for name, value in tally.totals.items()}
    passages = counted(int(tally.n_units[theme]), "passage")
    emphasis = float(tally.counts["emphasis"][0, theme])
    return {
        "c_tables": f"Dit {noun.at} {noun.count(n['said_tables'])} sur {total['tables']},"
        f" en {passages}.",
        "c_workshops": f"Dit dans {counted(n['workshops'], noun.workshop)}"
        f" sur {total['workshops']}.",
        "c_rapporteurs": _rapporteurs(n["rapporteurs"], total["rapporteurs"], emphasis),
        "c_actors": _actors(tally, theme),
        "c_need": _need(noun, n["need_tables"], n["answer_tables"], "is_answer" not in missing),
        "c_leverage": _lever(noun, n["lever_tables"]),
        "c_late": _late(n["late_voices"], total["late_voices"]),
        "c_severity": _severity(noun, n["severe_tables"]),
        **unread_sentences(missing),
    }


def _rapporteurs(n: int, total: int, emphasis: float) -> str:
    if not total:
        return "Aucune synthèse de rapporteur n'est parvenue."
    if not n:
        return "Aucun rapporteur ne le reprend."
    n_insisting = round(2 * emphasis) - n
    insisting = f", dont {n_insisting} en y insistant" if n_insisting else ""
    return f"Repris par {counted(n, 'rapporteur')} sur {total}{insisting}."


def _actors(tally: Tally, theme: int) -> str:
    heard = tally.types[:, 0, :] > 0
    n_types = int(heard[:, theme].sum())
    if not n_types:
        return "On ne sait pas qui en a parlé : le critère est neutre."
    types = counted(n_types, "type d'acteurs", "types d'acteurs")
    return f"Porté par {types} sur {int(heard.any(axis=1).sum())} dont une voix est connue."


def _need(noun: Noun, n_needs: int, n_answers: int, has_answer_codes: bool) -> str:
    if not n_needs:
        return f"{noun.none.capitalize()} ne le dit comme un manque."
    needs = f"Un manque ou une demande {noun.at} {noun.count(n_needs)}"
    if not has_answer_codes:
        return f"{needs}."
    if not n_answers:
        return f"{needs}, sans réponse citée."
    return f"{needs} ; une offre ou une force {noun.at} {noun.count(n_answers)}."


def _lever(noun: Noun, n: int) -> str:
    if not n:
        return f"{noun.none.capitalize()} n'y voit par où agir."
    verb = "voient" if n > 1 else "voit"
    levers = "une proposition, une opportunité ou un partenariat"
    return f"{noun.count(n)} y {verb} par où agir : {levers}."


def _late(n: int, total: int) -> str:
    if not total:
        return "Aucun passage d'un thème n'est connu pour être venu à distance."
    if not n:
        return "Personne n'en parle après l'atelier."
    verb = "parlent" if n > 1 else "parle"
    return f"{counted(n, 'personne')} sur {total} en {verb} après l'atelier."


def _severity(noun: Noun, n: int) -> str:
    said = f"{noun.none.capitalize()} n'en parle"
    if n:
        said = f"{noun.count(n)} en {'parlent' if n > 1 else 'parle'}"
    return f"{said} comme d'un danger, d'une perte ou d'une urgence."


def _chance_sentence(depth: int, share: float) -> str:
    first = {1: "Première", 3: "Parmi les trois premières", 5: "Parmi les cinq premières"}[depth]
    return f"{first} dans {100 * share:.0f} % des tirages de poids et de tables."
