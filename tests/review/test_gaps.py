"""Needs without a known answer, confirmed or set aside in the review, and undone in the journal."""

import re
import uuid
from collections.abc import Callable, Iterator

import pytest

from pipeline.study import Study
from pipeline.tables.results import GAPS
from support.review_client import client, token
from support.review_server import Served, serving

pytestmark = pytest.mark.slow
PAGE = "/territoires/offre"


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    """The example study with a need that nobody answers."""
    study = new_study()
    units = study.read_table("units")
    first = units.sort_values("unit_id").iloc[0]
    row = {
        "workshop_id": first["workshop_id"],
        "subject_id": "soins-proximite",
        "title": "L'accès aux soins de proximité",
        "n_tables": 2,
        "n_units": 2,
        "quotes": f'["{first["unit_id"]}"]',
        "ask": "[]",
        "state": "à vérifier",
    }
    study.write_table("gaps", GAPS.build([row]))
    with serving(study) as server:
        yield server


def decide(served: Served, decision: str, *, subject: str = "soins-proximite") -> int:
    session = client(served, "alix")
    workshop_id = served.study.read_table("gaps")["workshop_id"].iloc[0]
    data = {"decision": decision, "atelier": workshop_id, "sujet": subject}
    data |= {"csrfmiddlewaretoken": token(session), "request_id": uuid.uuid4().hex}
    return session.post("/territoires/besoin", data=data).status_code


def shown(served: Served, name: str = "alix") -> str:
    page = client(served, name).get(PAGE).text
    return re.findall(r'<article class="gap">.*?</article>', page, re.DOTALL)[0]


def test_a_need_is_confirmed_then_set_aside_then_the_journal_undoes_it(served: Served) -> None:
    assert "Confirmer" in shown(served) and "confirmé<" not in shown(served)
    assert decide(served, "confirmer") == 302
    assert "confirmé<" in shown(served) and "Confirmer" not in shown(served)
    assert decide(served, "ecarter") == 302
    assert "écarté<" in shown(served)
    last = served.decisions().iloc[-1]
    assert (last["action"], last["author"]) == ("refuse_gap", "alix")
    session = client(served, "alix")
    data = {"csrfmiddlewaretoken": token(session), "request_id": uuid.uuid4().hex}
    session.post(f"/journal/{last['decision_id']}/annuler", data=data)
    assert "confirmé<" in shown(served)
    journal = session.get("/journal?quoi=besoins").text
    assert "ne répond au besoin" in journal and "aux soins de proximité" in journal


def test_a_reader_sees_the_need_and_no_button(served: Served) -> None:
    assert "soins de proximité" in shown(served, "denis") and "<button" not in shown(
        served, "denis"
    )


@pytest.mark.parametrize(
    ("decision", "subject"), [("confirmer", "autre"), ("jeter", "soins-proximite"), ("", "")]
)
def test_a_need_or_a_decision_that_does_not_exist_is_refused(
    served: Served, decision: str, subject: str
) -> None:
    before = len(served.decisions())
    assert decide(served, decision, subject=subject) == 404
    assert len(served.decisions()) == before
