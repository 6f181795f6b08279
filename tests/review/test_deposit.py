"""The page where files are dropped: sent by pieces through cuts and a killed server, read ahead, corrected, doubts settled."""

import contextlib
import hashlib
import io
import os
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, expect

from flows.vault import Vault
from pipeline.review.bounds import MAX_PIECE_BYTES, is_piece
from pipeline.study import Study
from support.accessible import faults
from support.dropped import drop
from support.review_client import client, token, without_no_break
from support.review_server import Served, serving

WORKSHOP = "Roubaix 2026-04-02"
NOTES = (
    "- On a un bon réseau de bénévoles dans le quartier\n"
    "- Le local est prêté par la mairie depuis deux ans\n"
)


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    with serving(new_study()) as server:
        client(server, "alix").get("/depot")  # the first answer takes seconds on a busy machine
        yield server


class Sender:
    """Sends one file as the page does."""

    def __init__(self, served: Served, name: str = "alix") -> None:
        self.session = client(served, name)
        self.headers = {"X-CSRFToken": token(self.session)}

    def announce(self, path: str, size: int, workshop: str = WORKSHOP) -> httpx.Response:
        data = {"atelier": workshop, "chemin": path, "taille": str(size), "change": "1"}
        return self.session.post("/depot/envois", data=data, headers=self.headers)

    def piece(self, address: str, start: int, content: bytes) -> httpx.Response:
        headers = {**self.headers, "Content-Type": "application/octet-stream"}
        return self.session.post(address, params={"debut": start}, content=content, headers=headers)

    def send(self, path: str, content: bytes, workshop: str = WORKSHOP) -> dict[str, Any]:
        answer: dict[str, Any] = self.announce(path, len(content), workshop).json()
        while "address" in answer or "done" not in answer:
            if "error" in answer:
                break
            address = answer.get("address", locals().get("address"))
            start = answer["received"]
            answer = self.piece(address, start, content[start : start + MAX_PIECE_BYTES]).json()
        return answer


def cut(served: Served, sender: Sender, address: str, start: int, content: bytes) -> None:
    """Send half of a piece, then close the connection."""
    cookies = "; ".join(f"{name}={value}" for name, value in sender.session.cookies.items())
    head = (
        f"POST {address}?debut={start} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n"
        f"X-CSRFToken: {sender.headers['X-CSRFToken']}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + content[: len(content) // 2])


def arrives_through_cuts(served: Served, n_bytes: int, path: str) -> float:
    """Send `n_bytes` cut three times; return the seconds it took."""
    sender, started = Sender(served), time.monotonic()
    block = os.urandom(MAX_PIECE_BYTES)
    n_pieces = n_bytes // MAX_PIECE_BYTES
    wanted = hashlib.sha256(block * n_pieces).hexdigest()
    begun = sender.announce(path, n_pieces * MAX_PIECE_BYTES).json()
    at = begun["received"]
    cuts = {n_pieces * n // 4 * MAX_PIECE_BYTES for n in (1, 2, 3)}
    answer: dict[str, Any] = {}
    while "done" not in answer:
        if at in cuts:
            cuts.remove(at)
            cut(served, sender, begun["address"], at, block)
            begun = sender.announce(path, n_pieces * MAX_PIECE_BYTES).json()
            assert begun["received"] >= at
            at = begun["received"]
        offset = at % MAX_PIECE_BYTES
        answer = sender.piece(begun["address"], at, block[offset:]).json()
        at = answer.get("received", at)
    assert answer["outcome"] == "placed"
    received = served.study.depot / WORKSHOP / path
    with received.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == wanted
    received.unlink()
    return time.monotonic() - started


def test_a_file_cut_three_times_arrives_whole(served: Served) -> None:
    arrives_through_cuts(served, 12 * MAX_PIECE_BYTES, "petit film.mov")


@pytest.mark.slow
def test_500_megabytes_cut_three_times_arrive_whole(served: Served) -> None:
    assert arrives_through_cuts(served, 500 * 10**6, "film.mov") < 120


def test_a_server_killed_while_it_receives_goes_on_where_it_was(
    new_study: Callable[..., Study],
) -> None:
    study, content = new_study(), os.urandom(3 * MAX_PIECE_BYTES)
    with serving(study) as first:
        sender = Sender(first)
        begun = sender.announce("notes.bin", len(content)).json()
        sender.piece(begun["address"], 0, content[:MAX_PIECE_BYTES])
        cut(first, sender, begun["address"], MAX_PIECE_BYTES, content[MAX_PIECE_BYTES:][:1000])
        first.kill()
    with serving(study, accounts={}) as second:
        second.sessions = first.sessions
        page = client(second, "bilal").get("/depot").text
        assert "notes.bin" in page and "reprend l’envoi" in page
        answer = Sender(second).send("notes.bin", content)
        assert answer["outcome"] == "placed"
    assert (study.depot / WORKSHOP / "notes.bin").read_bytes() == content


def test_three_gigabytes_are_refused_in_one_line(served: Served) -> None:
    answer = Sender(served).announce("film.mov", 3 * 10**9)
    assert answer.status_code == 422
    assert "pèse 3 Go" in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_a_bomb_and_a_hostile_name_are_said_in_one_line(served: Served) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(400_000_000))
    told = Sender(served).send("bombe.zip", made.getvalue())
    assert "bombe de compression" in told["error"]
    told = Sender(served).send("../../vault/cle.bin", b"x")
    assert told["outcome"] == "placed" and "nom mis au propre" in told["done"]
    kept = served.study.depot / WORKSHOP / "vault" / "cle.bin"
    assert kept.is_file()
    kept.unlink()
    kept.parent.rmdir()


def test_two_people_at_once_keep_both_files(served: Served) -> None:
    alix, bilal = Sender(served), Sender(served, "bilal")
    one, two = (sender.announce("commun.bin", 4).json() for sender in (alix, bilal))
    assert one["address"] != two["address"]
    assert bilal.piece(two["address"], 0, b"deux").json()["outcome"] == "placed"
    told = alix.piece(one["address"], 0, b"un !").json()
    assert told["outcome"] == "renamed" and "commun (2).bin" in told["done"]
    assert alix.piece(one["address"], 0, b"un !").json() == told  # the answer was lost
    for path in (served.study.depot / WORKSHOP).glob("commun*"):
        path.unlink()


def test_only_pieces_may_be_longer_than_forms(served: Served) -> None:
    sender = Sender(served)
    assert sender.session.post("/depot/envois", content=bytes(300_000)).status_code in (403, 413)
    begun = sender.announce("gros.bin", 10 * MAX_PIECE_BYTES).json()
    assert sender.piece(begun["address"], 0, bytes(MAX_PIECE_BYTES + 1)).status_code == 413
    other = client(served, "bilal")
    data = {"csrfmiddlewaretoken": token(other)}
    assert other.post(begun["address"] + "/abandonner", data=data).status_code == 302
    assert sender.piece(begun["address"], 0, b"x").status_code == 404


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        (b"POST /depot/envois/0123456789abcdef0123456789abcdef?debut=0 HTTP/1.1", True),
        (b"POST /etudes/a%20b/depot/envois/0123456789abcdef0123456789abcdef HTTP/1.1", True),
        (b"POST /depot/envois HTTP/1.1", False),
        (b"POST /connexion?x=/depot/envois/0123456789abcdef0123456789abcdef HTTP/1.1", False),
        (b"POST /depot/envois/0123456789abcdef0123456789abcdef/abandonner HTTP/1.1", False),
        (b"GET /depot/envois/0123456789abcdef0123456789abcdef HTTP/1.1", False),
    ],
)
def test_a_piece_is_known_by_its_address(line: bytes, is_one: bool) -> None:
    assert is_piece(line) is is_one


def test_too_many_pieces_at_once_are_asked_to_wait(served: Served) -> None:
    host, port = served.address.removeprefix("http://").split(":")
    head = f"POST /depot/envois/{'0' * 32}?debut=0 HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        answers = []
        for _ in range(40):
            connection = socket.create_connection((host, int(port)), timeout=30)
            stack.enter_context(connection)
            connection.sendall(head.encode() + bytes(1000))
            answers.append(connection)
        assert b"503 Service Unavailable" in answers[-1].recv(200)
    assert Sender(served).send("ensuite.bin", b"x")["outcome"] == "placed"
    (served.study.depot / WORKSHOP / "ensuite.bin").unlink()


def test_a_reader_sees_files_and_sends_none_nor_sees_real_names(served: Served) -> None:
    reader = client(served, "denis")
    page = reader.get("/depot")
    assert page.status_code == 200 and "Choisir un dossier" not in page.text
    assert reader.get("/depot/doutes").status_code == 403
    headers = {"X-CSRFToken": token(reader)}
    for path in ("envois", "ateliers", "retirer", "renommer", "corriger", f"envois/{'0' * 32}"):
        assert reader.post(f"/depot/{path}", headers=headers).status_code == 403


def until(check: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "too long"
        time.sleep(0.5)


def is_read(session: httpx.Client) -> bool:
    return not session.get("/depot/etat").json()["is_reading"]


@pytest.mark.slow
def test_a_new_file_is_read_ahead_corrected_and_its_doubtful_name_settled(
    served: Served,
) -> None:
    sender = Sender(served)
    sender.send("en plus.txt", NOTES.encode())
    sender.send("plan.xyz", b"\x00\x01\x02")
    session = sender.session
    until(lambda: is_read(session))
    page = session.get("/depot").text
    row = page.split("en plus.txt")[1].split("</tr>")[0]
    assert "notes" in row and "inconnue" in row
    assert "plan.xyz" in page and "non lu" in page

    data = {"atelier": WORKSHOP, "chemin": "en plus.txt", "questions": "q4", "tables": "5"}
    told = session.post("/depot/corriger", data=data, headers=sender.headers)
    assert told.status_code == 302
    manifest = (served.study.depot / WORKSHOP / "atelier.yaml").read_text(encoding="utf-8")
    assert "en plus.txt: q4" in manifest and "lieu: La Filature Commune, Roubaix" in manifest
    until(lambda: is_read(session))
    row = session.get("/depot").text.split('<th scope="row">en plus.txt')[1]
    cells = row.split("</tr>")[0].split('class="acts"')[0]
    assert "à améliorer" in cells and ">5 <" in cells and "corrigée" in cells

    parts = "# Au marché\n\n- Le pain manque\n\n# Au port\n\n- Les quais sont vides le soir\n"
    sender.send("parties.md", parts.encode())
    until(lambda: is_read(session))
    data = {"atelier": WORKSHOP, "chemin": "parties.md", "partie": "Au port", "tables": "4"}
    assert session.post("/depot/corriger", data=data, headers=sender.headers).status_code == 302
    unknown = session.post("/depot/corriger", data=data | {"partie": "?"}, headers=sender.headers)
    assert unknown.status_code == 404
    until(lambda: is_read(session))
    row = session.get("/depot").text.split('<th scope="row">parties.md', 1)[1]
    assert "Au port (table 4, 1 passage ; corrigée)" in without_no_break(row)

    doubts = Vault(served.study).doubts()
    case = doubts[doubts["done"] != "compté"].iloc[0]
    address = f"/depot/doutes/{case['doubt_id']}"
    assert case["words"] in session.get("/depot/doutes").text
    answer = session.post(
        address, data={"decision": "masquer"}, headers={**sender.headers, "HX-Request": "true"}
    )
    assert "sera masqué" in answer.text and "décidé par alix" in answer.text
    assert case["words"] in Vault(served.study).choices().hide
    session.post(address, data={"decision": ""}, headers=sender.headers)
    assert case["doubt_id"] not in Vault(served.study).decisions()
    assert session.post("/depot/doutes/c-0", headers=sender.headers).status_code == 404


def test_dropped_folders_and_files_show_for_everybody(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "Redon 2026-06-02"
    (folder / "table 1").mkdir(parents=True)
    (folder / "table 1" / "notes.txt").write_text(NOTES, encoding="utf-8")
    (folder / ".DS_Store").write_text("x", encoding="utf-8")
    single = tmp_path / "mail.txt"
    single.write_text("Bonjour, le bus manque.", encoding="utf-8")
    other = served.open(browser, "bilal", "depot")
    page = served.open(browser, "alix", "depot")
    drop(page, ".drop", folder)
    expect(page.locator("#annonce")).to_contain_text("Tout est arrivé")
    new = '[data-folder="Redon 2026-06-02"]'
    expect(page.locator(new)).to_contain_text("table 1/notes.txt")
    expect(other.locator(new)).to_contain_text("table 1/notes.txt")
    page.locator(new).scroll_into_view_if_needed()
    drop(page, new, single)
    expect(page.locator(new)).to_contain_text("mail.txt")
    kept = served.study.depot / "Redon 2026-06-02"
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == [
        "mail.txt",
        "notes.txt",
    ]


def test_a_removed_file_comes_back_from_the_page(served: Served, browser: Browser) -> None:
    Sender(served).send("a retirer.txt", b"texte a retirer")
    page = served.open(browser, "alix", "depot")
    row = page.locator("tr", has_text="a retirer.txt")
    row.locator("summary").click()
    row.get_by_role("button", name="Retirer de l’atelier").click()
    expect(page.locator("#annonce")).to_contain_text("corbeille")
    assert not (served.study.depot / WORKSHOP / "a retirer.txt").exists()
    page.reload()
    page.locator(".bin summary").click()
    page.get_by_role("button", name="Remettre : a retirer.txt").click()
    assert (served.study.depot / WORKSHOP / "a retirer.txt").exists()


def test_files_of_which_nothing_is_read_go_in_one_gesture(served: Served, browser: Browser) -> None:
    folder = served.study.depot / "Vides 2026-05-05"  # where no other test leaves a file
    folder.mkdir()
    closed = [folder / "photos du mur.rar", folder / "vide.txt"]
    closed[0].write_bytes(b"Rar!\x1a\x07\x01\x00reste")
    closed[1].touch()
    page = served.open(browser, "alix", "depot")
    section = page.locator(f'section[data-folder="{folder.name}"]')
    everything = section.get_by_role("button", name="fichiers dont rien ne se lit")
    expect(everything).to_have_text("Retirer les 2 fichiers dont rien ne se lit", timeout=120_000)
    everything.click()
    told = page.locator("#annonce")
    expect(told).to_contain_text("2 fichiers sont dans la corbeille", timeout=60_000)
    assert not any(path.exists() for path in closed)
    folder.rmdir()


def test_the_page_goes_on_after_three_cuts(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    big = tmp_path / "film.bin"
    big.write_bytes(os.urandom(20 * MAX_PIECE_BYTES))
    page = served.open(browser, "alix", "depot")
    failures = iter(range(3))

    def fail(route: Any) -> None:
        if "debut=0" not in route.request.url and next(failures, None) is not None:
            route.abort()
        else:
            route.fallback()

    page.route("**/depot/envois/*?debut=*", fail)
    page.locator(f'input[data-into="{WORKSHOP}"]').set_input_files(big)
    expect(page.locator("#annonce")).to_contain_text("Tout est arrivé", timeout=180_000)
    assert next(failures, None) is None
    received = served.study.depot / WORKSHOP / "film.bin"
    assert received.read_bytes() == big.read_bytes()
    received.unlink()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_with_everything_open(
    served: Served, browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    alone = tmp_path / "seul.txt"
    alone.write_text("x", encoding="utf-8")
    page = served.open(browser, "alix", "depot", color_scheme=scheme)
    page.locator("#choix-zip").set_input_files(alone)
    expect(page.locator("#envois li[data-outcome]")).to_contain_text("hors de tout atelier")
    page.locator(".make summary").click()
    page.locator(".acts summary").first.click()
    expect(page.locator("#doutes li").first).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
