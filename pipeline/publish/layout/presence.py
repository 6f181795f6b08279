"""Say in a sentence or two who came to a workshop, and who was expected and not seen.

In:   Report
Out:  French sentences
"""

from pipeline.compare.voices import MOST_KNOWN
from pipeline.publish.report.content import AbsentVoices, Report
from pipeline.publish.text import (
    CountMask,
    Tally,
    capitalised,
    joined,
    number,
    sentence,
    some_of,
    tally,
    texts,
    typography,
    word,
)

_N_TYPES = 3
_COMMUNE_CHARS, _TYPE_CHARS = 90, 60


def presence_sentences(report: Report, index: int) -> tuple[str, ...]:
    """Return who came to a workshop and who did not, small counts masked."""
    facts, least = report.workshops[index], report.least_count
    if facts.n_people is None:
        return (sentence("presence.aucune_liste"),)
    types = [(row.structure_type, row.cells[index][1]) for row in report.attendance]
    came = people_sentence(
        facts.n_people, facts.n_structures, types, least=least, is_unsigned=facts.is_unsigned
    )
    absent = next((row for row in report.absent if row.workshop == facts.name), None)
    unknown = _unknown_sentence(dict(types).get(word("voix", "non_precise"), 0), facts.n_people)
    return tuple(filter(None, (came, unknown, absent_sentence(absent) if absent else "")))


def _unknown_sentence(n: Tally, n_people: Tally) -> str:
    """Return of how many people the type is not known, where that hides who did not come."""
    if isinstance(n, int) and isinstance(n_people, int) and 0 < n >= (1 - MOST_KNOWN) * n_people:
        return sentence("presence.types_inconnus", n=n, total=number(n_people))
    return ""


def people_sentence(
    n_people: Tally,
    n_structures: Tally | None,
    types: list[tuple[str, Tally]],
    *,
    least: int,
    is_unsigned: bool = False,
) -> str:
    """Return « 28 personnes, de 20 structures, étaient là : associations (10), et aussi élus. »

    The types of most people are counted; a type whose count is masked is named without it, and so
    are all where a count is withheld.
    """
    if n_people == 0:
        return sentence("presence.personne")
    unknown = word("voix", "non_precise")
    types = [(name, n) for name, n in types if n and name != unknown]
    known = sorted(
        ((n, name) for name, n in types if isinstance(n, int)), key=lambda pair: -pair[0]
    )
    counted = [f"{_plural(name)} ({number(n)})" for n, name in known[:_N_TYPES]]
    others = [_plural(name) for _, name in known[_N_TYPES:]]
    others += [_plural(name) for name, n in types if isinstance(n, CountMask)]
    if CountMask.WITHHELD in dict(types).values():  # which may hide the most present
        counted, others = [], [_plural(name) for name, _ in types]
    came = sentence(
        "presence.inscrites" if is_unsigned else "presence.venues",
        personnes=_written(n_people, "personne", least),
        structures=_of_structures(n_structures, least),
        n=n_people if isinstance(n_people, int) else least,
    )
    named = joined(counted or others)
    if counted and others:
        named = sentence(
            "presence.et_aussi", types=", ".join(counted), autres=some_of(others, _TYPE_CHARS)
        )
    return capitalised(
        sentence("presence.surtout", venues=came, types=named) if named else f"{came}."
    )


def _written(n: Tally, noun: str, least: int) -> str:
    if n is CountMask.WITHHELD:
        return sentence("presence.non_communique", nom=noun)
    if n is CountMask.SMALL:
        return sentence("presence.moins_de", n=number(least), nom=noun)
    return tally(n, noun, least=least)


def _of_structures(n: Tally | None, least: int) -> str:
    if not isinstance(n, int) or n == 0:
        return ""
    return sentence("presence.de_structures", structures=tally(n, "structure", least=least))


def _plural(structure_type: str) -> str:
    plurals = {typography(name): several for name, several in texts()["types_pluriels"].items()}
    return typography(str(plurals.get(structure_type, structure_type)))


def absent_sentence(absent: AbsentVoices) -> str:
    """Return from which types and communes nobody came, as far as the list and the map tell."""
    voices = []
    if absent.communes:
        names = some_of(absent.communes, _COMMUNE_CHARS)
        voices.append(sentence("presence.communes", noms=names, n=len(absent.communes)))
    if absent.others:
        voices.append(absent.others)
    if absent.structure_types:
        types = joined([_plural(name) for name in absent.structure_types])
        voices.append(sentence("presence.types", types=types))
    return sentence("presence.absents", voix=", ni pour ".join(voices)) if voices else ""
