"""What a run leaves to read: what came in, what to do with what was not read, the first priorities; no passage."""

import pytest

from flows.notify import failure_summary, run_summary
from flows.run import Outcome, run_study
from pipeline.errors import StudyError


def test_a_summary_of_the_example_tells_workshops_priorities_and_where_to_look_and_quotes_nobody(
    demo_study,
):
    text = run_summary(demo_study, Outcome(demo_study.last_run(), is_new=True))
    for folder in demo_study.read_table("workshops")["folder"]:
        assert f"| {folder} | " in text
    assert text.count("nouveau ou changé") == 3
    assert "Aucun." in text
    ranked = demo_study.read_table("priorities")
    (first,) = ranked.loc[(ranked["scope"] == "study") & (ranked["rank"] == 1), "theme_id"]
    labels = demo_study.read_table("themes").set_index("theme_id")["label"]
    assert f"1. {labels[first]} (tables : " in text
    assert f"{demo_study.last_run()['publication']}/rapport.html" in text
    assert f"ateliers review {demo_study.root}" in text
    passages = [unit for unit in demo_study.read_table("units")["text"] if len(unit.split()) > 3]
    assert [unit for unit in passages if unit in text] == []


@pytest.mark.slow
def test_what_was_not_read_is_listed_with_advice_and_any_file_name_stays_plain(small_study):
    folder = small_study.depot / "Pays de Retz 2026-10-01"
    (folder / "Table | 3 <b>[x](y).docx").write_bytes(b"PK\x03\x04 tronque")
    (folder / "entretien_josiane-bozonnet.docx").write_bytes(b"PK\x03\x04 coupe")
    (folder / "avis de Mme Bozonnet.txt").write_text("La halle reste fermée tout l'hiver.")
    outcome = run_study(small_study.root)
    text = run_summary(small_study, outcome)
    rejects = small_study.read_table("rejects")
    assert len(rejects) == 2 and all(advice in text for advice in rejects["advice"])
    assert r"Table \| 3 \<b\>\[x\](y).docx" in text
    pages = (small_study.root / outcome.manifest["publication"]).rglob("*.html")
    for shown in (text, "".join(page.read_text(encoding="utf-8") for page in pages)):
        assert "entretien_[personne].docx" in shown.replace("\\", "")
        assert "ozonnet" not in shown and "osiane" not in shown
    again = run_study(small_study.root)
    assert "Rien de nouveau" in run_summary(small_study, again)
    assert "nouveau ou changé" not in run_summary(small_study, again)


@pytest.mark.parametrize(
    ("error", "expected", "absent"),
    [
        (
            StudyError("disque plein", "de la place", "en faire"),
            "- À faire : en faire",
            "StudyError",
        ),
        (KeyError("plus de médecin à Machecoul"), "- Erreur : KeyError", "médecin"),
    ],
)
def test_a_failure_is_told_in_our_words_or_by_its_kind(small_study, error, expected, absent):
    text = failure_summary(small_study, error)
    assert expected in text
    assert absent not in text
