"""A study's settings, asked of the real server: every mistake beside its field, two people at once, nothing shown that should not be."""

import re
import tomllib
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from support.accessible import faults
from support.review_client import client, token, without_no_break
from support.review_server import Served

pytestmark = pytest.mark.slow  # for the processed example study


def form_of(session: httpx.Client, path: str) -> dict[str, Any]:
    """What a browser would send of the page's form, untouched."""
    page = session.get(path).text
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        named, value = re.search(r' name="([^"]+)"', tag), re.search(r' value="([^"]*)"', tag)
        if named and ('type="checkbox"' not in tag or " checked" in tag):
            fields[named[1]] = unescaped(value[1]) if value else "on"
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)', page):
        fields[name] = unescaped(text)
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        fields[name] = re.findall(r"<option[^>]* selected[^>]*>([^<]*)", options)[0]
    return fields


def unescaped(text: str) -> str:
    return (
        text.replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
    )


def beside(page: str, key: str) -> str:
    """What is said beside the input of a setting."""
    row = re.search(rf'data-key-name="{re.escape(key)}">(.*?)</div>', page, re.S)
    assert row is not None
    return without_no_break(re.sub(r"<[^>]+>", "", row[1]))


def test_a_form_sent_untouched_changes_nothing(served: Served) -> None:
    before, session = served.study.settings_path.read_bytes(), client(served, "chantal")
    answer = session.post("/reglages", data=form_of(session, "/reglages"))
    assert answer.status_code == 302
    assert served.study.settings_path.read_bytes() == before
    assert "Rien n’a changé." in session.get("/reglages").text


def test_a_change_is_written_where_it_stands_and_said(served: Served) -> None:
    session, path = client(served, "chantal"), served.study.settings_path
    before = path.read_text(encoding="utf-8")
    data = form_of(session, "/reglages") | {
        "publish.n_quotes": "2",
        "etude.territories": "Lens\r\nBéthune",
    }
    assert session.post("/reglages", data=data).status_code == 302
    page = session.get("/reglages").text
    assert "2 réglages sont enregistrés" in page
    assert "Le prochain traitement en tiendra compte" in page
    after = path.read_text(encoding="utf-8")
    assert tomllib.loads(after)["publish"] == {"n_quotes": 2}
    assert tomllib.loads(after)["etude"]["territories"] == ["Lens", "Béthune"]
    assert (
        len(after.splitlines()) <= len(before.splitlines()) + 1
    )  # the rest is uncommented where it stands
    assert (
        session.post(
            "/reglages", data=form_of(session, "/reglages") | {"etude.title": "Bassin minier"}
        ).status_code
        == 302
    )
    assert "Bassin minier" in session.get("/compte").text


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"publish.n_priorities": "0"}, "publish.n_priorities", "Attendu : une valeur ≥ 1."),
        ({"publish.least_count": "2"}, "publish.least_count", "ou 3 et plus"),
        (
            {"cluster.least_probability": "beaucoup"},
            "cluster.least_probability",
            "Attendu : un nombre.",
        ),
        ({"language_model.enabled": "oui"}, "language_model.model", "un modèle nommé"),
        ({"etude.title": ""}, "etude.title", "Attendu : un titre."),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_nothing_is_written(
    served: Served, changes: dict[str, str], key: str, said: str
) -> None:
    session, before = client(served, "chantal"), served.study.settings_path.read_bytes()
    data = form_of(session, "/reglages") | {"etude.contact": "gardé"} | changes
    answer = session.post("/reglages", data=data)
    assert answer.status_code == 422
    assert said in beside(answer.text, key)
    assert 'value="gardé"' in answer.text
    assert served.study.settings_path.read_bytes() == before


def test_the_second_of_two_people_is_told_and_loses_nothing(served: Served) -> None:
    first, second = client(served, "chantal"), client(served, "chantal")
    firsts, seconds = form_of(first, "/reglages"), form_of(second, "/reglages")
    assert (
        first.post(
            "/reglages", data=firsts | {"segment.max_words": "50", "segment.min_words": "4"}
        ).status_code
        == 302
    )
    answer = second.post(
        "/reglages", data=seconds | {"segment.max_words": "40", "tag.threshold_shift": "0,1"}
    )
    assert answer.status_code == 409
    assert "Quelqu’un d’autre a changé les réglages" in answer.text
    assert "Dans le fichier, désormais : 50" in beside(answer.text, "segment.max_words")
    assert "désormais" not in beside(answer.text, "tag.threshold_shift")
    assert 'value="4"' in answer.text  # what the first wrote and the second did not touch
    again = form_again(answer.text)
    assert second.post("/reglages", data=again).status_code == 302
    content = tomllib.loads(served.study.settings_path.read_text(encoding="utf-8"))
    assert content["segment"] == {"max_words": 40, "min_words": 4}
    assert content["tag"] == {"threshold_shift": 0.1}


def form_again(page: str) -> dict[str, Any]:
    class Shown:
        text = page

    class Session:
        def get(self, _path: str) -> Shown:
            return Shown()

    return form_of(Session(), "")  # type: ignore[arg-type]


def test_no_page_changes_where_secrets_and_passages_go(served: Served) -> None:
    session, before = client(served, "chantal"), served.study.settings_path.read_bytes()
    form, page = form_of(session, "/reglages"), session.get("/reglages").text
    elsewhere = {
        "notify.host": "smtp.ailleurs.example",
        "notify.password_file": "/etc/hostname",
        "mail.host": "imap.ailleurs.example",
        "execution.store": "s3://ailleurs/etude",
        "language_model.url": "https://ailleurs.example/v1",
    }
    assert not elsewhere.keys() & form.keys()
    assert "etude.toml" in beside(page, "notify.host")
    session.post("/reglages", data=form | elsewhere)
    assert served.study.settings_path.read_bytes() == before


def test_nothing_is_written_during_a_run(served: Served) -> None:
    session, before = client(served, "chantal"), served.study.settings_path.read_bytes()
    data = form_of(session, "/reglages") | {"publish.n_quotes": "7"}
    with served.study.locked():
        answer = session.post("/reglages", data=data)
    assert answer.status_code == 409
    assert "déjà en cours de traitement" in answer.text
    assert 'value="7"' in answer.text
    assert served.study.settings_path.read_bytes() == before


def test_a_reader_sees_the_settings_but_no_name_and_changes_none(served: Served) -> None:
    admin, reader = client(served, "chantal"), client(served, "denis")
    hidden = form_of(admin, "/reglages") | {"pseudonymise.hide": "Capucine\r\nLéonie"}
    assert admin.post("/reglages", data=hidden).status_code == 302
    page = reader.get("/reglages").text
    assert "2 mots, montrés à l’administration seule" in beside(page, "pseudonymise.hide")
    assert "Capucine" not in page
    assert "Enregistrer les réglages" not in page
    data = {"csrfmiddlewaretoken": token(reader), "publish.n_quotes": "9"}
    assert reader.post("/reglages", data=data).status_code == 403


@pytest.mark.browser
def test_the_form_counts_its_changes_and_goes_to_the_first_mistake(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "chantal", "reglages")
    page.get_by_text("Découpage en passages").click()
    page.get_by_label("Mots au plus").fill("9")
    page.get_by_label("Commanditaire").fill("Le Pays")
    expect(page.locator(".changes")).to_have_text("2 réglages changés")
    page.get_by_role("button", name="Enregistrer les réglages").click()
    mistaken = page.get_by_label("Mots au plus")
    expect(mistaken).to_be_focused()
    expect(mistaken).to_have_value("9")
    expect(page.get_by_label("Commanditaire")).to_have_value("Le Pays")
    assert faults(page) == []
