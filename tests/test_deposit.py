"""Files sent into a study's depot: pieces that resume, safe names, nothing overwritten, archives unpacked, the bin."""

import io
import shutil
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.deposit import Deposit, Placed
from flows.deposit import uploads as uploads_module
from flows.deposit.manifest import (
    answers_of,
    answers_of_sections,
    section_target,
    target_of,
    write_answers,
)
from flows.deposit.names import safe_parts
from flows.deposit.uploads import ElsewhereError, Uploads
from pipeline.depot import Inventory
from pipeline.errors import StudyError, UsageError
from pipeline.ingest import ingest_workshop
from pipeline.ingest.workshop import answers_for, read_manifest
from pipeline.study import Study
from pipeline.text import size_in_words

WORKSHOP = "Redon 2026-05-04"


@pytest.fixture
def deposit(tmp_path: Path) -> Deposit:
    place = Deposit(Study.create(tmp_path / "etude"))
    place.make_workshop("Redon", "2026-05-04", "Salle des fêtes")
    return place


def send(place: Deposit, path: str, content: bytes, workshop: str = WORKSHOP) -> list[Placed]:
    upload = Uploads(place).announce(workshop, path, len(content), author="alix")
    Uploads(place).add(upload, Uploads(place).n_received(upload), [content])
    return Uploads(place).finish(upload)


def names(place: Deposit) -> list[str]:
    depot = place.study.depot
    return sorted(str(path.relative_to(depot)) for path in depot.rglob("*") if path.is_file())


def archive(entries: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, inside in entries.items():
            made.writestr(name, inside)
    return content.getvalue()


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("notes.docx", ("notes.docx",)),
        ("Table 3/notes.docx", ("Table 3", "notes.docx")),
        ("../../etc/passwd", ("etc", "passwd")),
        ("/racine/x.txt", ("racine", "x.txt")),
        ("C:\\Users\\notes.docx", ("C", "Users", "notes.docx")),
        ("a\x00b\n.txt", ("ab.txt",)),
        ("e\u0301te\u0301.txt", ("été.txt",)),
        ("facture\u202egpj.exe", ("facturegpj.exe",)),
        ("..", ()),
        ("???", ()),
    ],
)
def test_a_name_is_made_safe(path: str, parts: tuple[str, ...]) -> None:
    assert safe_parts(path) == parts


def test_a_long_name_keeps_its_ending() -> None:
    (name,) = safe_parts("é" * 300 + ".docx")
    assert name.endswith("é.docx") and len(name.encode()) <= 200


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [(0, "0 ko"), (12, "1 ko"), (358_000, "358 ko"), (4_200_000, "4,2 Mo"), (2 * 10**9, "2 Go")],
)
def test_sizes_are_said_in_french(n_bytes: int, words: str) -> None:
    assert size_in_words(n_bytes) == words


def test_pieces_are_put_together_and_a_cut_one_goes_on_where_it_ended(deposit: Deposit) -> None:
    content = bytes(range(256)) * 40
    upload = Uploads(deposit).announce(WORKSHOP, "notes.txt", len(content), author="alix")
    assert Uploads(deposit).add(upload, 0, [content[:1000]]) == 1000
    with pytest.raises(ElsewhereError) as error:
        Uploads(deposit).add(upload, 500, [content[500:]])
    assert error.value.n_received == 1000
    again = Uploads(deposit).announce(WORKSHOP, "notes.txt", len(content), author="alix")
    assert again == upload and Uploads(deposit).n_received(again) == 1000
    assert Uploads(deposit).add(again, 1000, [content[1000:], b"trop"]) == len(content)
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml"]
    assert Uploads(deposit).finish(again)[0].outcome == "placed"
    assert (deposit.study.depot / WORKSHOP / "notes.txt").read_bytes() == content
    assert Uploads(deposit).find(upload.upload_id) is None and not Uploads(deposit).waiting()


def test_the_last_answer_lost_is_given_again(deposit: Deposit) -> None:
    upload = Uploads(deposit).announce(WORKSHOP, "notes.txt", 5, author="alix")
    Uploads(deposit).add(upload, 0, [b"texte"])
    placed = Uploads(deposit).finish(upload)
    assert Uploads(deposit).ended(upload.upload_id) == placed
    assert Uploads(deposit).ended("../" * 4) is None


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("vide.txt", b"", "fichier vide (0 octet)"),
        ("photos.rar", b"Rar!\x1a\x07\x01\x00reste", "archive autre que .zip"),
        ("envoi.7z", b"7z\xbc\xaf\x27\x1creste", "archive autre que .zip"),
        ("pilote.exe", b"MZ\x90\x00\x03reste", "format inconnu"),
        ("Bilan en ligne.url", b"[InternetShortcut]\nURL=https://exemple.org\n", "raccourci"),
        ("Notes.webloc", b"<?xml version='1.0'?><plist></plist>", "raccourci"),
    ],
)
def test_what_can_never_be_read_is_refused_at_once_in_one_line(
    name: str, content: bytes, why: str, deposit: Deposit
) -> None:
    (placed,) = send(deposit, name, content)
    assert placed.outcome == "refused" and f"« {name} » : {why}" in placed.sentence
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml"]


@pytest.mark.parametrize("name", ["son.mp3", "notes.txt", "photo.png", "MZ.txt"])
def test_what_may_be_read_one_day_arrives(name: str, deposit: Deposit) -> None:
    assert send(deposit, name, b"contenu")[0].outcome == "placed"


def test_a_hidden_name_is_told_apart_from_what_systems_leave(deposit: Deposit) -> None:
    (hidden,), (left,) = send(deposit, ".bilan.txt", b"x"), send(deposit, ".DS_Store", b"x")
    assert "caché" in hidden.sentence and "système" in left.sentence


def test_one_damaged_entry_of_an_archive_is_refused_alone(deposit: Deposit) -> None:
    content = archive({"a.txt": b"bonjour " * 40, "b.txt": b"xyz " * 90, "c.txt": b"fin " * 50})
    start = content.index(b"b.txt") + len(b"b.txt")
    damaged = content[:start] + b"\xff" * 6 + content[start + 6 :]
    placed = {one.path.split("/")[-1]: one for one in send(deposit, "trois.zip", damaged)}
    assert placed["b.txt"].outcome == "refused" and "abîmé" in placed["b.txt"].sentence
    assert placed["a.txt"].outcome == placed["c.txt"].outcome == "placed"


def test_nothing_is_overwritten(deposit: Deposit) -> None:
    assert send(deposit, "notes.txt", b"un")[0].outcome == "placed"
    assert send(deposit, "notes.txt", b"un")[0].outcome == "same"
    for _ in range(2):  # the second name is known again
        (placed,) = send(deposit, "Notes.TXT", b"deux")
    assert placed.outcome == "same" and "Notes (2).TXT" in placed.sentence
    assert (deposit.study.depot / WORKSHOP / "notes.txt").read_bytes() == b"un"
    (twin,) = send(deposit, "copie.txt", b"un")
    assert "même contenu que « notes.txt »" in twin.sentence


def test_two_people_dropping_at_once_lose_nothing(deposit: Deposit) -> None:
    def drop(n: int) -> str:
        content = b"texte de %d" % (n % 6)
        upload = Uploads(deposit).announce(
            WORKSHOP, "notes.txt", len(content), author=f"personne {n}"
        )
        Uploads(deposit).add(upload, 0, [content])
        return Uploads(deposit).finish(upload)[0].outcome

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(drop, range(12)))
    kept = {path.read_bytes() for path in (deposit.study.depot / WORKSHOP).glob("notes*.txt")}
    assert kept == {b"texte de %d" % n for n in range(6)}
    assert sorted(outcomes) == ["placed"] + ["renamed"] * 5 + ["same"] * 6


@pytest.mark.parametrize(
    ("workshop", "path", "size", "told"),
    [
        (
            WORKSHOP,
            "video.mov",
            3 * 10**9,
            r"pèse 3 Go, plus que la place qui reste \(2 Go sur les 2 Go",
        ),
        ("Ailleurs", "notes.txt", 10, "pas d'atelier « Ailleurs »"),
        ("../vault", "notes.txt", 10, "pas d'atelier"),
        ("", "notes.txt", 10, "hors de tout atelier"),
    ],
)
def test_what_cannot_come_in_is_refused_in_one_line(
    deposit: Deposit, workshop: str, path: str, size: int, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as error:
        Uploads(deposit).announce(workshop, path, size, author="alix")
    assert "\n" not in str(error.value)


def test_what_is_being_sent_counts_in_the_room_left(
    deposit: Deposit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "MAX_STUDY_BYTES", 10_000)
    first = Uploads(deposit).announce(WORKSHOP, "a.bin", 9_000, author="alix")
    with pytest.raises(UsageError):
        Uploads(deposit).announce(WORKSHOP, "b.bin", 5_000, author="bilal")
    assert Uploads(deposit).announce(WORKSHOP, "a.bin", 9_000, author="alix") == first
    Uploads(deposit).drop(first)
    Uploads(deposit).announce(WORKSHOP, "b.bin", 5_000, author="bilal")


def test_a_hostile_name_stays_below_its_workshop(deposit: Deposit) -> None:
    (placed,) = send(deposit, "../../../vault/cle.txt", b"x")
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml", f"{WORKSHOP}/vault/cle.txt"]
    assert "nom mis au propre" in placed.sentence
    assert send(deposit, ".cache/x", b"x")[0].outcome == "skipped"


def test_a_shortcut_out_of_the_depot_is_not_followed(deposit: Deposit, tmp_path: Path) -> None:
    (tmp_path / "dehors").mkdir()
    (deposit.study.depot / WORKSHOP / "lien").symlink_to(tmp_path / "dehors")
    (placed,) = send(deposit, "lien/x.txt", b"x")
    assert placed.outcome == "refused" and not list((tmp_path / "dehors").iterdir())


def test_dropped_folders_become_workshops(deposit: Deposit) -> None:
    send(deposit, "Vitré 2026-06-01/table 1/notes.txt", b"x", workshop="")
    assert "Vitré 2026-06-01/table 1/notes.txt" in names(deposit)


def test_an_archive_is_unpacked_under_its_folders(deposit: Deposit) -> None:
    content = archive(
        {"export/Vitré/a.txt": b"a", "export/Fougères/b.txt": b"b", "export/__MACOSX/x": b""}
    )
    placed = send(deposit, "export.zip", content, workshop="")
    assert {one.path for one in placed} == {"Vitré/a.txt", "Fougères/b.txt"}
    placed = send(deposit, "photos.zip", archive({"1.txt": b"1"}), workshop="")
    assert placed[0].path == "photos/1.txt"


def test_a_document_that_is_a_zip_inside_stays_whole(deposit: Deposit) -> None:
    send(deposit, "notes.docx", archive({"word/document.xml": b"<a/>"}))
    assert f"{WORKSHOP}/notes.docx" in names(deposit)


def test_a_bomb_is_refused_before_anything_is_written(deposit: Deposit) -> None:
    before = names(deposit)
    with pytest.raises(UsageError, match="bombe de compression"):
        send(deposit, "bombe.zip", archive({"zeros.txt": bytes(400_000_000)}))
    with pytest.raises(UsageError, match="bombe de compression"):
        send(deposit, "mille.zip", archive({f"{n}.txt": b"" for n in range(2_001)}))
    assert names(deposit) == before and not Uploads(deposit).waiting()


def test_a_dangerous_entry_is_refused_alone(deposit: Deposit) -> None:
    link = zipfile.ZipInfo("lien.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO(archive({"../../dehors.txt": b"x", "bon.txt": b"x"}))
    with zipfile.ZipFile(content, "a") as made:
        made.writestr(link, "/etc/passwd")
    placed = send(deposit, "mixte.zip", content.getvalue())
    assert sorted(one.outcome for one in placed) == ["placed", "refused", "refused"]
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml", f"{WORKSHOP}/bon.txt"]


def test_a_damaged_archive_is_said_in_one_line(deposit: Deposit) -> None:
    content = archive({"a.txt": b"texte " * 1000}).replace(b"PK\x01\x02", b"PK\x07\x02")
    with pytest.raises(UsageError, match="archive abîmée"):
        send(deposit, "abimee.zip", content)


def test_a_removed_file_comes_back(deposit: Deposit) -> None:
    send(deposit, "sous/notes.txt", b"un")
    removed = deposit.remove(WORKSHOP, "sous/notes.txt")
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml"]
    assert [row["path"] for row in deposit.removed()] == ["sous/notes.txt"]
    send(deposit, "sous/notes.txt", b"deux")
    assert deposit.put_back(removed).outcome == "renamed"
    assert deposit.removed() == [] and len(names(deposit)) == 3
    with pytest.raises(UsageError):
        deposit.remove(WORKSHOP, "../../etude.toml")
    assert deposit.erase(deposit.remove(WORKSHOP, "sous/notes.txt")) == "sous/notes.txt"
    assert not list(deposit.bin.iterdir())


def test_a_renamed_file_keeps_its_ending(deposit: Deposit) -> None:
    send(deposit, "notes.txt", b"un")
    assert deposit.rename(WORKSHOP, "notes.txt", "../Table 4").path == f"{WORKSHOP}/Table 4.txt"
    send(deposit, "autre.txt", b"deux")
    for name in ("table 4", "Table 4.txt", ".cachee", " "):
        with pytest.raises(UsageError):
            deposit.rename(WORKSHOP, "autre.txt", name)
    assert f"{WORKSHOP}/autre.txt" in names(deposit)


def test_what_was_said_of_a_renamed_file_follows_it(deposit: Deposit) -> None:
    folder = deposit.study.depot / WORKSHOP
    send(deposit, "sous/a [1].xlsx", b"un")
    target = target_of("sous/a [1].xlsx#Feuil1")
    write_answers(folder, target, {"questions": "q2"}, is_everywhere=True)
    write_answers(folder, "a*", {"tables": "3"})
    deposit.rename(WORKSHOP, "sous/a [1].xlsx", "b")
    assert answers_of(folder) == {
        "sous/b.xlsx/Feuil1": {"questions": "q2", "partout": "oui"},
        "a*": {"tables": "3"},
    }


def test_a_workshop_is_made_as_it_will_be_read(deposit: Deposit) -> None:
    folder = deposit.study.depot / WORKSHOP
    manifest = read_manifest(Inventory(deposit.study.depot).at(folder.name))
    assert (manifest.territory, manifest.date, manifest.place, manifest.rejects) == (
        "Redon",
        "2026-05-04",
        "Salle des fêtes",
        (),
    )
    with pytest.raises(UsageError, match="existe déjà"):
        deposit.make_workshop("redon", "2026-05-04")
    with pytest.raises(UsageError, match="pas de territoire"):
        deposit.make_workshop(" - ")


def test_an_answer_keeps_what_people_wrote(deposit: Deposit) -> None:
    folder = deposit.study.depot / WORKSHOP
    written = "# à la main\nTerritoire: Redon\ntables: 6\nquestions:\n  cr.docx > Constats: q3\n"
    (folder / "atelier.yaml").write_text(written, encoding="utf-8")
    target = target_of("notes [1].xlsx#Feuil1")
    assert write_answers(folder, target, {"questions": "q2", "tables": "3", "canaux": "post-it"})
    manifest = read_manifest(Inventory(deposit.study.depot).at(folder.name))
    assert (manifest.territory, manifest.n_tables, manifest.rejects) == ("Redon", 6, ())
    answer = answers_for(manifest, ("notes [1].xlsx", "Feuil1"))[""]
    assert (answer.question, answer.table_number, answer.channel) == ("q2", 3, "postit")
    assert "constats" in answers_for(manifest, ("cr.docx",))
    assert answers_of(folder)[target]["tables"] == "3"
    write_answers(folder, target, {"questions": "", "tables": "", "canaux": ""})
    assert target not in answers_of(folder)
    with pytest.raises(UsageError):
        write_answers(folder, target, {"questions": "q9"})


@pytest.mark.slow
def test_a_correction_may_count_whatever_the_file_says(deposit: Deposit) -> None:
    notes = "Question 2\n- Le local est prêté par la mairie depuis deux ans\n"
    send(deposit, "Table 3.txt", notes.encode())
    study, folder = deposit.study, deposit.study.depot / WORKSHOP

    def located() -> tuple[int, str]:
        read = ingest_workshop(folder, depot=study.depot, settings=study.settings.ingest)
        (row,) = read["blocks"][read["blocks"]["kind"] == "bullet"].itertuples()
        return row.table_number, row.question

    assert located() == (3, "q2")
    write_answers(folder, "Table 3.txt", {"questions": "q4", "tables": "5"})
    assert located() == (5, "q2")
    write_answers(folder, "Table 3.txt", {"questions": "q4", "tables": "5"}, is_everywhere=True)
    assert located() == (5, "q4")
    assert answers_of(folder)["Table 3.txt"] == {
        "questions": "q4",
        "tables": "5",
        "partout": "oui",
    }


@pytest.mark.slow
def test_one_section_is_corrected_by_its_heading(deposit: Deposit) -> None:
    notes = (
        "# Table 3\n\n- Le local est prêté par la mairie depuis deux ans\n\n"
        "# Suite\n\n- Il faudrait un bus le soir\n\n# Fin\n\n- Le marché est loin du bourg\n"
    )
    send(deposit, "notes.md", notes.encode())
    study, folder = deposit.study, deposit.study.depot / WORKSHOP

    def located() -> list[tuple[Any, ...]]:
        read = ingest_workshop(folder, depot=study.depot, settings=study.settings.ingest)
        rows = read["blocks"][read["blocks"]["kind"] == "bullet"]
        rows = rows[["table_number", "question", "channel"]].astype(object)
        return [tuple(row) for row in rows.where(rows.notna(), None).to_numpy()]

    before = located()
    (folder / "atelier.yaml").write_text("questions: {'notes.md > SUITE': q2}\n", encoding="utf-8")
    answers = {"questions": "q4", "tables": "5", "canaux": "post-it"}
    write_answers(folder, section_target("notes.md", "Suite"), answers)
    assert located() == [before[0], (5, "q4", "postit"), before[2]]
    assert answers_of_sections(answers_of(folder), "notes.md") == {"suite": answers}
    write_answers(folder, section_target("notes.md", "Suite"), dict.fromkeys(answers, ""))
    assert located() == before


def test_an_unreadable_atelier_yaml_is_left_as_it_is(deposit: Deposit) -> None:
    path = deposit.study.depot / WORKSHOP / "atelier.yaml"
    path.write_text("territoire: [", encoding="utf-8")
    with pytest.raises(StudyError, match="ne se lit pas"):
        write_answers(path.parent, "a.txt", {"questions": "q1"})
    assert path.read_text(encoding="utf-8") == "territoire: ["


def test_a_depot_on_another_disk_receives_whole_files(
    deposit: Deposit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def elsewhere(self: Path, target: Path) -> Path:
        if self.suffix == ".part" and not self.name.startswith("."):
            raise OSError(18, "other disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", elsewhere)
    send(deposit, "notes.txt", b"un")
    assert names(deposit) == [f"{WORKSHOP}/atelier.yaml", f"{WORKSHOP}/notes.txt"]
    assert not list(deposit.uploads.glob("*.part"))
    shutil.rmtree(tmp_path / "etude")
