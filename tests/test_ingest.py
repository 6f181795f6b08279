"""A whole folder: what it is called, what its manifest says, and the tables that its files give; plus the counts of the example study."""

import io
import json
import re
import unicodedata
import zipfile
from pathlib import Path
from time import process_time

import pandas as pd
import pytest

from pipeline.depot import Inventory
from pipeline.files import data_path
from pipeline.ingest import ingest_workshop, reject_unread
from pipeline.ingest.locate.cues import Location
from pipeline.ingest.parts import RawBlock, RawPart, to_line
from pipeline.ingest.people import PEOPLE
from pipeline.ingest.sandbox import read_answer
from pipeline.ingest.words import find_date
from pipeline.ingest.workshop import (
    DocumentAnswer,
    Manifest,
    identify_workshops,
    name_territory,
    name_workshop,
    read_manifest,
)
from pipeline.settings.sections import IngestSettings
from pipeline.tables import TABLES
from pipeline.tables.material import REJECTS

Tables = dict[str, pd.DataFrame]

FOLDERS = [  # folder, territory, workshop_id
    ("Trégor 2026-05-19", "Trégor", "tregor-2026-05-19"),
    ("2026-05-19_tregor", "Tregor", "tregor-2026-05-19"),
    ("Atelier Trégor - 19 mai 2026", "Trégor", "tregor-2026-05-19"),
    ("20260519 Pays de Bray", "Pays de Bray", "pays-de-bray-2026-05-19"),
    ("Atelier territoire du Perche (12.03.26)", "Perche", "perche-2026-03-12"),
    ("atelier_bresse_3_juin_2026", "Bresse", "bresse-2026-06-03"),
    (
        "Ateliers territoires - Val-de-Marne - 1er avril 2026",
        "Val-de-Marne",
        "val-de-marne-2026-04-01",
    ),
    ("19052026_Vervins", "Vervins", "vervins-2026-05-19"),
    ("Le Havre mars 2026", "Le Havre", "le-havre"),
    ("La Rochelle", "La Rochelle", "la-rochelle"),
    ("ATELIER DE DINAN", "Dinan", "dinan"),
    ("Atelier n°3 Ardèche", "Ardèche", "ardeche"),
    ("Atelier", "Atelier", "atelier"),
]


@pytest.mark.parametrize(("folder", "territory", "workshop_id"), FOLDERS)
def test_a_folder_tells_territory_and_date(folder: str, territory: str, workshop_id: str) -> None:
    assert (name_territory(Path(folder), Manifest()), name_workshop(Path(folder), Manifest())) == (
        territory,
        workshop_id,
    )


DATES = [
    ("2026-05-19", "2026-05-19"),
    ("19/05/2026", "2026-05-19"),
    ("le 1er août 2026", "2026-08-01"),
    ("12.03.26", "2026-03-12"),
    ("3 déc. 2025", "2025-12-03"),
    ("19 mai", None),
    ("31/02/2026", None),
    ("Table 12", None),
]


@pytest.mark.parametrize(("text", "date"), DATES)
def test_a_full_date_is_found_and_nothing_less(text: str, date: str | None) -> None:
    found = find_date(text)
    assert (found[0] if found else None) == date


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _ingest(folder: Path) -> Tables:
    return ingest_workshop(folder, depot=folder.parent, settings=IngestSettings())


MANIFESTS = [  # what atelier.yaml says, the field, its value, the reasons of rejects
    ("date: 12 mars 2026", "date", "2026-03-12", []),
    ("date: 2026-03-12", "date", "2026-03-12", []),
    ("date: bientôt", "date", None, ["valeur illisible pour « date »"]),
    ("tables: 6", "n_tables", 6, []),
    ("tables: [1, 2, 3]", "n_tables", 3, []),
    ("tables: six", "n_tables", 6, []),
    ("tables: beaucoup", "n_tables", None, ["valeur illisible pour « tables »"]),
    ("animateurs: Anne Riou, Bob Kerven (CRESS)", "animators", ("Anne Riou", "Bob Kerven"), []),
    ("epci:\n  - code: '200065928'\n    nom: Lannion-Trégor", "epci_codes", ("200065928",), []),
    ("epci: [Pays de Lumbres, '200069037']", "epci_codes", ("246201016", "200069037"), []),
    ("Lieu: Salle des fêtes", "place", "Salle des fêtes", []),
    ("lieu:", "place", None, []),
    ("météo: pluie\nlieu: Plouha", "place", "Plouha", ["clé inconnue « météo »"]),
    ("- une liste", "place", None, ["pas de clés dans ce fichier"]),
    (
        "lieu: Plouha\ndate: 2026-03-12\nlieu: Binic",
        "place",
        None,
        ["« lieu » donné deux fois à la ligne 3"],
    ),
    ("lieu: [Plouha", "place", None, ["YAML illisible à la ligne 1"]),
]


@pytest.mark.parametrize(("text", "field", "value", "reasons"), MANIFESTS)
def test_a_manifest_is_read_and_what_is_odd_in_it_is_rejected(
    tmp_path: Path, text: str, field: str, value: object, reasons: list[str]
) -> None:
    folder = _write(tmp_path / "Trégor", {"Atelier.YAML": text})
    manifest = read_manifest(Inventory(tmp_path).at(folder.name))
    assert getattr(manifest, field) == value
    assert [reject["reason"] for reject in manifest.rejects] == reasons


LAUGHS = "\n".join(
    ["a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    + [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
)
REFUSED = [  # what a person does not write in atelier.yaml, and why it is refused
    (LAUGHS, "renvoi YAML (« & » ou « * ») à la ligne 1"),
    ("lieu: Plouha\nautre: *inconnu", "renvoi YAML (« & » ou « * ») à la ligne 2"),
    ("base: &b {lieu: Plouha}\n<<: *b", "renvoi YAML (« & » ou « * ») à la ligne 1"),
    ("lieu: " + "[" * 20_000, "plus de 20 niveaux l'un dans l'autre à la ligne 1"),
    ("tables: 0x" + "f" * 5_000, "valeur de 5002 caractères à la ligne 1"),
    ("tables: " + "1:" * 5_000 + "1", "valeur de 10001 caractères à la ligne 1"),
    ("date: 2026-13-45", "YAML illisible"),
    ("lieu: !!python/object/apply:os.system [ls]", "YAML illisible à la ligne 1"),
    ("? [a, b]\n: c", "YAML illisible à la ligne 1"),
    ("x" * 60_000, "fichier de plus de 50 ko"),
    ("lieu: " + "x" * 300, "valeur illisible pour « lieu »"),
    ("animateurs: " + "(" * 40_000, "valeur de 40000 caractères à la ligne 1"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_manifest_that_no_person_wrote_is_a_reject_and_costs_nothing(
    tmp_path: Path, text: str, reason: str
) -> None:
    folder = _write(tmp_path / "Trégor", {"atelier.yaml": text})
    manifest = read_manifest(Inventory(tmp_path).at(folder.name))
    assert [reject["reason"] for reject in manifest.rejects] == [reason]
    assert manifest.place is None


def test_thousands_of_odd_keys_are_told_in_a_hundred_rejects(tmp_path: Path) -> None:
    keys = "\n".join(f"k{number}: 1" for number in range(3_000))
    folder = _write(tmp_path / "Trégor", {"atelier.yaml": keys})
    rejects = read_manifest(Inventory(tmp_path).at(folder.name)).rejects
    assert len(rejects) == 101
    assert rejects[-1]["reason"] == "2900 autres entrées illisibles"


ABOUT = [  # the document of an answer, names of a document, whether it is meant
    ("cr.docx", ("cr.docx",), True),
    ("CR.docx", ("cr.docx",), True),
    ("cr.docx", ("table 1", "cr.docx", "Feuil1"), True),
    ("table 1/cr.docx", ("table 1", "cr.docx"), True),
    ("table 1", ("table 1", "cr.docx"), True),
    ("te\u0301le\u0301.md", ("télé.md",), True),
    ("cr*.docx", ("cr du 4.docx",), True),
    ("cr?.docx", ("cr12.docx",), False),
    ("[1].md", ("1.md",), True),
    ("notes [1].md", ("notes [1].md",), True),
    ("cr.docx", ("cr.docx.bak",), False),
]


@pytest.mark.parametrize(("file", "names", "is_meant"), ABOUT)
def test_an_answer_is_about_documents_by_name_folder_or_pattern(
    file: str, names: tuple[str, ...], is_meant: bool
) -> None:
    answers = tuple(
        DocumentAnswer(name, "", Location(question="q1")) for name in ("autre.md", file)
    )
    told = Manifest(answers=answers).about(names)
    assert told == ([answers[1]] if is_meant else [])


def test_answers_about_thousands_of_documents_are_found_at_once() -> None:
    answers = tuple(
        DocumentAnswer(f"f{number}.md", "", Location(question="q1")) for number in range(5_000)
    )
    manifest = Manifest(answers=answers)
    start = process_time()
    assert all(manifest.about((answer.file,)) == [answer] for answer in answers)
    assert process_time() - start < 1


ODD = [  # content of atelier.yaml, the place that is read, the keys told unreadable or unknown
    ('lieu: "a\\ud800b"', "a?b", []),
    ("territoire: {a: {b: [1, 2.5, null, true, 2026-01-01]}}", None, ["territoire"]),
    ("date: [2026-01-01]", None, ["date"]),
    ("tables: .nan", None, ["tables"]),
    ("tables: -.inf", None, ["tables"]),
    ("animateurs: {Anne: Riou}", None, ["animateurs"]),
    ("animateurs: [[Anne], 3, null]", None, ["animateurs"]),
    ("communes: [null, {code: null}, {}, [22113], 2026-01-01, !!binary aGE=]", None, []),
    ("epci: [null, {nom: null}, 3.5]", None, ["epci"]),
    ("lieu: !!set {a, b}", None, ["lieu"]),
    ("2026-01-01: x", None, ["2026-01-01"]),
    ("null: x\ntrue: y\n1.5: z", None, ["None", "True", "1.5"]),
]


@pytest.mark.parametrize(("text", "place", "refused"), ODD)
def test_a_manifest_of_odd_types_gives_tables_that_can_be_written(
    tmp_path: Path, text: str, place: str | None, refused: list[str]
) -> None:
    tables = _ingest(_write(tmp_path / "Trégor", {"atelier.yaml": text}))
    assert tables["workshops"]["workshop_id"].tolist() == ["tregor"]
    assert tables["workshops"]["place"].dropna().tolist() == ([place] if place else [])
    assert re.findall("« (.*?) »", " ".join(tables["rejects"]["reason"])) == refused
    for name, rows in tables.items():
        rows.to_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), rows)


def test_a_second_manifest_of_a_folder_is_said(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "Trégor", {"atelier.yaml": "lieu: Plouha", "Atelier.yml": "lieu: Paimpol"}
    )
    manifest = read_manifest(Inventory(tmp_path).at(folder.name))
    assert manifest.place == "Paimpol"
    assert [reject["path"] for reject in manifest.rejects] == ["Trégor/atelier.yaml"]


def test_communes_of_a_manifest_give_their_codes(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "Trégor",
        {"atelier.yaml": "communes:\n  - {code: '22113', nom: Lannion}\n  - 22222\n  - Plouha\n"},
    )
    communes = read_manifest(Inventory(tmp_path).at(folder.name)).communes
    assert [(commune.code, commune.name) for commune in communes] == [
        ("22113", "Lannion"),
        ("22222", None),
        (None, "Plouha"),
    ]


def test_a_file_outside_any_folder_is_rejected_and_not_lost(tmp_path: Path) -> None:
    _write(tmp_path, {"seul.txt": "x", ".DS_Store": "x"})
    rejects = reject_unread(REJECTS.empty(), Inventory(tmp_path).outside)
    assert rejects[["path", "reason"]].values.tolist() == [
        ["seul.txt", "fichier hors de tout dossier d'atelier"]
    ]


def test_two_folders_of_one_name_and_date_get_two_ids(tmp_path: Path) -> None:
    folders = [
        _write(tmp_path / name, {"T1.txt": "x"})
        for name in ("Trégor 2026-05-19", "2026-05-19 tregor (suite)", "Bray 2026-05-19")
    ]
    folders += [
        _write(tmp_path / name, {"T1.txt": "x"})
        for name in ("Léon", "Leon", unicodedata.normalize("NFD", "Léon"))
    ]
    folders.append(
        _write(
            tmp_path / "Autre",
            {"atelier.yaml": "territoire: Bray\ndate: 2026-05-19", "T1.txt": "x"},
        )
    )
    by_folder = identify_workshops(Inventory(tmp_path))
    ids = [by_folder[folder.name] for folder in folders]
    assert len(set(ids)) == len(by_folder) == 7
    assert ids[2:] == [
        "bray-2026-05-19-bray-2026-05-19",
        "leon-leon-2",
        "leon-leon",
        "leon-leon-3",
        "bray-2026-05-19-autre",
    ]


def _zip(*entries: tuple[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return content.getvalue()


KNOWN_IDS = {  # as they have always been: decisions hang on them
    "a.zip#b.txt": "d-05d394706c95",
    "été.txt": "d-d4348c30e4f8",
    "notes #2.txt": "d-e18a1be5fe49",
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_could_be_taken_for_each_other_are_documents_of_their_own_and_said(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "Trégor"
    folder.mkdir()
    (folder / "a.zip").write_bytes(
        _zip(("b.txt", "- un"), ("b.txt (2)", "- deux"), ("b.txt", "- trois"))
    )
    for name in ("a.zip#b.txt", "été.txt", unicodedata.normalize("NFD", "été.txt"), "notes #2.txt"):
        (folder / name).write_text("- quatre", encoding="utf-8")
    for name in ("T\udce9.txt", "T\udce8.txt"):
        (folder / name).write_text("- cinq", encoding="utf-8")
    tables = _ingest(folder)
    documents = tables["documents"].set_index("path")
    assert len(documents) == 9 and documents["document_id"].is_unique
    assert documents.loc["Trégor/notes #2.txt", "title"] == "notes #2"
    ids = {path: documents.loc[f"Trégor/{path}", "document_id"] for path in KNOWN_IDS}
    assert ids == KNOWN_IDS
    renamed = tables["rejects"][tables["rejects"]["reason"].str.startswith("nom qui se confond")]
    assert (
        sorted(renamed["path"]) == sorted({*documents.index} & {*renamed["path"]})
        and len(renamed) == 4
    )


def test_two_folders_that_differ_in_their_unicode_form_alone_share_no_document(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / unicodedata.normalize(form, "Trégor") for form in ("NFC", "NFD")]
    for folder in folders:
        _write(folder, {"T1.txt": "- un", "atelier.yaml": "x: 1"})
    tables = [_ingest(folder) for folder in folders]
    for name in ("documents", "workshops", "rejects"):
        TABLES[name].check(pd.concat([of_folder[name] for of_folder in tables]))
    assert tables[0]["documents"]["path"].tolist() == ["Trégor/T1.txt"]


def test_half_a_character_in_a_file_stops_nothing(tmp_path: Path) -> None:
    half = "La \\ud800Criée \\ud83d\\ude00"
    point = f'{{"type": "Feature", "properties": {{"name": "{half}"}}, "geometry": {{"type": "Point", "coordinates": [-3.4, 48.7]}}}}'
    files = {"carte.geojson": f'{{"type": "FeatureCollection", "features": [{point}]}}'}
    tables = _ingest(_write(tmp_path / "Trégor", files))
    assert tables["structures"]["name"].tolist() == ["La ?Criée 😀"]
    half_read = RawPart((RawBlock("un \ud800 lavoir", "bullet"),), name="a\udfff")
    (part,) = read_answer(to_line((half_read,)))[0].parts
    assert (part.blocks[0].text, part.name) == ("un ? lavoir", "a?")


FILES = {
    "atelier.yaml": "territoire: Trégor\ndate: 2026-10-01\nanimateurs: [Anne Riou]\n",
    "liste.csv": "Nom;Prénom;Structure;Courriel;Signature\nLE DÛ;Karim;La Criée;k@example.org;x\n",
    "structures.csv": "structure;commune;rayon\nLa Criée coopérative;Lannion;12\n",
    "Table 1.txt": "Q1\n- plus de médecin à Machecoul\n\nQ2\n- la recyclerie de Legé\n",
    "tour 3/T2.txt": "Prise de notes : Bob\n- trésorerie à sec\n",
    "mail.eml": "From: Zoé Le Bris <zoe@example.org>\nTo: karim@example.org\nSubject: suite\n\n"
    "Bonjour,\n\nLa halle de Plouha est vide.\n\nZoé\n",
    "Restitution.vtt": "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Mme Le Dû>la une on a parlé de soins\n\n"
    "00:05.000 --> 00:08.000\n<v Animatrice>merci\n",
    "vide.txt": "",
    "notes.json": "[1, 2]",
}


@pytest.fixture(scope="module")
def tregor(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return _ingest(_write(tmp_path_factory.mktemp("depot") / "Trégor", FILES))


def test_every_table_has_the_columns_of_the_dictionary(tregor: Tables) -> None:
    assert set(tregor) == {
        "workshops",
        "documents",
        "blocks",
        "rejects",
        "receipts",
        "attendance",
        "structures",
        "catchments",
        "people",
    }
    for name, rows in tregor.items():
        (PEOPLE if name == "people" else TABLES[name]).check(rows)


def test_every_file_is_a_document_a_list_a_map_or_a_reject(tregor: Tables) -> None:
    assert tregor["documents"]["path"].tolist() == [
        f"Trégor/{name}" for name in ("Restitution.vtt", "Table 1.txt", "mail.eml", "tour 3/T2.txt")
    ]
    assert tregor["rejects"]["path"].tolist() == ["Trégor/notes.json", "Trégor/vide.txt"]
    assert tregor["structures"]["structure_id"].tolist() == ["criee-cooperative"]
    assert tregor["catchments"]["radius_km"].tolist() == [12.0]


def test_a_block_is_the_span_of_its_text(tregor: Tables) -> None:
    text_of = tregor["documents"].set_index("document_id")["text"]
    blocks = tregor["blocks"]
    passages = blocks[~blocks["kind"].isin(["heading", "meta"])]
    assert [
        (
            text_of[block.document_id][block.start_char : block.end_char],
            block.table_number,
            block.question,
            block.channel,
        )
        for block in passages.itertuples()
    ] == [
        ("la une on a parlé de soins", 1, "resume", "transcript"),
        ("plus de médecin à Machecoul", 1, "q1", "notes"),
        ("la recyclerie de Legé", 1, "q2", "notes"),
        ("La halle de Plouha est vide.", pd.NA, "distance", "mail"),
        ("trésorerie à sec", 2, "q3", "notes"),
    ]


def test_people_are_met_in_the_order_of_list_manifest_mails_and_transcripts(tregor: Tables) -> None:
    people = tregor["people"]
    assert people[["participant_id", "full_name", "origin"]].values.tolist() == [
        ["tregor-2026-10-01-p01", "Karim LE DÛ", "attendance"],
        ["tregor-2026-10-01-p02", "Anne Riou", "manifest"],
        ["tregor-2026-10-01-p03", "Zoé Le Bris", "mail"],
    ]
    speakers = tregor["blocks"]["speaker"].dropna().unique().tolist()
    assert speakers == ["tregor-2026-10-01-p01", "Animatrice", "tregor-2026-10-01-p03"]


def test_the_workshop_says_what_is_known_of_it(tregor: Tables) -> None:
    row = tregor["workshops"].iloc[0]
    assert (row["workshop_id"], row["territory"], row["date"], row["n_tables"], row["folder"]) == (
        "tregor-2026-10-01",
        "Trégor",
        "2026-10-01",
        2,
        "Trégor",
    )


def test_the_same_folder_gives_the_same_tables(tregor: Tables, tmp_path: Path) -> None:
    again = _ingest(_write(tmp_path / "Trégor", FILES))
    for name, rows in tregor.items():
        pd.testing.assert_frame_equal(rows, again[name])


def test_a_folder_without_files_is_a_workshop_without_documents(tmp_path: Path) -> None:
    folder = tmp_path / "Vide"
    folder.mkdir()
    assert {name: len(rows) for name, rows in _ingest(folder).items() if len(rows)} == {
        "workshops": 1
    }


def test_progress_counts_the_files(tmp_path: Path) -> None:
    folder = _write(tmp_path / "Trégor", {"T1.txt": "un passage", "T2.txt": "un autre passage"})
    told: list[tuple[int, int]] = []
    ingest_workshop(
        folder,
        depot=tmp_path,
        settings=IngestSettings(),
        on_file=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


EXAMPLE = [  # folder, then rows of documents, blocks, attendance, structures, catchments, people
    ("Roubaix 2026-04-02", (7, 258, 35, 25, 12, 34)),
    ("Saint-Omer 2026-03-12", (10, 157, 31, 22, 11, 30)),
    ("Thiérache 2026-05-19", (7, 179, 24, 19, 12, 23)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "counts"), EXAMPLE)
def test_the_example_study_gives_the_same_counts_and_no_reject(
    folder: str, counts: tuple[int, ...]
) -> None:
    depot = data_path("demo")
    tables = ingest_workshop(depot / folder, depot=depot, settings=IngestSettings())
    names = ("documents", "blocks", "attendance", "structures", "catchments", "people")
    assert tuple(len(tables[name]) for name in names) == counts
    assert tables["rejects"].empty


def _feature_collection(*names: str) -> str:
    point = {"type": "Point", "coordinates": [-3.46, 48.73]}
    named = [{"name": name} if name else {} for name in names]
    features = [{"type": "Feature", "properties": one, "geometry": point} for one in named]
    return json.dumps({"type": "FeatureCollection", "features": features})


def _umap(*names: str, **others: str) -> str:
    layer = json.loads(_feature_collection(*names)) | {"_umap_options": {"name": "Structures"}}
    return json.dumps({**others, "properties": {"name": "Carte"}, "layers": [layer]})


MAPS = [  # file, content, structures on the map, reasons of rejects
    ("carte.umap", _umap("La Criée", "AMAP du Léguer", type="umap"), 2, []),
    ("ancienne carte.umap", _umap("La Criée"), 1, []),
    ("carte.json", _umap("La Criée", type="umap"), 1, []),
    ("carte.geojson", _feature_collection("La Criée"), 1, []),
    ("vide.umap", _umap(type="umap"), 0, ["carte sans structure nommée"]),
    ("muette.geojson", _feature_collection("", ""), 0, ["carte sans structure nommée"]),
    (
        "export.json",
        '{"messages": []}',
        0,
        ["fichier JSON qui n'est ni une carte, ni une transcription, ni une conversation"],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "content", "n_pins", "reasons"), MAPS, ids=[m[0] for m in MAPS])
def test_a_map_is_known_by_its_content_whatever_its_file_is_called(
    tmp_path: Path, name: str, content: str, n_pins: int, reasons: list[str]
) -> None:
    tables = _ingest(_write(tmp_path / "Trégor 2026-05-19", {name: content}))
    assert (len(tables["structures"]), len(tables["documents"])) == (n_pins, 0)
    assert tables["rejects"]["reason"].tolist() == reasons


SILENT_FILES = [
    "Prise de notes : Anne Petit\n",
    "Atelier du Trégor\n\nQuestion 1\n",
    "Page 1 sur 2\n",
]


@pytest.mark.slow
@pytest.mark.parametrize("content", SILENT_FILES)
def test_a_file_that_gives_no_passage_is_said(tmp_path: Path, content: str) -> None:
    tables = _ingest(_write(tmp_path / "Trégor 2026-05-19", {"notes.txt": content}))
    assert tables["rejects"]["reason"].tolist() == ["lu, aucun passage retenu"]


def test_a_list_in_plain_words_and_a_manifest_are_no_silent_files(tmp_path: Path) -> None:
    files = {
        "notes.txt": "Présents : Anne Riou (La Criée), Karim Lefebvre (CCAS)\n",
        "atelier.yaml": "lieu: Lannion",
    }
    tables = _ingest(_write(tmp_path / "Trégor 2026-05-19", files))
    assert (len(tables["attendance"]), len(tables["rejects"])) == (2, 0)


NOTES = {  # files of lines in many habits: each line must be found again
    "T3.txt": "Table 3\nRapporteur : Anne Petit\nNote : les bus ne passent plus\n\n"
    "Q1 - les médecins partent\n[T3] la halle est pleine\nÀ retenir : un guichet",
    "_chat.txt": "[12/03/2026, 14:05:33] Anne Riou: on manque d'eau\net de fourrage\n[12/03/2026, 14:06:33] Anne Riou: <Médias omis>",
    "appel.txt": "Appel de Mme Riou le 3/4 : elle cherche un local",
    "plénière.txt": "Atelier en plénière\nQuestion 2\n- la ressourcerie tourne bien\n"
    "Animation : équipe de la CRESS\nRemarque : le four sert peu",
    "note.md": "# Besoins\n\nLieu : mairie annexe\n\nPlus de train après vingt heures.\n",
    "seul.txt": "il faudrait un local plus grand",
    "reponses.csv": "Nom;Mail;Quels besoins voyez-vous ?;Que faudrait-il améliorer ?\n"
    "Anne Riou;a@example.org;des trains le soir;un guichet pour tous",
}


def test_every_word_of_a_text_is_in_a_passage_or_in_what_is_set_aside(tmp_path: Path) -> None:
    tables = _ingest(_write(tmp_path / "Trégor 2026-05-19", NOTES))
    texts = {
        Path(document.path).name: document.text for document in tables["documents"].itertuples()
    }
    people = " ".join(tables["people"][["full_name", "email"]].fillna("").to_numpy().ravel())
    listed = {
        "Nom",
        "Mail",
        "Quels",
        "besoins",
        "voyez",
        "vous",
        "Que",
        "faudrait",
        "il",
        "améliorer",
        "Rapporteur",
    }
    for name, content in NOTES.items():
        content = re.sub(
            r"(?m)^(?:Note|Remarque) : ", "", content
        )  # labels that only announce, and go
        words = set(re.findall(r"[^\W\d_]{2,}", content)) - (
            listed if name.endswith(".csv") else set()
        )
        missing = words - set(re.findall(r"[^\W\d_]{2,}", f"{texts[name]} {people}"))
        assert not missing, name


def test_every_block_of_a_document_covers_its_own_text_and_no_line_lies_between(
    tmp_path: Path,
) -> None:
    tables = _ingest(_write(tmp_path / "Trégor 2026-05-19", NOTES))
    for document in tables["documents"].itertuples():
        blocks = tables["blocks"][
            tables["blocks"]["document_id"] == document.document_id
        ].sort_values("start_char")
        covered = [
            document.text[block.start_char : block.end_char] for block in blocks.itertuples()
        ]
        assert "\n".join(covered) == document.text
        assert set(blocks["kind"]) - {"heading", "meta"}, document.path


LABELS = [  # a label among those of people, who is known to say what follows it, is it in the words
    ("Ewenn", "Ewenn", False),
    ("Kadidja", "Kadidja", False),
    ("Mme Brel", "Brel", False),
    ("Plouha", None, True),
    ("Saint-Brieuc", None, True),
    ("Mobilité", None, True),
    ("Constat", None, True),
    ("Freins", None, True),
    ("Habitant 2", "Habitant 2", False),
    ("P4", "P4", False),
]


@pytest.mark.parametrize(("label", "name", "is_in_words"), LABELS)
def test_a_label_that_names_nobody_is_no_person_and_stays_in_the_words(
    tmp_path: Path, label: str, name: str | None, is_in_words: bool
) -> None:
    others = ["le bac manque", "la laverie ferme", "le four est froid", "on attend le car"]
    lines = [f"{who} : {said}." for who, said in zip(["Anne", "Yann"] * 2, others, strict=True)]
    lines.insert(2, f"{label} : rien ne passe après huit heures.")
    text = "\n".join([*lines, *lines[:2]])
    tables = _ingest(_write(tmp_path / "depot" / "Atelier", {"table 2 transcription.txt": text}))
    document, blocks = tables["documents"].iloc[0], tables["blocks"]
    (row,) = (
        block
        for block in blocks.itertuples()
        if "rien ne" in document["text"][block.start_char : block.end_char]
    )
    words = document["text"][row.start_char : row.end_char]
    people = tables["people"].set_index("participant_id")
    speaker = row.speaker if isinstance(row.speaker, str) else None
    shown = people.loc[speaker, "full_name"] if speaker in people.index else speaker
    assert (shown, words.startswith(f"{label} : ")) == (name, is_in_words)
    assert name is not None or label not in set(people["full_name"]), "masked as a person"


def test_a_place_that_a_list_gives_as_a_name_speaks(tmp_path: Path) -> None:
    turns = ["Anne : le bac manque.", "Vannes : la laverie ferme.", "Yann : le four est froid."]
    files = {"presence.csv": "Nom;Prénom;Structure\nVannes;Lise;La Criée\nRiou;Anne;La Criée\n"}
    files["table 2.txt"] = "\n".join([*turns, *turns, *turns])
    tables = _ingest(_write(tmp_path / "depot" / "Atelier", files))
    people = tables["people"].set_index("participant_id")
    spoken = tables["blocks"]["speaker"].dropna().map(people["full_name"])
    assert "Lise Vannes" in set(spoken)
