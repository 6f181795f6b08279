"""Hostile texts, rich texts and delimited tables, made on the spot: what each is and what must become of it."""

import random

from hostile.case import READ, Case

_REFUSED_TEXT = "signes|paragraphes|sans texte|binaire|démesuré|mémoire|long"


def _lines(n_bytes: int) -> bytes:
    """Lines of French-looking words that differ, `n_bytes` of them."""
    chosen = random.Random(3)
    words = [
        "lavoir",
        "four",
        "chemin",
        "école",
        "médecin",
        "bus",
        "gare",
        "café",
        "maison",
        "salle",
        "le",
        "la",
        "pour",
        "sans",
        "trop",
        "peu",
    ]
    block = "\n".join("- " + " ".join(chosen.choices(words, k=9)) for _ in range(20_000)).encode()
    return (block * (n_bytes // len(block) + 1))[:n_bytes]


TEXTS = (
    Case("cent mega.txt", lambda: _lines(100_000_000), "100 Mo", is_slow=True),
    Case("quarante-neuf mega.txt", lambda: _lines(49_000_000), _REFUSED_TEXT, is_slow=True),
    Case("six mega.txt", lambda: _lines(6_000_000), "", is_slow=True),
    Case("une ligne.txt", lambda: b"lavoir " * 3_000_000, "", is_slow=True),
    Case("sans espace.txt", lambda: b"a" * 8_000_000, "", is_slow=True),
    Case(
        "utf-8 abime.txt",
        lambda: (
            "- à l'école de Cahors\n".encode() * 50
            + b"\xc3\x28\xa0\xa1\xe2\x28\xa1\xf0\x28\x8c\xbc" * 50
        ),
        READ,
    ),
    Case("utf-16 impair.txt", lambda: "- un lavoir à Cahors\n".encode("utf-16") + b"\x00", READ),
    Case(
        "substituts.txt",
        lambda: b"\xff\xfe" + b"\x00\xd8" * 500 + "un lavoir".encode("utf-16-le"),
        READ,
    ),
    Case("utf-32.txt", lambda: "un lavoir".encode("utf-32") + b"\xff\xff\xff\xff" * 10, READ),
    Case("nuls.txt", lambda: b"un\x00 lavoir\x00\x00" * 500, "binaire|format inconnu"),
    Case(
        "peu de nuls.txt",
        lambda: (
            b"- un lavoir a restaurer pour la fete du village, dit-on, et le four aussi\x00\n" * 500
        ),
        f"{READ}|binaire",
    ),
    Case(
        "controles.txt",
        lambda: (
            "un \x1b[2J\x07lavoir\x08\x08\x85 à Cahors, dit-on dans le village, et un four aussi\n"
            * 20
        ).encode(),
        READ,
    ),
    Case(
        "sens.txt",
        lambda: "- le lavoir \u202eécnarf ed\u202c et \u2066le four\u2069\n".encode() * 3,
        READ,
    ),
    Case(
        "sans largeur.txt",
        lambda: "- le la\u200bvo\u200dir\ufeff de\u2060 \U000e0041\U000e0042Cahors\n".encode() * 3,
        READ,
    ),
)
RICH_TEXTS = (
    Case(
        "accolades.rtf",
        lambda: b"{\\rtf1 " + b"{" * 100_000 + b"x" + b"}" * 100_000 + b"}",
        f"{READ}|imbriqué|sans texte|abîmé",
    ),
    Case(
        "ouvertes.rtf",
        lambda: b"{\\rtf1 un lavoir" + b"{\\b " * 300_000,
        f"{READ}|imbriqué|sans texte|abîmé",
        is_slow=True,
    ),
    Case("fermees.rtf", lambda: b"{\\rtf1 un lavoir" + b"}" * 300_000, READ),
    Case(
        "nombre.rtf",
        lambda: b"{\\rtf1\\ansi un lavoir\\li" + b"9" * 6000 + b"\\u" + b"9" * 6000 + b"?\\par}",
        f"{READ}|abîmé",
    ),
    Case("binaire.rtf", lambda: b"{\\rtf1\\ansi un lavoir\\bin99999999999 abc\\par}", READ),
    Case(
        "image.rtf",
        lambda: b"{\\rtf1\\ansi un lavoir{\\pict\\pngblip " + b"89504e47" * 1_000_000 + b"}\\par}",
        READ,
    ),
    Case(
        "images.rtf",
        lambda: b"{\\rtf1\\ansi un lavoir" + b"{\\pict 00}" * 100_000 + b"\\par}",
        READ,
    ),
    Case(
        "images ouvertes.rtf",
        lambda: b"{\\rtf1\\ansi un lavoir" + b"{\\pict " * 50_000,
        f"{READ}|abîmé",
    ),
    Case(
        "polices.rtf",
        lambda: (
            b"{\\rtf1\\ansi{\\fonttbl"
            + b"{\\f1\\fcharset999999 A;}" * 50_000
            + b"} un lavoir\\par}"
        ),
        READ,
    ),
    Case(
        "cellules.rtf",
        lambda: b"{\\rtf1\\ansi\\trowd\\intbl " + b"x\\cell " * 200_000 + b"\\row}",
        f"{READ}|{_REFUSED_TEXT}",
        is_slow=True,
    ),
)
TABLES = (
    Case("une ligne.csv", lambda: b"a;" * 24_000_000, "", is_slow=True),
    Case(
        "colonnes.csv",
        lambda: b";".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"1;" * 1_000_000,
        "",
        is_slow=True,
    ),
    Case("lignes larges.csv", lambda: (b";" * 3000 + b"x\n") * 3000, "", is_slow=True),
    Case("en escalier.csv", lambda: b"x\n" * 20_000 + b";" * 20_000 + b"x\n", ""),
    Case(
        "nuls.csv",
        lambda: b"Nom;Structure\nAnne\x00;Le Four\x00\n" * 50,
        f"{READ}|binaire|format inconnu",
    ),
    Case(
        "guillemet.csv",
        lambda: b'Nom;Structure\n"Anne;Le Four\n' + b"Bob;Le Lavoir\n" * 19_000,
        READ,
        is_slow=True,
    ),
    Case("guillemets.csv", lambda: b'"a"b"c";"' * 200_000, ""),
    Case("cellule.csv", lambda: b'a;b\n"' + b"x" * 20_000_000 + b'";c\n', "", is_slow=True),
    Case("deux millions.csv", lambda: b"a;b\n" * 2_000_000, "", is_slow=True),
    Case("sep.csv", lambda: b"sep=\x00\nun;lavoir\n", ""),
    Case("sep double.csv", lambda: b'sep="\nun"lavoir\n', ""),
    Case("formules.csv", lambda: b"Nom;Structure\n=cmd|' /C calc'!A0;@SUM(1)\n", READ),
)
