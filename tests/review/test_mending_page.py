"""Words chosen on the bench: coded, cut, joined, corrected and taken back, by mouse and by keyboard."""

import itertools
import json
import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.vault import Vault
from support.accessible import faults
from support.review_client import client, token, without_no_break
from support.review_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def passage(served: Served) -> dict[str, str]:
    """A passage of some words that another follows at once in its document."""
    units = served.study.read_table("units").sort_values(["document_id", "unit_order"])
    rows = units.to_dict("records")
    for first, second in itertools.pairwise(rows):
        gap = second["start_char"] - first["end_char"]
        is_near = first["document_id"] == second["document_id"] and 0 <= gap <= 2
        if is_near and len(first["text"].split()) > 6:
            return {"unit_id": first["unit_id"], "text": first["text"], "next": second["unit_id"]}
    raise AssertionError("no two passages follow each other")


def opened(served: Served, browser: Browser, unit_id: str, **options: object) -> Page:
    page = served.open(browser, "alix", f"passages?etat=tous&passage={unit_id}", **options)
    expect(page.locator(".said")).to_have_attribute("data-unit", unit_id)
    return page


def choose(page: Page, start: int, end: int) -> None:
    """Select characters of the passage as a mouse or a finger would."""
    page.evaluate(
        """([start, end]) => {
          const walker = document.createTreeWalker(document.querySelector(".said"), NodeFilter.SHOW_TEXT);
          const ends = [];
          for (let at = 0, node; (node = walker.nextNode()); at += node.data.length)
            for (const offset of [start, end].slice(ends.length)) if (offset <= at + node.data.length) ends.push([node, offset - at]);
          getSelection().setBaseAndExtent(...ends[0], ...ends[1]);
        }""",
        [start, end],
    )


def test_words_are_coded_the_passage_is_cut_and_both_are_taken_back(
    served: Served, browser: Browser, passage: dict[str, str]
) -> None:
    page = opened(served, browser, passage["unit_id"])
    words = passage["text"].split()
    start = passage["text"].index(words[2])
    end = start + len(f"{words[2]} {words[3]}")
    choose(page, start, end)
    expect(page.locator("#empan .chosen")).to_have_text(passage["text"][start:end])
    page.fill("#code-empan-texte", "soci")
    page.keyboard.press("Enter")
    expect(page.locator(".mended .on-words")).to_contain_text(passage["text"][start:end])
    expect(page.locator("#fait")).to_contain_text("posée sur des mots")
    last = served.decisions().iloc[-1]
    assert last["action"] == "code_span" and last["unit_id"] == passage["unit_id"]
    assert json.loads(last["value"])["words"] == passage["text"][start:end]
    assert json.loads(last["value"])["start"] == start
    marks = page.locator(".said mark.on").all_inner_texts()
    assert passage["text"][start:end] in " ".join(marks) or any(words[2] in text for text in marks)

    page.click(".mended .edges")
    for key in ("Tab", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    coded = page.locator(".mended .on-words")
    expect(coded).to_contain_text(f"{words[2]} {words[3]} {words[4].rstrip(',.;:')}")
    assert list(served.decisions().tail(2)["action"]) == ["undo", "code_span"], "new bounds"
    handle = page.locator(".edge[data-edge=start]")
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 400, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    expect(coded).not_to_contain_text(f"« {words[2]}")
    page.keyboard.press("Escape")
    expect(page.locator(".edges")).to_be_focused()
    page.keyboard.press("u")
    expect(coded).to_contain_text(f"« {words[2]}")
    assert list(served.decisions().tail(2)["action"]) == ["undo", "undo"], "former bounds"

    choose(page, start, start)
    page.click("#couper button")
    expect(page.locator(".mended .chip", has_text="au prochain calcul")).to_have_count(1)
    cut = served.decisions().iloc[-1]
    assert cut["action"] == "split_passage" and json.loads(cut["value"])["at"] == start

    page.keyboard.press("u")
    expect(page.locator(".mended .chip", has_text="au prochain calcul")).to_have_count(0)
    take_back = page.locator(".mended li", has=page.locator(".on-words")).locator("[type=submit]")
    take_back.click()
    expect(coded).to_contain_text(f"« {passage['text'][start:end]} »")
    take_back.click()
    expect(page.locator(".mended")).to_have_count(0)
    assert list(served.decisions().tail(3)["action"]) == ["undo", "undo", "undo"]


def test_words_are_chosen_and_coded_by_keyboard_alone(
    served: Served, browser: Browser, passage: dict[str, str]
) -> None:
    page = opened(served, browser, passage["unit_id"])
    before = len(served.decisions())
    words = passage["text"].split()
    for key in ("s", "ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#empan .chosen")).to_have_text(f"{words[1]} {words[2]}")
    page.keyboard.press("Tab")
    expect(page.locator("#code-empan-texte")).to_be_focused()
    page.keyboard.type("soci")
    page.keyboard.press("Enter")
    expect(page.locator(".mended .on-words")).to_contain_text(f"{words[1]} {words[2]}")
    assert len(served.decisions()) == before + 1
    page.keyboard.press("u")
    expect(page.locator(".mended")).to_have_count(0)


def test_a_passage_is_joined_and_corrected_and_says_when(
    served: Served, browser: Browser, passage: dict[str, str]
) -> None:
    page = opened(served, browser, passage["unit_id"], viewport={"width": 390, "height": 800})
    page.click("text=Joindre au suivant")
    expect(page.locator(".mended .chip")).to_have_text("au prochain calcul")
    assert json.loads(served.decisions().iloc[-1]["value"])["other"] == passage["next"]
    page.click(".correct summary")
    page.fill("[name=table_number]", "42")
    page.select_option("[name=channel]", "postit")
    choose(page, 0, 9)
    assert faults(page) == []
    page.click("text=Corriger au prochain calcul")
    expect(page.locator(".mended li")).to_have_count(3)
    fields = [json.loads(value) for value in served.decisions().tail(2)["value"]]
    assert fields == [
        {"field": "table_number", "value": 42},
        {"field": "channel", "value": "postit"},
    ]
    page.goto(served.url("journal?quoi=corrections"))
    expect(page.locator("main")).to_contain_text("corrige la table de")
    page.goto(served.url(f"passages?etat=tous&passage={passage['unit_id']}"))
    for left in (2, 1, 0):
        page.locator(".mended button").first.click()
        expect(page.locator(".mended li")).to_have_count(left)


def test_a_name_is_hidden_by_the_vault_alone_and_taken_back(
    served: Served, browser: Browser
) -> None:
    units = served.study.read_table("units")
    text = units["text"].str.extract(r"^(?P<name>[A-ZÉ]\w{3,}) ")["name"]
    row = units.assign(name=text).dropna(subset=["name"]).iloc[0]
    page, before = opened(served, browser, row["unit_id"]), len(served.decisions())
    page.on("dialog", lambda dialog: dialog.accept())
    choose(page, 0, len(row["name"]))
    page.click("#masquer button")
    expect(page.locator("#fait")).to_contain_text("masqués partout")
    assert len(served.decisions()) == before
    assert Vault(served.study).choices().hide == {row["name"]}
    page.goto(served.url("depot/doutes"))
    (case,) = Vault(served.study).decisions()
    page.click(f"#doute-{case}")
    expect(page.locator(f"#doute-{case}")).to_have_count(0)
    assert not Vault(served.study).choices().hide


def test_a_name_masked_wrongly_is_left_readable_and_taken_back(served: Served) -> None:
    units = served.study.read_table("units")
    unit_id = str(units[units["text"].str.contains(r"\[personne \d")]["unit_id"].min())
    path, vault = f"/passages/{unit_id}/noms", Vault(served.study)
    assert client(served, "denis").get(path).status_code == 403
    session = client(served, "alix")
    page = session.get(f"/passages?etat=tous&passage={unit_id}").text
    assert "Masqué à tort ?" in without_no_break(page)
    words = re.findall(r'name="mots" value="([^"]+)"', session.get(path).text)
    assert words and set(words) <= _names_met(vault)
    address = f"/passages/{unit_id}/demasquer"
    for command, mots, status, kept in (
        ("demasquer", "Odile Inconnue", 404, set()),
        ("demasquer", words[0], 302, {words[0]}),
        ("revenir", words[0], 302, set()),
    ):
        data = {"geste": command, "mots": mots, "csrfmiddlewaretoken": token(session)}
        assert session.post(address, data=data).status_code == status
        assert vault.choices().keep == kept


def _names_met(vault: Vault) -> set[str]:
    registry = vault.registry()
    return {name for folder in registry.folders for name in registry.mentioned(folder)}


@pytest.mark.parametrize(
    ("name", "path", "data", "status"),
    [
        ("denis", "couper", {"debut": "5"}, 403),
        ("alix", "couper", {"debut": "cinq"}, 404),
        ("alix", "couper", {"debut": "0"}, 302),
        ("alix", "empan", {"debut": "0", "fin": "4", "code": "rubrique:rien"}, 404),
        ("alix", "empan", {"debut": "9", "fin": "9", "code": "rubrique:offre"}, 302),
        ("alix", "corriger", {"table_number": "0", "channel": "notes"}, 302),
        ("denis", "masquer", {"debut": "0", "fin": "4"}, 403),
        ("alix", "masquer", {"debut": "0", "fin": "999"}, 302),
        ("alix", "corriger", {"channel": "pigeon"}, 404),
        ("alix", "corriger", {"channel": "notes", "speaker": "Odile Perrin"}, 404),
    ],
)
def test_what_makes_no_sense_decides_nothing(
    served: Served, passage: dict[str, str], name: str, path: str, data: dict[str, str], status: int
) -> None:
    session, before = client(served, name), len(served.decisions())
    sent = data | {"csrfmiddlewaretoken": token(session), "request_id": uuid.uuid4().hex}
    answer = session.post(f"/passages/{passage['unit_id']}/{path}", data=sent)
    assert answer.status_code == status and len(served.decisions()) == before
