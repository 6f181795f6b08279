"""A .qdpx that comes back: the same codings whatever tool wrote it, all that is left out counted, nothing hostile let in."""

import dataclasses
import io
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import etree

from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.errors import StudyError
from pipeline.exchange import import_project as placing
from pipeline.exchange import import_project as reasons
from pipeline.exchange.codebook import compare_codebook
from pipeline.exchange.documents import gather_codings
from pipeline.exchange.import_project import Taken, take_project
from pipeline.exchange.project import plain_text, project_file, read_project, settle_spans
from pipeline.publish.text import zipped
from pipeline.tables.material import DECISIONS
from support.decisions import confirmation, sign_off
from support.draws import seeds
from support.exchanged import (
    GRID,
    Doc,
    Line,
    Tables,
    any_study,
    made_study,
    on_tag,
    rows_of,
    small,
    taken,
)
from support.refi import SCHEMA

Files = dict[str, bytes]
CODED = taken(
    on_tag("accept", "d0u0", "rubrique", "enjeux.social"),
    on_tag("add", "d0u1", "rubrique", "opportunites", author="Zoé"),
    on_tag("add", "d1u0", "posture", "demande"),
    {"action": "move_unit", "unit_id": "d2u0", "value": "t-cars", "author": "Zoé"},
)
WANTED = [
    ("Lise", "accept_tag", "d0u0", "rubrique", "enjeux.social"),
    ("Lise", "add_tag", "d1u0", "posture", "demande"),
    ("Zoé", "add_tag", "d0u1", "rubrique", "opportunites"),
    ("Zoé", "move_unit", "d2u0", "theme", "t-cars"),
]


def exported(tables: Tables, decisions: pd.DataFrame) -> Files:
    """The files of a project of ours, by name."""
    content = project_file(
        tables, GRID, gather_codings(tables, GRID, decisions=decisions), title="Essai"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def brought(
    files: Files,
    folder: Path,
    tables: Tables | None = None,
    known: pd.DataFrame | None = None,
    **more: Any,
) -> Taken:
    """What a project of these files brings to a study where nobody decided anything, or `known`."""
    path = folder / "retour.qdpx"
    path.write_bytes(zipped(files.items()))
    decisions = DECISIONS.empty() if known is None else known
    return take_project(
        read_project(path), small() if tables is None else tables, GRID, decisions=decisions, **more
    )


def told(found: Taken) -> list[tuple[str, ...]]:
    """(author, action, unit, axis, code or theme), sorted."""
    return sorted(
        (
            row["author"],
            row["action"],
            row["unit_id"],
            row.get("axis", "theme"),
            row.get("code") or row["value"],
        )
        for row in rows_of(found)
    )


def on_xml(change: Callable[[str], str]) -> Callable[[Files], Files]:
    return lambda files: files | {"project.qde": change(files["project.qde"].decode()).encode()}


def on_sources(change: Callable[[str], str]) -> Callable[[Files], Files]:
    return lambda files: {
        name: change(content.decode()).encode() if name.startswith("sources/") else content
        for name, content in files.items()
    }


def renamed(change: Callable[[str], str]) -> Callable[[Files], Files]:
    return lambda files: {change(name): content for name, content in files.items()}


def recounted(
    stored: Callable[[str], str], counted: Callable[[str], int]
) -> Callable[[Files], Files]:
    """Texts stored otherwise, and offsets as `counted` of what is stored before them."""

    def change(files: Files) -> Files:
        xml = files["project.qde"].decode()
        for name, content in files.items():
            if name.startswith("sources/"):
                text, part = (
                    content.decode(),
                    re.search(
                        rf"<TextSource guid=\"{name[8:-4]}\".*?</TextSource>", xml, re.DOTALL
                    ),
                )
                moved = (
                    re.sub(
                        r'(Position)="(\d+)"',
                        lambda at, text=text: f'{at[1]}="{counted(stored(text[: int(at[2])]))}"',
                        part[0],
                    )
                    if part
                    else ""
                )
                xml = xml.replace(part[0], moved) if part else xml
        return on_sources(stored)(files) | {"project.qde": xml.encode()}

    return change


def new_guids(xml: str) -> str:
    """Every GUID replaced by another, as QualCoder does; texts are found by their name in the archive, which stays."""
    given: dict[str, str] = {}
    pattern = r'((?:guid|targetGUID|creatingUser|creatingUserGUID)=")([0-9a-f-]{36})'
    return re.sub(
        pattern, lambda found: found[1] + given.setdefault(found[2], str(uuid.uuid4())), xml
    )


def inline(files: Files) -> Files:
    """Texts in the XML itself."""
    xml = files["project.qde"].decode()
    for name, content in files.items():
        if name.startswith("sources/"):
            text = content.decode().replace("&", "&amp;").replace("<", "&lt;")
            xml = re.sub(
                rf' plainTextPath="internal://{name[8:]}"([^>]*)>',
                lambda tag, text=text: f"{tag[1]}><PlainTextContent>{text}</PlainTextContent>",
                xml,
            )
    return {"project.qde": xml.encode()}


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def in_utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def chained(*changes: Callable[[Files], Files]) -> Callable[[Files], Files]:
    """One change after the other."""

    def change(files: Files) -> Files:
        for one in changes:
            files = one(files)
        return files

    return change


def capital_folder(name: str) -> str:
    return name.replace("sources/", "Sources/")


HABITS: list[tuple[str, Callable[[Files], Files]]] = [
    ("as we write it", lambda files: files),
    ("line ends of two characters, counted as one", on_sources(crlf)),
    ("line ends of two characters, counted as two", recounted(crlf, len)),
    ("a byte order mark that is not counted", on_sources(lambda text: "\ufeff" + text)),
    ("a byte order mark that is counted", recounted(lambda text: "\ufeff" + text, len)),
    (
        "a byte order mark and line ends, both counted",
        recounted(lambda text: "\ufeff" + crlf(text), len),
    ),
    ("an emoji counted as two", recounted(lambda text: text, in_utf16)),
    ("an emoji and a line end counted as two", recounted(crlf, in_utf16)),
    ("a capital folder", renamed(capital_folder)),
    (
        "as QualCoder: other GUIDs, a capital folder, line ends and a byte order mark that are stored and not counted",
        chained(
            on_xml(new_guids),
            on_sources(lambda text: "\ufeff" + crlf(text)),
            renamed(capital_folder),
        ),
    ),
    (
        "as MAXQDA: GUIDs in capitals, a capital folder, line ends counted as two after a byte order mark",
        chained(
            recounted(
                lambda text: "\ufeff" + crlf(text), lambda text: len(text.removeprefix("\ufeff"))
            ),
            on_xml(
                lambda xml: re.sub(
                    r'="([0-9a-f-]{36})"', lambda found: f'="{found[1].upper()}"', xml
                )
            ),
            renamed(capital_folder),
        ),
    ),
    (
        "all in a folder, under another name",
        renamed(lambda name: f"Projet/{name}".replace("project.qde", "Étude finale.QDE")),
    ),
    (
        "GUIDs in braces and capitals",
        on_xml(
            lambda xml: re.sub(
                r'="([0-9a-f-]{36})"', lambda found: f'="{{{found[1].upper()}}}"', xml
            )
        ),
    ),
    (
        "paths relative to the archive",
        on_xml(lambda xml: xml.replace("internal://", "relative://sources/")),
    ),
    ("paths of another system", on_xml(lambda xml: xml.replace("internal://", "sources\\\\"))),
    ("texts in the XML", inline),
    ("other GUIDs everywhere", on_xml(new_guids)),
    (
        "other GUIDs and no description",
        on_xml(
            lambda xml: re.sub(
                "<Description>.*?</Description>", "", new_guids(xml), flags=re.DOTALL
            )
        ),
    ),
    (
        "other GUIDs, codes renamed",
        on_xml(
            lambda xml: re.sub(r'<Code ([^>]*)name="[^"]*"', r'<Code \1name="x"', new_guids(xml))
        ),
    ),
    (
        "the user on the selection instead of the coding",
        on_xml(lambda xml: re.sub(r'(<PlainTextSelection [^>]*)creatingUser="[^"]*"', r"\1", xml)),
    ),
    (
        "UTF-16 texts",
        lambda files: {
            name: text if name.endswith("qde") else text.decode().encode("utf-16")
            for name, text in files.items()
        },
    ),
    (
        "a comment and another namespace version",
        on_xml(
            lambda xml: xml.replace("project:1.0", "project:1.5").replace(
                "<Users>", "<!-- x --><Users>"
            )
        ),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [habit[1] for habit in HABITS], ids=[habit[0] for habit in HABITS]
)
def test_people_keep_their_codings_whatever_tool_wrote_the_file(
    change: Callable[[Files], Files], tmp_path: Path
) -> None:
    found = brought(change(exported(small(), CODED)), tmp_path)
    assert told(found) == WANTED
    assert set(found.left_out) == {reasons.BY_MACHINE}


@pytest.mark.parametrize("seed", seeds(12))
def test_what_was_exported_comes_back_and_goes_out_again_as_the_same_bytes(
    seed: int, tmp_path: Path
) -> None:
    tables = any_study(seed)
    codes = [code for code in GRID.codes if code.axis != "posture"]
    rows = [
        on_tag(
            "add",
            unit_id,
            codes[place % len(codes)].axis,
            codes[place % len(codes)].code,
            author=f"P{place % 3} & <fils>",
        )
        for place, unit_id in enumerate(tables["units"]["unit_id"])
    ]
    decisions = taken(*rows)
    files = exported(tables, decisions)
    found = brought(files, tmp_path, tables)
    assert found.n_known == 0
    again = DECISIONS.build(
        {"decision_id": place} | row for place, row in enumerate(rows_of(found), start=1)
    )
    assert exported(tables, again) == files
    assert brought(files, tmp_path, tables, known=decisions).decisions == ()
    assert brought(files, tmp_path, tables, known=again).decisions == ()


def test_a_person_may_take_back_only_what_is_their_own(tmp_path: Path) -> None:
    found = brought(exported(small(), CODED), tmp_path)
    own = found.of("Zoé")
    assert told(own) == [row for row in WANTED if row[0] == "Zoé"]
    assert own.left_out == dict(found.left_out) | {reasons.OF_OTHERS: 2}


def test_an_old_file_does_not_undo_what_its_author_said_since(tmp_path: Path) -> None:
    files = exported(small(), CODED)
    since = on_tag(
        "reject", "d0u0", "rubrique", "enjeux.social", decided_at="2026-02-01T10:00:00+00:00"
    )
    known = taken(*CODED.drop(columns="decision_id").to_dict("records"), since)
    assert brought(files, tmp_path, known=known).decisions == ()


def test_what_was_undone_comes_back_only_by_what_was_said_since(tmp_path: Path) -> None:
    files = exported(small(), CODED)
    known = taken(
        *CODED.drop(columns="decision_id").to_dict("records"),
        {"action": "undo", "value": "2", "decided_at": "2026-02-01T10:00:00Z"},
    )
    assert brought(files, tmp_path, known=known).decisions == ()
    later = exported(small(), CODED.assign(decided_at="2026-03-01T10:00:00Z"))
    assert told(brought(later, tmp_path, known=known)) == [WANTED[2]]


def test_a_confirmed_passage_goes_out_as_its_author_s_codes_and_is_known_when_it_comes_back(
    tmp_path: Path,
) -> None:
    codes = [("rubrique", "opportunites"), ("posture", "demande")]
    known = taken({"action": "confirm_unit", "unit_id": "d0u1", "value": confirmation(codes)})
    files = exported(small(), known)
    assert told(brought(files, tmp_path)) == [
        ("Lise", "add_tag", "d0u1", axis, code) for axis, code in sorted(codes)
    ]
    assert brought(files, tmp_path, known=known).decisions == ()


def test_a_theme_signed_off_goes_out_as_its_author_s_and_is_known_when_it_comes_back(
    tmp_path: Path,
) -> None:
    known = taken(sign_off("t-cars", ["d0u0"], ["d1u0"]))
    files = exported(small(), known)
    assert told(brought(files, tmp_path)) == [("Lise", "move_unit", "d0u0", "theme", "t-cars")]
    assert brought(files, tmp_path, known=known).decisions == ()


def selected(tables: Tables, *spans: tuple[int, int]) -> Files:
    """A project with these selections of the first document coded « offre » by Lise."""
    files = exported(tables, taken(on_tag("add", "d0u0", "rubrique", "offre")))
    xml = files["project.qde"].decode()
    (coding,) = [
        part
        for part in re.findall("<Coding .*?</Coding>", xml)
        if f'"{guid_of(xml, "Lise")}"' in part
    ]
    made = "".join(
        f'<PlainTextSelection guid="{uuid.uuid4()}" startPosition="{start}" endPosition="{end}">{coding}</PlainTextSelection>'
        for start, end in spans
    )
    source = re.search(
        r"(<TextSource [^>]*>)(.*?)(<VariableValue>.*?</TextSource>)", xml, re.DOTALL
    )
    assert source
    return files | {"project.qde": xml.replace(source[0], source[1] + made + source[3]).encode()}


def guid_of(xml: str, user: str) -> str:
    found = re.search(rf'<User guid="([^"]+)" name="{user}', xml)
    assert found
    return found[1]


#        0123456789012345678901234567890123456789
# text:  Notes··un deux trois quatre·cinq six·
TWO = made_study(Doc([Line("un deux trois quatre"), Line("cinq six")]))
SELECTIONS = [
    ("a word of a passage", (10, 14), ["d0u0"]),
    ("the whole passage and its line end", (7, 28), ["d0u0"]),
    ("both passages", (7, 36), ["d0u0", "d0u1"]),
    ("the end of one and half of the next", (21, 32), ["d0u0", "d0u1"]),
    ("the end of one and a word's start of the next", (21, 29), ["d0u0"]),
    ("the heading", (0, 5), []),
    ("blanks between", (5, 7), []),
    ("beyond the end", (30, 400), []),
    ("backwards", (14, 10), []),
    ("nothing", (10, 10), []),
    ("before the start", (-3, 10), []),
]


@pytest.mark.parametrize(
    ("span", "units"), [case[1:] for case in SELECTIONS], ids=[case[0] for case in SELECTIONS]
)
def test_a_selection_speaks_of_the_passages_that_it_covers_by_half(
    span: tuple[int, int], units: list[str], tmp_path: Path
) -> None:
    found = brought(selected(TWO, span), tmp_path, TWO)
    assert [row["unit_id"] for row in rows_of(found)] == units
    assert sum(found.left_out.values()) == (0 if units else 1)


def test_a_document_changed_elsewhere_is_searched_for_the_words_selected(tmp_path: Path) -> None:
    files = selected(TWO, (10, 14))
    longer = recounted(lambda text: "Relu le 3 mars.\n" + text, len)(files)
    assert ("Lise", "code_span", "d0u0", "rubrique", "offre") in told(
        brought(longer, tmp_path, TWO)
    )
    other = on_sources(lambda text: text.replace("deux", "dix"))(files)
    found = brought(other, tmp_path, TWO)
    assert found.decisions == () and found.left_out[placing.NOT_FOUND] == 1


LEFT_OUT: list[tuple[str, Callable[[Files], Files], dict[str, int]]] = [
    (
        "an unknown code",
        on_xml(
            lambda xml: re.sub(r"<CodeRef targetGUID=\"[^\"]*\"", '<CodeRef targetGUID="x"', xml)
        ),
        {reasons.UNKNOWN_CODE: 4},
    ),
    (
        "no author",
        on_xml(lambda xml: xml.replace('name="Lise"', "").replace('name="Zoé"', "")),
        {reasons.NO_AUTHOR: 4},
    ),
    (
        "texts that are not there",
        lambda files: {"project.qde": files["project.qde"]},
        {placing.NO_TEXT: 4},
    ),
    (
        "a text on the disk of somebody",
        on_xml(lambda xml: re.sub(r'"internal://[^"]*"', '"absolute:///etc/passwd"', xml)),
        {placing.NO_TEXT: 4},
    ),
    (
        "documents of another study",
        lambda files: on_xml(lambda xml: re.sub(r' · [^"]*"', '"', new_guids(xml)))(
            on_sources(str.upper)(files)
        ),
        {placing.UNKNOWN_SOURCE: 4},
    ),
    (
        "bounds that are no numbers",
        on_xml(lambda xml: re.sub(r'(startPosition)="\d+"', r'\1="x"', xml)),
        {placing.OUTSIDE: 4},
    ),
    (
        "whole documents coded",
        on_xml(lambda xml: re.sub("</?PlainTextSelection[^>]*>", "", xml)),
        {placing.WHOLE: 4},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"), [case[1:] for case in LEFT_OUT], ids=[case[0] for case in LEFT_OUT]
)
def test_what_cannot_be_taken_is_counted_by_reason(
    change: Callable[[Files], Files], expected: dict[str, int], tmp_path: Path
) -> None:
    found = brought(change(exported(small(), CODED)), tmp_path)
    assert found.decisions == ()
    assert {
        reason: n for reason, n in found.left_out.items() if reason != reasons.BY_MACHINE
    } == expected


CAR = "Plus de car 🚍 le soir à Arthez."


def on_words(words: str, code: str, author: str = "Lise", **more: Any) -> dict[str, Any]:
    quote = Quote.of(CAR, CAR.index(words), CAR.index(words) + len(words))
    return CodeSpan("d0u0", "rubrique", code, quote).row() | {"author": author} | more


WORDS = [
    on_words("le soir", "enjeux.social"),
    on_words("car 🚍 le", "enjeux.social"),
    on_words("le soir", "enjeux.social", "Zoé"),
    on_words("Arthez", "offre"),
]


def test_coded_words_go_out_exactly_and_come_back_as_the_same_decisions(tmp_path: Path) -> None:
    known = taken(*WORDS)
    files = exported(small(), known)
    root = etree.fromstring(files["project.qde"])
    assert SCHEMA.validate(root), SCHEMA.error_log.last_error
    found = brought(files, tmp_path)
    rows = sorted((row["author"], row["code"], row["value"]) for row in rows_of(found))
    assert rows == sorted((row["author"], row["code"], row["value"]) for row in WORDS)
    again = DECISIONS.build({"decision_id": n} | row for n, row in enumerate(rows_of(found), 1))
    assert exported(small(), again) == files
    assert brought(files, tmp_path, known=known).decisions == ()
    more = taken(*WORDS[:1])
    assert len(brought(files, tmp_path, known=more).decisions) == 3


@pytest.mark.parametrize(
    "since",
    [
        on_tag("reject", "d0u0", "rubrique", "enjeux.social"),
        {"action": "undo", "value": "1"},
    ],
)
def test_an_old_file_does_not_bring_back_words_taken_back_since(
    since: dict[str, Any], tmp_path: Path
) -> None:
    files = exported(small(), taken(*WORDS[:1]))
    later = since | {"decided_at": "2026-02-01T10:00:00+00:00"}
    assert brought(files, tmp_path, known=taken(*WORDS[:1], later)).decisions == ()


def test_an_author_may_be_given_and_an_unknown_code_is_named_with_all_else_that_is_left(
    tmp_path: Path,
) -> None:
    note = '<Notes><Note guid="x" name="mémo"/></Notes>'
    change = on_xml(
        lambda xml: re.sub('name="(Lise|Zoé)"', "", xml).replace(
            "<Description>Textes", note + "<Description>Textes"
        )
    )
    found = brought(change(exported(small(), CODED)), tmp_path, author="Ana")
    assert {row["author"] for row in rows_of(found)} == {"Ana"}
    assert found.lines == ("mémos sans texte : 1",)
    unknown = on_xml(
        lambda xml: xml.replace('name="Offre de biens et services"', 'name="Mobilité 🚲"').replace(
            "Identifiant : offre", ""
        )
    )
    files = unknown(
        on_xml(new_guids)(exported(small(), taken(on_tag("add", "d0u0", "rubrique", "offre"))))
    )
    assert brought(files, tmp_path).lines == ("code inconnu : « Mobilité 🚲 », 1 codage",)


def test_of_two_themes_that_a_person_put_on_a_passage_the_last_one_counts(tmp_path: Path) -> None:
    files = exported(small(), taken(on_tag("add", "d0u0", "rubrique", "offre")))
    xml = files["project.qde"].decode()
    codes = dict(re.findall(r'<Code guid="([^"]+)" name="(t-cars|t-lait)"', xml))
    (coding,) = [
        part
        for part in re.findall("<Coding .*?</Coding>", xml)
        if f'"{guid_of(xml, "Lise")}"' in part
    ]
    both = "".join(
        re.sub(
            "2026-01-01",
            f"2026-01-0{day}",
            re.sub('targetGUID="[^"]+"', f'targetGUID="{identity}"', coding),
        )
        for day, identity in enumerate(codes, start=1)
    )
    found = brought(files | {"project.qde": xml.replace(coding, both).encode()}, tmp_path)
    assert [row["value"] for row in rows_of(found)] == [list(codes.values())[1]]
    assert found.left_out[reasons.SECOND_THEME] == 1


def bomb() -> bytes:
    return zipped([("project.qde", b"<Project/>"), ("sources/a.txt", b"0" * 30_000_000)])


def again_and_again() -> bytes:
    """One text of 900 kB that 2,000 sources share."""
    sources = "".join(
        f'<TextSource guid="{n}" plainTextPath="internal://a.txt"/>' for n in range(2000)
    )
    return zipped(
        [
            (
                "project.qde",
                f'<Project {NAMED} name="a"><Sources>{sources}</Sources></Project>'.encode(),
            ),
            ("sources/a.txt", b"a b " * 225_000),
        ]
    )


def lying() -> bytes:
    """An archive whose directory says that an entry is small."""
    content = bytearray(zipped([("project.qde", b"<a>" + b" " * 5000 + b"</a>")]))
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (9).to_bytes(4, "little")
    return bytes(content)


NAMED = 'xmlns="urn:QDA-XML:project:1.0"'
HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    ("no archive", lambda: b"%PDF-1.7", "n'est pas une archive lisible"),
    ("an empty file", lambda: b"", "n'est pas une archive lisible"),
    (
        "a cut archive",
        lambda: zipped([("project.qde", b"<Project/>" * 500)])[:-40],
        "n'est pas une archive lisible",
    ),
    ("a bomb", bomb, "bombe de compression"),
    ("a text read again and again", again_and_again, "bombe de compression"),
    ("a directory that lies", lying, "n'est pas une archive lisible"),
    (
        "a name that climbs",
        lambda: zipped([("../../x.qde", b"<Project/>")]),
        "nom de fichier dangereux",
    ),
    (
        "an absolute name",
        lambda: zipped([("/etc/x", b""), ("project.qde", b"<Project/>")]),
        "nom de fichier dangereux",
    ),
    (
        "a drive",
        lambda: zipped([("C:\\x", b""), ("project.qde", b"<Project/>")]),
        "nom de fichier dangereux",
    ),
    ("no project", lambda: zipped([("sources/a.txt", b"x")]), "aucun projet"),
    (
        "broken XML",
        lambda: zipped([("project.qde", b"<Project>\n<Users>")]),
        "ligne 2 : XML illisible",
    ),
    ("an empty project", lambda: zipped([("project.qde", b"")]), "XML illisible"),
    (
        "another root",
        lambda: zipped([("project.qde", f"<CodeBook {NAMED}/>".encode())]),
        "n'est pas un projet",
    ),
    ("another language", lambda: zipped([("project.qde", b"<Project/>")]), "n'est pas un projet"),
    (
        "a DTD",
        lambda: zipped(
            [
                (
                    "project.qde",
                    f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Project {NAMED} name="a">&x;</Project>'.encode(),
                )
            ]
        ),
        "DTD",
    ),
    (
        "entities that swell",
        lambda: zipped(
            [
                (
                    "project.qde",
                    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
                    + b"".join(
                        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
                    )
                    + b']><Project name="&j;"/>',
                )
            ]
        ),
        "XML illisible|DTD",
    ),
    ("depth without end", lambda: zipped([("project.qde", b"<a>" * 50_000)]), "XML illisible"),
]


@pytest.mark.parametrize(
    ("content", "message"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_a_hostile_or_broken_file_is_one_clear_line(
    content: Callable[[], bytes], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "retour.qdpx"
    path.write_bytes(content())
    with pytest.raises(StudyError, match=message) as raised:
        read_project(path)
    assert "\n" not in str(raised.value) and "à faire :" in str(raised.value)


def test_a_video_in_the_project_is_not_unfolded(tmp_path: Path) -> None:
    found = brought(exported(small(), CODED) | {"sources/film.mp4": b"0" * 30_000_000}, tmp_path)
    assert told(found) == WANTED


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="pas de fichier"):
        read_project(tmp_path / "rien.qdpx")


@pytest.mark.parametrize(
    ("stored", "span", "quote"),
    [
        ("un 🚍 car", (5, 8), "car"),
        ("un 🚍 car", (6, 9), "car"),
        ("\ufeffun\r\ncar", (3, 6), "car"),
        ("\ufeffun\r\ncar", (4, 7), "car"),
        ("\ufeffun\r\ncar", (5, 8), "car"),
        ("un\rcar", (3, 6), "car"),
    ],
)
def test_the_count_that_ends_with_words_is_the_tools(
    stored: str, span: tuple[int, int], quote: str
) -> None:
    (found,) = settle_spans(stored, [span])
    assert found and plain_text(stored)[slice(*found)] == quote


def test_a_codebook_is_compared_code_by_code() -> None:
    codes = [code for code in GRID.codes if code.code != "offre"]
    theirs = dataclasses.replace(
        GRID,
        codes=(
            *(
                dataclasses.replace(code, label="Autre") if code.code == "force" else code
                for code in codes
            ),
            dataclasses.replace(codes[0], code="neuf"),
        ),
    )
    assert compare_codebook(GRID, GRID) == []
    assert compare_codebook(theirs, GRID) == [
        "en plus dans le fichier : neuf (rubrique, « Besoins et menaces sociaux »)",
        "absent du fichier : offre (rubrique, « Offre de biens et services »)",
        "différent : force (libellé)",
    ]
