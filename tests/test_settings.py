from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import RankWeights, load_settings


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
        ('[embed]\nbackend = "magie"', "« embed.backend » vaut 'magie'", "un de"),
        ("[rank.weights]\nhumeur = 1", "réglage inconnu « rank.weights.humeur »", "tables"),
        ("[rank.weights]\ntables = -1", "« rank.weights.tables » vaut -1", "≥ 0"),
        ("[rank.weights]\n" + "\n".join(f"{name} = 0" for name in RankWeights.model_fields), "« rank.weights »", "au moins un poids"),
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


def test_a_file_in_another_encoding_is_one_clear_line(tmp_path):
    path = tmp_path / "etude.toml"
    path.write_bytes('[etude]\ntitle = "Économie"\n'.encode("cp1252"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(path)
