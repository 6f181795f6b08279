"""Signing a theme off: what a person read decides what counts, and what comes later is to be checked."""

import json
import random
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from flows.stages import MACHINE
from pipeline.counting import COUNTS, count_families, count_themes, with_circles
from pipeline.decisions import apply_decisions, read_decision, read_decisions
from pipeline.decisions.grounds import note_grounds
from pipeline.decisions.sign_off import CircleToRead, SignOffTheme, circles_to_read, undecided
from pipeline.files import data_path
from pipeline.study import Study
from pipeline.tables.material import DECISION_GROUNDS, DECISIONS
from pipeline.tables.results import THEME_FAMILIES
from support.decisions import sign_off
from support.draws import seeds
from support.invented import said, study
from support.reader import read_first_themes, read_theme

PROBABILITY = {"a": 0.9, "b": 0.7, "c": 0.8, "d": 0.4, "e": 0.5, "f": 0.3, "h": 0.9}
COUNTED = {"a", "b", "c", "h"}
Tables = Callable[[], dict[str, pd.DataFrame]]


def machine(*late: dict[str, Any], moved: dict[str, str] | None = None) -> dict[str, pd.DataFrame]:
    """Cars: a and b at table 1, c and d at table 2, e at table 3, f by mail; lait: l and m."""
    passages = [
        said("cars", 1, unit_id="a"),
        said("cars", 1, unit_id="b"),
        said("cars", 2, unit_id="c"),
        said("cars", 2, unit_id="d"),
        said("cars", 3, unit_id="e"),
        said("cars", None, None, unit_id="f", channel="mail"),
        said("lait", 4, unit_id="l"),
        said("lait", 5, unit_id="m"),
        *late,
    ]
    passages = [
        row | {"theme_id": (moved or {}).get(row["unit_id"], row["theme_id"])} for row in passages
    ]
    tables = study(*passages)
    members = tables["theme_members"]
    cars = members["theme_id"] == "cars"
    probability = members["unit_id"].map(PROBABILITY).where(cars).fillna(members["probability"])
    is_counted = ~cars | members["unit_id"].isin(COUNTED)
    tables["theme_members"] = members.assign(probability=probability, is_counted=is_counted)
    circles = with_circles(tables["units"])
    counts = count_themes(tables["theme_members"], circles)
    ids = tables["themes"]["theme_id"]
    tables["themes"] = tables["themes"].assign(**{name: ids.map(counts[name]) for name in COUNTS})
    families = count_families(
        THEME_FAMILIES.empty(), tables["themes"], tables["theme_members"], circles
    )
    return tables | {"theme_families": families}


def taken(*decisions: dict[str, Any]) -> pd.DataFrame:
    """Decisions in the order given."""
    return DECISIONS.build(
        {"decision_id": number, "decided_at": "2025-01-01T00:00:00+00:00", "author": "lise"} | row
        for number, row in enumerate(decisions, start=1)
    )


def told(tables: dict[str, pd.DataFrame], theme_id: str = "cars") -> tuple[int, int, bool]:
    """A theme's tables, surely and at most, and whether it is signed off."""
    row = tables["themes"].set_index("theme_id").loc[theme_id]
    return int(row["n_tables"]), int(row["n_tables_high"]), bool(row["is_signed_off"])


def members_of(tables: dict[str, pd.DataFrame], theme_id: str = "cars") -> str:
    """A theme's passages, those that count in capitals."""
    rows = tables["theme_members"]
    rows = rows[rows["theme_id"] == theme_id].sort_values("unit_id")
    pairs = zip(rows["unit_id"], rows["is_counted"], strict=True)
    return "".join(name.upper() if is_counted else name for name, is_counted in pairs)


def on(action: str, theme_id: str | None, value: str | None, unit_id: str | None = None) -> Any:
    return {"action": action, "theme_id": theme_id, "value": value, "unit_id": unit_id}


SIGNED = sign_off("cars", "ac", "ef")
LATE_TABLE = said("cars", 6, unit_id="h")
LATE_NEAR = said("cars", 1, unit_id="h")
LATE_MAIL = said("cars", None, None, unit_id="h", channel="mail", document_id="late")
CASES: list[tuple[str, Tables, list[dict[str, Any]], str, tuple[int, int, bool]]] = [
    ("nobody has read it", machine, [], "ABCdef", (2, 4, False)),
    ("read to the end", machine, [SIGNED], "ABCd", (2, 2, True)),
    ("accepted by a table's second passage", machine, [sign_off("cars", "bdef", "ac")], "BDEF", (3, 3, True)),
    ("a table refused whole", machine, [sign_off("cars", "af", "cde")], "ABF", (1, 1, True)),
    ("a table not read", machine, [sign_off("cars", "af", "e")], "ABcdF", (1, 3, False)),
    ("undone", machine, [SIGNED, on("undo", None, "1")], "ABCdef", (2, 4, False)),
    ("signed off again", machine, [SIGNED, sign_off("cars", "ac", "bd")], "AC", (2, 2, True)),
    ("accepted after it was refused", machine, [SIGNED, sign_off("cars", "ace")], "ABCdE", (3, 3, True)),
    ("a passage of another table joined it", lambda: machine(LATE_TABLE), [SIGNED], "ABCdh", (2, 4, False)),
    ("a passage of a table already counted joined it", lambda: machine(LATE_NEAR), [SIGNED], "ABCdH", (2, 2, True)),
    ("a mail joined it", lambda: machine(LATE_MAIL), [SIGNED], "ABCdh", (2, 2, False)),
    ("read again with what joined it", lambda: machine(LATE_TABLE), [SIGNED, sign_off("cars", "ach", "e")], "ABCdH", (3, 3, True)),
    ("a refused passage is moved in by hand", machine, [SIGNED, on("move_unit", None, "cars", "e")], "ABCdE", (3, 3, True)),
    ("an accepted passage is moved out by hand", machine, [SIGNED, on("move_unit", None, "lait", "c")], "ABd", (1, 2, False)),
    ("renamed afterwards", machine, [SIGNED, on("rename_theme", "cars", "Bus")], "ABCd", (2, 2, True)),
    ("another theme joins it", machine, [SIGNED, on("merge_theme", "lait", "cars")], "ABCdlm", (2, 4, False)),
    ("none of those accepted is left", machine, [sign_off("cars", "z", "a")], "ABCdef", (2, 4, False)),
    ("without title", machine, [sign_off("cars", "ac", "e", title=" ")], "ABCdef", (2, 4, False)),
    ("a value that does not read", machine, [on("sign_off_theme", "cars", "a, b")], "ABCdef", (2, 4, False)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "decisions", "members", "counts"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_a_person_accepted_counts_and_nothing_else(
    tables: Tables,
    decisions: list[dict[str, Any]],
    members: str,
    counts: tuple[int, int, bool],
) -> None:
    reviewed = apply_decisions(tables(), taken(*decisions))
    assert (members_of(reviewed), told(reviewed)) == (members, counts)
    again = apply_decisions(reviewed, taken(*decisions))
    assert (members_of(again), told(again)) == (members, counts)


def test_a_theme_signed_off_has_the_persons_title_and_statement() -> None:
    reviewed = apply_decisions(machine(), taken(SIGNED))
    row = reviewed["themes"].set_index("theme_id").loc["cars"]
    assert row[["label", "statement", "name_source"]].tolist() == [
        "Venir sans voiture",
        "Le soir, plus aucun car ne passe.",
        "person",
    ]
    accepted = reviewed["theme_members"].set_index("unit_id").loc[["a", "c"], "probability"]
    assert accepted.tolist() == [1, 1]
    blank = apply_decisions(machine(), taken(sign_off("cars", "ac", "e", statement=None)))
    assert blank["themes"].set_index("theme_id")["statement"].isna().all()


def test_a_refused_passage_that_a_later_run_puts_elsewhere_stays_there() -> None:
    reviewed = apply_decisions(machine(moved={"e": "lait"}), taken(SIGNED))
    assert (members_of(reviewed), members_of(reviewed, "lait")) == ("ABCd", "ELM")


def test_an_accepted_passage_follows_the_person_wherever_a_later_run_puts_it() -> None:
    reviewed = apply_decisions(machine(moved={"c": "lait"}), taken(SIGNED))
    assert (members_of(reviewed), told(reviewed)) == ("ABCd", (2, 2, True))


STATES = [
    ("applied", [SIGNED], ["appliquée"]),
    ("renamed afterwards", [SIGNED, on("rename_theme", "cars", "Bus")], ["appliquée"] * 2),
    ("signed off again", [SIGNED, sign_off("cars", "a", "ce")], ["remplacée", "appliquée"]),
    ("rejected afterwards", [SIGNED, on("reject_theme", "cars", None)], ["remplacée", "appliquée"]),
    ("a name before it", [on("rename_theme", "cars", "Bus"), SIGNED], ["remplacée", "appliquée"]),
    ("another theme", [sign_off("lait", "lm"), SIGNED], ["appliquée"] * 2),
    ("a theme that is gone", [sign_off("t-99", "a")], ["sans objet"]),
    ("none left", [sign_off("cars", "z")], ["sans objet"]),
    ("no title", [sign_off("cars", "a", title="")], ["sans objet"]),
]


@pytest.mark.parametrize(
    ("decisions", "states"), [case[1:] for case in STATES], ids=[case[0] for case in STATES]
)
def test_what_became_of_it_is_told(decisions: list[dict[str, Any]], states: list[str]) -> None:
    effects = apply_decisions(machine(), taken(*decisions))["decision_effects"]
    assert effects["state"].tolist() == states


CHANGED = "Le thème est devenu un autre : « Cars » garde 3 des 6 passages qu'il avait."
OTHER = "Le thème a changé de sujet : c'était « Cars », c'est « Cars »."
JOINED = [said("cars", number, unit_id=f"n{number}") for number in range(6, 16)]
GROUNDS: list[tuple[str, Tables, str | None, str | None, bool]] = [
    ("nothing changed", machine, None, None, True),
    (
        "half of it has left",
        lambda: machine(moved=dict.fromkeys("bdf", "lait")),
        None,
        CHANGED,
        False,
    ),
    ("one of six has left", lambda: machine(moved={"b": "lait"}), None, None, True),
    ("many have joined, to be checked", lambda: machine(*JOINED), None, None, False),
    ("the catalogue names another subject", machine, "bus", OTHER, False),
    ("the catalogue names the same subject", machine, "cars", None, True),
]


@pytest.mark.parametrize(
    ("now", "subject", "reason", "is_signed_off"),
    [case[1:] for case in GROUNDS],
    ids=[case[0] for case in GROUNDS],
)
def test_a_sign_off_comes_back_where_the_theme_is_another(
    now: Tables, subject: str | None, reason: str | None, is_signed_off: bool
) -> None:
    then = machine()["themes"].assign(subject_id="cars")
    grounds = note_grounds(
        read_decisions(taken(SIGNED)), then, machine()["theme_members"], DECISION_GROUNDS.empty()
    )
    assert grounds[["label", "subject_id"]].to_numpy().tolist() == [["Cars", "cars"]]
    tables = now()
    themes = tables["themes"].assign(subject_id=subject)
    reviewed = apply_decisions(tables | {"themes": themes}, taken(SIGNED), grounds=grounds)
    (effect,) = reviewed["decision_effects"].itertuples()
    assert effect.state == ("à revoir" if reason else "appliquée")
    assert reason is None or str(effect.reason).startswith(reason)
    assert told(reviewed)[2] == is_signed_off


class Names:
    """Names as they are, in French."""

    def say(self, sentence: str, **words: str) -> str:
        return sentence.format(**words)

    def quoted(self, text: str | None) -> str:
        return f"« {text} »"

    def theme(self, theme_id: str | None) -> str:
        return str(theme_id)


@pytest.mark.parametrize(
    ("accepted", "refused", "expected"),
    [
        ("a", "", "valide « Venir » : 1 passage accepté, aucun écarté"),
        ("ab", "c", "valide « Venir » : 2 passages acceptés, 1 écarté"),
        ("", "cd", "valide « Venir » : aucun passage accepté, 2 écartés"),
    ],
)
def test_the_journal_says_it_in_a_sentence(accepted: str, refused: str, expected: str) -> None:
    decision = SignOffTheme.of("cars", "Venir", None, accepted, refused)
    assert decision.sentence(Names()) == expected  # type: ignore[arg-type]


def test_it_reads_as_it_was_written_and_only_what_was_typed_is_masked() -> None:
    row = sign_off("cars", "ca", "e", title="Le car de Paul", statement="Paul conduit.")
    masked = SignOffTheme.masked_value(row["value"], lambda words: words.replace("Paul", "[nom]"))
    read = read_decision(row | {"value": masked})
    assert isinstance(read, SignOffTheme)
    assert (read.title, read.statement) == ("Le car de [nom]", "[nom] conduit.")
    assert (read.accepted, read.refused) == (("a", "c"), ("e",))
    assert json.loads(SignOffTheme.masked_value("a, b", str.upper)) == {}


Place = tuple[str, int | None, str]


def drawn(seed: int) -> tuple[list[CircleToRead], dict[str, Place], dict[str, float]]:
    """A theme's circles to read, with the circle and the probability of each passage."""
    draw = random.Random(seed)
    names = [f"p{number}" for number in range(draw.randint(1, 40))]
    rows = [(draw.choice("xyz"), draw.choice([None, 1, 2, 3, 4]), draw.choice("de")) for _ in names]
    # each workshop has tables
    units = [(*row, "q1", "notes") for row in rows] + [
        (one, 1, "d", "q1", "notes") for one in "xyz"
    ]
    sure = {name: round(draw.random(), 2) for name in names}
    members = pd.DataFrame(
        {"theme_id": "cars", "unit_id": names, "probability": list(sure.values())}
    )
    columns = ["workshop_id", "table_number", "document_id", "question", "channel"]
    frame = pd.DataFrame(units, columns=columns).assign(unit_id=[*names, "x", "y", "z"])
    circles = circles_to_read(members, with_circles(frame))["cars"]
    places = ((where, number, "" if number else document) for where, number, document in rows)
    return circles, dict(zip(names, places, strict=True)), sure


@pytest.mark.parametrize("seed", seeds(20))
def test_each_passage_is_proposed_once_the_surest_of_its_table_first(seed: int) -> None:
    circles, places, sure = drawn(seed)
    assert sorted(name for circle in circles for name in circle.unit_ids) == sorted(places)
    for circle in circles:
        chances = [sure[name] for name in circle.unit_ids]
        assert chances == sorted(chances, reverse=True)
        assert len({places[name] for name in circle.unit_ids}) == 1
    assert len(circles) == len(set(places.values()))
    order = [(circle.table_number is None, sure[circle.unit_ids[0]]) for circle in circles]
    assert order == sorted(order)


@pytest.mark.parametrize("seed", seeds(20))
def test_a_reader_who_follows_the_order_stops_once_every_table_is_settled(seed: int) -> None:
    circles, places, _sure = drawn(seed)
    about = set(random.Random(seed).sample(sorted(places), len(places) // 2))
    accepted, refused = read_theme(circles, about.__contains__)
    assert undecided(circles, accepted, refused) == []
    assert {places[name] for name in accepted} == {places[name] for name in about}
    for circle in circles:
        read = [name for name in circle.unit_ids if name in {*accepted, *refused}]
        assert read == list(circle.unit_ids[: len(read)])
        assert not set(read[:-1]) & set(accepted), "one accepted ends it"


@pytest.mark.slow
def test_ten_themes_are_exact_once_each_table_is_read_as_far_as_needed(demo_study: Study) -> None:
    readings = list(read_first_themes(demo_study, data_path("demo", "gold")))
    signed = taken(*[reading.decision.row() for reading in readings])
    machine = {name: demo_study.read_machine_table(name) for name in MACHINE}
    reviewed = apply_decisions(machine | {"units": demo_study.read_table("units")}, signed)
    assert reviewed["decision_effects"]["state"].tolist() == ["appliquée"] * 10
    for reading in readings:
        theme_id = str(reading.decision.theme_id)
        assert told(reviewed, theme_id) == (reading.n_tables, reading.n_tables, True)
    n_read, n_least, n_until_right = (
        sum(getattr(reading, name) for reading in readings)
        for name in ("n_read", "n_least", "n_until_right")
    )
    assert n_read <= 1.2 * n_least, "the surest passage of a table mostly settles it"
    assert n_until_right <= 80, "the tables shown are right long before she has read all she must"
