"""Learning again from the page: what would be learnt, the job, its figures in words, the way back, and who does not see it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from flows.jobs import JobState
from pipeline.decisions.tags import ConfirmUnit
from pipeline.study import Study
from support.accessible import faults
from support.jobs import ended_job
from support.review_client import client, token
from support.review_server import Served, serving

_LONG_MS = 300_000


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    """The example study with a grid of its own, so that no shipped passage is learnt from, and a blind coder."""
    study = new_study()
    grid = study.grid_path.read_text(encoding="utf-8")
    code = study.grid.codes[0]
    assert grid.count(code.definition[:30]) == 1
    study.grid_path.write_text(
        grid.replace(code.definition[:30], f"Ici, {code.definition[:30]}"), encoding="utf-8"
    )
    rows = [{"author": "bilal", "action": "hide_machine", "value": "bilal"}]
    tags = study.read_table("tags")
    tags = tags[tags["is_assigned"]]
    for n, (unit_id, codes) in enumerate(list(tags.groupby("unit_id"))[:30]):
        kept = list(zip(codes["axis"], codes["code"], strict=True))
        author = "alix" if n % 3 else "chantal"
        rows.append({"author": author, **ConfirmUnit(unit_id, tuple(kept[n % 2 :])).row()})
    study.decisions.append_all(rows)
    with serving(study) as server:
        yield server


@pytest.mark.slow
@pytest.mark.browser
def test_the_machine_learns_again_says_how_well_in_words_and_gives_way_to_the_one_before(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "alix", "apprentissage")
    expect(page.locator(".waiting li").first).to_have_text("30 passages validés")
    expect(page.locator(".taught").first).to_contain_text("chantal")
    expect(page.locator(".in-use")).to_contain_text("machine livrée")
    assert faults(page) == []
    page.click("#reapprendre")
    expect(page.locator("#annonce")).to_contain_text("La machine réapprend")
    expect(page.locator(".panel")).to_contain_text("Vous pouvez fermer cette page")
    assert "La machine réapprend, alix l’a demandé" in client(served, "denis").get("/traiter").text
    expect(page.locator("#annonce-traitement")).to_contain_text("a réappris", timeout=_LONG_MS)
    assert ended_job(served.study).state is JobState.DONE
    figures = page.locator(".measured li").first
    expect(figures).to_contain_text("Sur 30 passages gardés à part")
    expect(figures).to_contain_text("avant")
    expect(page.locator(".verdict")).to_be_visible()
    assert faults(page) == []
    in_use = page.locator(".in-use strong").text_content() or ""
    page.locator(".machines button").first.click()
    expect(page.locator("#annonce")).to_contain_text("prochain traitement")
    expect(page.locator(".in-use strong")).not_to_have_text(in_use.strip())
    page.goto(served.url("journal?quoi=machine"))
    first = page.locator("main").get_by_text("fait étiqueter l’étude par").first
    expect(first).to_be_visible()
    page.get_by_role("button", name="Annuler").first.click()
    page.goto(served.url("apprentissage"))
    expect(page.locator(".in-use strong")).to_have_text(in_use.strip())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status"), [("chantal", 200), ("denis", 403), ("bilal", 403)])
def test_readers_and_who_codes_without_the_machine_do_not_see_what_it_learns(
    served: Served, name: str, status: int
) -> None:
    session = client(served, name)
    assert session.get("/apprentissage").status_code == status
    assert ("/apprentissage" in session.get("/passages/liste").text) is (name != "denis")
    if status == 403:
        data = {"csrfmiddlewaretoken": token(session)}
        for act in ("reapprendre", "annuler", "machine"):
            assert session.post(f"/apprentissage/{act}", data=data).status_code == 403
