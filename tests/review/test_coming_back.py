"""A project coded in another tool, sent from the page: its decisions, to who may bring them."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from playwright.sync_api import Browser, expect

from flows.publication import export_study
from flows.typed_texts import keep_decisions
from pipeline.decisions.memos import MemoSubject, NoteMemo
from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.decisions.tags import AddTag
from pipeline.publish.text import zipped
from pipeline.study import Study
from support.review_client import client
from support.review_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RED = "#c54949"


def coded_elsewhere(study: Study, folder: Path) -> Path:
    """A project in which Alix and Bilal coded, and a code of the grid is red."""
    coded = Study.open(shutil.copytree(study.root, folder / "ailleurs"))
    unit = next(row for row in coded.read_tables()["units"].itertuples() if len(row.text) > 60)
    code, quote = coded.grid.codes[0], Quote.of(unit.text, 0, 25)
    rows = {
        "alix": [CodeSpan(unit.unit_id, code.axis, code.code, quote)],
        "bilal": [
            AddTag(unit.unit_id, code.axis, coded.grid.codes[1].code),
            NoteMemo.on(MemoSubject("unit", unit.unit_id), "À revoir"),
        ],
    }
    decisions = [{"author": name, **row.row()} for name in rows for row in rows[name]]
    keep_decisions(coded, decisions)
    (path,) = export_study(coded, "qdpx", folder / "ailleurs.qdpx")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    root = etree.fromstring(files["project.qde"])
    next(element for element in root.iter() if element.get("name") == code.label).set("color", RED)
    path.write_bytes(zipped((files | {"project.qde": etree.tostring(root)}).items()))
    return path


def test_a_project_coded_elsewhere_comes_back_to_who_may_bring_it(
    new_study: Callable[..., Study], browser: Browser, tmp_path: Path
) -> None:
    study = new_study()
    path = coded_elsewhere(study, tmp_path)
    with serving(study) as served:
        n_before = len(study.decisions.read())
        client(served, "alix").get("/publier")  # the first page takes longest
        page = served.open(browser, "alix", "publier")
        page.get_by_label("Fichier .qdpx").set_input_files(path)
        back = page.locator("#reprise")
        expect(back).to_contain_text("1 décision nouvelle (alix : 1)", timeout=120_000)
        back.locator("summary").click()
        expect(back).to_contain_text("décision d’une autre personne")
        expect(back).to_contain_text("couleur de code changée")
        assert study.decisions.read()["author"].tolist()[n_before:] == ["alix"]
        page = served.open(browser, "chantal", "publier")
        page.get_by_label("Fichier .qdpx").set_input_files(path)
        expect(page.locator("#reprise")).to_contain_text("(bilal : 2)", timeout=120_000)
        expect(page.locator("#reprise")).to_contain_text("1 couleur de code changée")
        rows = study.decisions.read().iloc[n_before:]
        assert rows["author"].tolist() == ["alix", "bilal", "bilal", "chantal"]
        assert rows["action"].tolist() == ["code_span", "add_tag", "note_memo", "edit_code"]
        assert Study.open(study.root).grid.codes[0].colour == RED
