"""The page of documents and a document as it was read: what was left out, and making a passage of it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.files import file_hash
from pipeline.study import Study
from support.review_client import client, token, without_no_break
from support.review_server import Served, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    with serving(new_study()) as server:
        yield server


def silent(served: Served) -> tuple[str, str, str]:
    """A document_id, the id that one of its headings would have as a passage, and its text."""
    ledger, documents = served.study.read_table("ledger"), served.study.read_table("documents")
    row = ledger[ledger["unit_id"].notna() & (ledger["kind"] == "heading")].iloc[0]
    text = documents.set_index("document_id")["text"][row["document_id"]]
    return row["document_id"], row["unit_id"], text[row["start_char"] : row["end_char"]]


def make(served: Served, name: str, document_id: str, unit_id: str) -> int:
    session = client(served, name)
    data = {"texte": unit_id, "csrfmiddlewaretoken": token(session)}
    data["request_id"] = uuid.uuid4().hex
    return session.post(f"/documents/{document_id}/passage", data=data).status_code


def test_the_home_leads_to_the_first_step_that_is_not_done(served: Served) -> None:
    page = client(served, "alix").get("/").text
    _, _, after = without_no_break(page).partition("À faire ensuite :")
    assert ">Relire</a>" in after[:200] and "passage relu sur" in after[:400]


def test_the_list_says_what_each_file_was_taken_for(served: Served) -> None:
    page = client(served, "denis").get("/documents").text
    receipts = served.study.read_table("receipts")
    assert "Caractères lus" in page and "liste de présence" in page
    assert all(path.split("/")[-1].split("'")[0] in page for path in receipts["path"])


def test_a_document_shows_passages_and_the_rest_with_reasons(served: Served) -> None:
    document_id, unit_id, text = silent(served)
    page = client(served, "alix").get(f"/documents/{document_id}").text
    assert text.split("'")[0] in page and "En faire un passage" in page and unit_id in page
    assert (
        "<button"
        not in client(served, "denis")
        .get(f"/documents/{document_id}")
        .text.split('class="document"')[1]
    )


def test_an_analyst_makes_a_passage_and_takes_it_back(served: Served) -> None:
    document_id, unit_id, _ = silent(served)
    assert make(served, "denis", document_id, unit_id) == 403
    assert make(served, "alix", document_id, unit_id) == 302
    session = client(served, "alix")
    assert "passage au prochain calcul" in session.get(f"/documents/{document_id}").text
    last = served.decisions().iloc[-1]
    assert (last["action"], last["unit_id"]) == ("make_passage", unit_id)
    assert "fait un passage de" in session.get("/journal?quoi=decoupage").text
    data = {"csrfmiddlewaretoken": token(session), "request_id": uuid.uuid4().hex}
    session.post(f"/journal/{last['decision_id']}/annuler", data=data)
    assert "passage au prochain calcul" not in session.get(f"/documents/{document_id}").text


@pytest.mark.parametrize("is_passage", [True, False])
def test_only_what_is_no_passage_can_become_one(served: Served, is_passage: bool) -> None:
    document_id, _, _ = silent(served)
    units = served.study.read_table("units")
    own = units.loc[units["document_id"] == document_id, "unit_id"].iloc[0]
    assert make(served, "alix", document_id, own if is_passage else "u-0") == 404


def test_an_unknown_document_is_not_found(served: Served) -> None:
    assert client(served, "alix").get("/documents/d-000").status_code == 404


PNG = b"\x89PNG\r\n\x1a\nde quoi tenir lieu de photo"


def test_a_photo_stands_beside_what_was_read_of_it_for_those_who_review(
    new_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = new_study()
    documents = study.read_table("documents")
    folder = documents["path"][0].split("/")[0]
    secret = tmp_path / "secret.png"
    photo = study.depot / folder / "photo.png"
    for path in (secret, photo):
        path.write_bytes(PNG)
    (study.depot / folder / "lien.png").symlink_to(secret)
    (study.depot / folder / "page.png").write_text("<script>")
    names = ["photo.png", "lien.png", "page.png", "absente.png"]
    documents.loc[: len(names) - 1, "path"] = [f"{folder}/{name}" for name in names]
    documents.loc[: len(names) - 1, "read_by"] = "machine"
    documents.loc[: len(names) - 1, "sha256"] = file_hash(photo)
    study.write_table("documents", documents)
    ids = documents["document_id"][: len(names) + 1]
    with serving(study) as served:
        analyst, reader = client(served, "alix"), client(served, "denis")
        answers = [analyst.get(f"/documents/{name}/photo") for name in ids]
        assert [answer.status_code for answer in answers] == [200, 404, 404, 404, 404]
        assert answers[0].content == PNG
        assert answers[0].headers["Content-Type"] == "image/png"
        assert "no-store" in answers[0].headers["Cache-Control"]
        assert reader.get(f"/documents/{ids[0]}/photo").status_code == 403
        assert client(served).get(f"/documents/{ids[0]}/photo").status_code == 302
        assert f"/documents/{ids[0]}/photo" in analyst.get(f"/documents/{ids[0]}").text
        page = reader.get(f"/documents/{ids[0]}").text
        assert "Lu par machine" in page and "/photo" not in page
        assert "Lu par machine" not in analyst.get(f"/documents/{ids[4]}").text
        photo.write_bytes(PNG + b"une autre")
        assert analyst.get(f"/documents/{ids[0]}/photo").status_code == 404
