"""Accounts, invitations and members, of studies never processed: names as people write them, nothing made twice, nobody put out unasked."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from pipeline.study import Study
from support.hostile_requests import HOSTILE
from support.review_client import without_no_break
from support.review_server import PASSWORD
from support.web_server import TOKEN, log_in, send, visitor, web

TWICE = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A study, and the administrator « Rose Île »."""
    folder = tmp_path_factory.mktemp("studies")
    Study.create(folder / "neuve")
    with web(folder) as (address, printed):
        told = send(visitor(address), printed.removeprefix(address), username="Rose  Île", **TWICE)
        assert told.status_code == 200 and "Créer une étude" in told.text
        yield address, folder


@pytest.fixture
def rose(served: tuple[str, Path]) -> httpx.Client:
    return log_in(served[0], "Rose Île")


def in_list(page: str) -> list[str]:
    """The names of the accounts on their page."""
    return re.findall(r'<tr><th scope="row">([^<]+)</th>', page)


NAMES: list[tuple[str, str]] = [  # what is typed, the name of the account or blank
    ("Marie Dupont", "Marie Dupont"),
    ("  Jean-Baptiste   N’Guyễn ", "Jean-Baptiste N’Guyễn"),
    ("chef", "chef"),
    ("chеf", ""),  # with a Cyrillic letter
    ("CHEF", ""),
    ("chéf", ""),
    ("сосо", ""),  # Cyrillic alone
    ("ｌise", "lise"),  # full-width
    ("Ｌise", ""),
    ("marie\u00a0dupont", ""),
    ("a.b@exemple.fr", "a.b@exemple.fr"),
    ("²", "2"),
    ("２", ""),
    ("ana\u200bïs", ""),
    ("dotless\u0131", ""),
    ("<b>", ""),
    ("🐝", ""),
    ("", ""),
    ("a" * 61, ""),
]


@pytest.mark.parametrize(("typed", "name"), NAMES)
def test_a_name_is_taken_as_people_write_it_unless_it_looks_like_another(
    rose: httpx.Client, typed: str, name: str
) -> None:
    before = in_list(rose.get("/comptes").text)
    answer = send(rose, "/comptes", username=typed, role="2")
    after = in_list(rose.get("/comptes").text)
    assert [one.replace("&#x27;", "'") for one in after if one not in before] == (
        [name] if name else []
    )
    assert answer.status_code == (200 if name else 422)
    assert name or 'class="errorlist"' in answer.text or 'class="fault"' in answer.text


def test_twelve_invitations_of_one_name_make_one_account(rose: httpx.Client) -> None:
    token = TOKEN.findall(rose.get("/comptes").text)
    tokens = [token[0]] * 6 + [TOKEN.findall(rose.get("/comptes").text)[0] for _ in range(6)]

    def invite(token: str) -> httpx.Response:
        data = {"username": "Ｄouze Fois", "role": "1", "csrfmiddlewaretoken": token}
        return rose.post("/comptes", data=data)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(invite, tokens))
    links = {link for told in answers for link in re.findall(r"/invitation/[^\"<\s]+", told.text)}
    assert {told.status_code for told in answers} == {200, 422}
    assert len(links) == 1, "a form sent again gets the answer of the first time"
    assert in_list(rose.get("/comptes").text).count("Douze Fois") == 1


def test_a_form_sent_six_times_makes_one_study(
    served: tuple[str, Path], rose: httpx.Client
) -> None:
    token = TOKEN.findall(rose.get("/creer").text)[0]
    data = {"title": "Le val de Sensée", "csrfmiddlewaretoken": token}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: rose.post("/creer", data=data), range(6)))
    assert {told.url.path for told in answers} == {"/etudes/le-val-de-sensee/"}
    assert "il compte une seule fois" in without_no_break("".join(told.text for told in answers))
    again = send(rose, "/creer", title="Le val de Sensée")  # asked for anew, on another page
    assert again.url.path == "/etudes/le-val-de-sensee-2/"
    names = sorted(path.name for path in served[1].glob("le-val*"))
    assert names == ["le-val-de-sensee", "le-val-de-sensee-2"]


def test_a_refused_form_is_not_remembered(served: tuple[str, Path], rose: httpx.Client) -> None:
    token = TOKEN.findall(rose.get("/creer").text)[0]
    data = {"title": "", "csrfmiddlewaretoken": token}
    assert [rose.post("/creer", data=data).status_code for _ in range(2)] == [422, 422]


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_form_about_all_studies_fails_on_what_it_is_sent(rose: httpx.Client, kind: str) -> None:
    fields = ("title", "territories", "grid", "username", "role", "membre", "montre", "geste")
    for path in ("/creer", "/comptes", "/etudes/neuve/membres", "/comptes/1"):
        told = rose.get(path, params=dict.fromkeys(fields, HOSTILE[kind])).status_code
        page = rose.get("/comptes").text
        data = dict.fromkeys(fields, HOSTILE[kind])
        data["csrfmiddlewaretoken"] = TOKEN.findall(page)[0]
        assert max(told, rose.post(path, data=data).status_code) < 500, path


def test_who_is_invited_from_a_study_is_a_member_of_it(
    served: tuple[str, Path], rose: httpx.Client
) -> None:
    told = send(rose, "/etudes/neuve/comptes", username="Ada", role="2").text
    assert "ne s’ouvre que sur cet ordinateur" in without_no_break(told)
    path = re.search(r"(/etudes/neuve/invitation/[^\"<\s]+)", told)
    assert path is not None
    guest = visitor(served[0])
    home = send(guest, str(guest.get(path[0]).url.path), **TWICE)
    assert (home.status_code, home.url.path) == (200, "/etudes/neuve/")
    assert guest.get("/etudes/le-val-de-sensee/").status_code in (403, 404)
    outside = send(rose, "/comptes", username="Basile", role="2").text
    assert "membre d’aucune étude" in without_no_break(outside)


def test_a_list_of_members_that_did_not_arrive_puts_nobody_out(
    served: tuple[str, Path], rose: httpx.Client
) -> None:
    send(rose, "/etudes/neuve/comptes", username="Odile", role="2")
    page = rose.get("/etudes/neuve/membres").text
    number = re.search(r'value="(\d+)"[^>]*> Odile', page)
    assert number is not None

    def is_member() -> bool:
        page = rose.get("/etudes/neuve/membres").text
        return re.search(r'value="\d+" checked[^>]*> Odile', page) is not None

    assert is_member()
    told = send(rose, "/etudes/neuve/membres")
    assert is_member() and "n’est pas arrivée" in without_no_break(told.text)
    send(rose, "/etudes/neuve/membres", montre=["999"], membre=["999"])
    assert is_member()
    send(rose, "/etudes/neuve/membres", montre=[number[1]])  # unticked by who saw it ticked
    assert not is_member()


@pytest.mark.browser
def test_a_password_at_fault_empties_no_field(tmp_path: Path, browser: Browser) -> None:
    Study.create(tmp_path / "neuve")
    with web(tmp_path) as (_address, printed):
        page = browser.new_page()
        page.goto(printed)
        page.fill("[name=username]", "chеf")
        page.fill("[name=new_password1]", PASSWORD)
        page.fill("[name=new_password2]", PASSWORD)
        page.click("main form button")
        page.locator("#fautes .errorlist").wait_for()
        assert "lettres latines" in page.inner_text("#fautes")
        assert page.input_value("[name=new_password1]") == PASSWORD
        page.fill("[name=username]", "Marie Dupont")
        page.fill("[name=new_password2]", PASSWORD + "!")
        page.click("main form button")
        page.locator("#fautes .errorlist", has_not_text="latines").wait_for()
        assert page.input_value("[name=username]") == "Marie Dupont"
        page.fill("[name=new_password2]", PASSWORD)
        page.click("main form button")
        page.wait_for_url("**/")
        assert "Marie Dupont" in page.inner_text("header")
        page.close()
