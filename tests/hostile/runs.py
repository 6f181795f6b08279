"""Runs of one sign or word, as long as a book: what could make a pattern of ours go back and forth without end."""

from collections.abc import Iterator

from hostile.case import Case

_RUNS = {
    "espaces": " " * 200_000 + "x",
    "espaces et lettres": "a " * 100_000 + "!",
    "insecables": "\u00a0\u202f" * 50_000 + "x",
    "tabulations": "\t" * 100_000 + "x",
    "deux-points": "a:" * 100_000,
    "noms": "Anne Riou : " * 20_000,
    "parentheses": "(" * 100_000,
    "crochets": "[" * 100_000,
    "liens": "[a](" * 50_000,
    "images": "![" * 50_000 + "](",
    "points": "." * 200_000 + "x",
    "tirets": "- " * 100_000 + "x",
    "longs tirets": "-" * 200_000 + "x",
    "etoiles": "*" * 100_000 + "a",
    "gras": "**a" * 50_000,
    "soulignes": "_" * 100_000 + "a",
    "soulignes et lettres": "_a" * 50_000,
    "tildes": "~~a" * 50_000,
    "accents graves": "`" * 100_000 + "a",
    "barres": "|" * 100_000,
    "table": "|a" * 50_000 + "\n" + "|-" * 50_000 + "\n" + "|b" * 50_000,
    "chevrons": "<" * 100_000,
    "balises": "<a " * 50_000,
    "commentaires": "<!--" * 50_000,
    "citations": ">" * 100_000 + " a",
    "dieses": "#" * 100_000 + " a",
    "titres": "# " * 50_000 + "a",
    "numeros": "1." * 100_000 + " a",
    "numeros et espaces": "1. " * 60_000 + "a",
    "chiffres": "0123456789" * 20_000,
    "telephones": "06 12 34 56 7" * 15_000,
    "arobases": "a@" * 80_000,
    "adresses": "a.b-c+d@e.f-g." * 12_000,
    "adresses web": "http://" * 20_000,
    "apostrophes": "l'" * 80_000,
    "guillemets": '"' * 100_000,
    "guillemets et virgules": '",' * 60_000,
    "points-virgules": ";" * 200_000,
    "virgules": "a," * 100_000,
    "le a ecrit": "Le le le " * 20_000 + "a écrit :",
    "de": "De : " * 30_000,
    "barres obliques": "\\" * 100_000 + "a",
    "retours": "\r" * 100_000 + "a",
    "lignes vides": "\n" * 300_000 + "a",
    "lignes de tirets": "-\n" * 50_000,
    "lignes de deux-points": "Q1 :\n" * 40_000,
    "lignes longues": ("un lavoir à restaurer, " * 40 + "\n") * 1000,
    "lettres": "a" * 300_000,
    "majuscules": "A" * 100_000,
    "majuscules et points": "A." * 80_000,
    "combinants": "e" + "\u0301" * 100_000,
    "temps": "00:00:" * 30_000,
    "fleches": "-->" * 50_000,
    "heures": "00:00:01.000 --> " * 10_000,
    "entites": "&amp;" * 50_000,
    "entites ouvertes": "&" * 100_000,
    "accolades": "{\\" * 50_000,
    "egal": "=" * 200_000,
    "sursauts": "a\n===\n" * 40_000,
    "codes mail": "=?utf-8?q?a?= " * 20_000,
    "mojibake": "Ã©Ã¨â€™" * 20_000,
}
_WRAPPED = {  # format: how a run is put into it
    "txt": "{}",
    "md": "{}",
    "html": "<html><body><p>{}</p><h2>{}</h2></body></html>",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Anne>{}\n",
    "eml": "From: Anne Riou <a@example.org>\nTo: b@example.org\nSubject: {}\nDate: Mon, 1 Jun 2026 10:00:00 +0200\n\n{}\n",
    "csv": "Nom;Structure\n{};x\n",
    "rtf": "{{\\rtf1\\ansi {}}}",
}


def runs_in(kind: str) -> Iterator[Case]:
    """Yield a case a run, put into a file of this format."""
    for name, run in _RUNS.items():
        yield Case(
            f"{name}.{kind}",
            lambda run=run: _WRAPPED[kind].format(run, run).encode("utf-8", "replace"),
            "",
        )


KINDS = tuple(_WRAPPED)
