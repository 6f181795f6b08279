"""The shipped encoders: two halves a row, the same bits in any company, and one line where its file is no good."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from flows.stages import TAG, for_size
from models import encoders, word_encoder
from models.embedder import (
    Encoders,
    _key,
    chosen_settings,
    encoder_used,
    load_embedder,
    load_engine,
    shipped_names,
)
from models.encoders import (
    NAME,
    STRONG_NAME,
    STRONG_WEIGHTS,
    STRONG_WORDS,
    WEIGHTS,
    ShippedEncoder,
)
from models.rows import LARGE
from models.views import subject_half
from models.word_encoder import LAST, WordEncoder, load_word_encoder
from pipeline.errors import ModelError
from pipeline.settings.sections import EmbedSettings, Settings

LONG = "le marché du bourg manque de bras, et la ressourcerie cherche un local plus grand ; " * 40
TEXTS = [
    "Le car ne passe plus le dimanche",
    "",
    "un\0deux",
    "\ud800 PAS DE MÉDECIN !!",
    "☕ 漢字",
    LONG,
]


LIGHT, STRONG = EmbedSettings(backend="leger"), EmbedSettings(backend="fort")
BOTH = pytest.mark.parametrize("settings", [LIGHT, STRONG], ids=["light", "strong"])


@pytest.fixture(scope="module")
def encoder() -> ShippedEncoder:
    return ShippedEncoder(EmbedSettings())


@BOTH
def test_both_halves_of_a_row_weigh_the_same(settings):
    rows = load_embedder(settings).encode(TEXTS)
    assert (rows.shape, rows.dtype) == ((len(TEXTS), 768), np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    for half in np.split(rows, 2, axis=1):
        np.testing.assert_allclose(np.linalg.norm(half, axis=1), 0.5**0.5, atol=1e-6)
    assert load_embedder(settings).encode([]).shape == (0, 768)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_row_depends_neither_on_its_batch_nor_on_the_order_nor_on_threads(
    monkeypatch, threads, settings
):
    engine = load_engine(settings)
    alone = np.vstack([engine.encode([text]) for text in TEXTS])
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert np.array_equal(engine.encode([*TEXTS[::-1], *TEXTS]), [*alone[::-1], *alone])


@BOTH
def test_null_characters_and_lone_surrogates_do_not_cut_a_text(settings):
    rows = load_embedder(settings).encode(["un\0deux", "un deux", "un\ud800deux", "un?deux", "un"])
    assert np.array_equal(rows[0], rows[1]) and np.array_equal(rows[2], rows[3])
    assert not np.array_equal(rows[0], rows[4])


@BOTH
def test_close_subjects_lie_closer_than_distant_ones(settings):
    bus, car, bread = subject_half(
        load_embedder(settings).encode(
            ["Il n'y a plus de bus le soir", "Aucun car après 19 h", "La boulangerie vend du pain"]
        )
    )
    assert bus @ car > bus @ bread


def test_a_text_too_long_is_cut_and_counted_without_being_quoted(encoder, caplog):
    with caplog.at_level(logging.WARNING):
        one, other, _ = encoder.encode_new([LONG + " gare", LONG + " halle", "gare"])
    assert np.array_equal(one, other)
    assert [record.getMessage() for record in caplog.records] == ["2 texts cut at 510 tokens"]


WHOLE = word_encoder.WEIGHTS.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        None,
        WHOLE[:0],
        WHOLE[:1000],
        WHOLE[:-1000],
        WHOLE[1000:],
        WHOLE[:40] + bytes(40) + WHOLE[80:],
        WHOLE.replace(b"tokenizer", b"tokenizes"),
    ],
    ids=["missing", "empty", "begun", "cut", "beheaded", "overwritten", "without its tokenizer"],
)
def test_a_missing_or_damaged_file_is_one_line(tmp_path: Path, content):
    path = tmp_path / "encoder.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"encoder\.onnx manquant ou abîmé.*réinstaller") as told:
        WordEncoder(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("fault", ["missing", "cut", "of another encoder"])
def test_damaged_last_layers_are_one_line(tmp_path: Path, monkeypatch, encoder, fault):
    path, whole = tmp_path / "encoder.onnx", WEIGHTS.read_bytes()
    other = whole.replace(encoder.version.encode(), b"0" * 12)
    assert other != whole
    if fault != "missing":
        path.write_bytes(whole[:-1000] if fault == "cut" else other)
    monkeypatch.setattr(encoders, "WEIGHTS", path)
    with pytest.raises(ModelError, match=r"encoder\.onnx manquant ou abîmé.*réinstaller"):
        ShippedEncoder(EmbedSettings())


@pytest.mark.parametrize("fault", ["missing", "cut", "of another encoder"])
def test_damaged_files_of_the_strong_encoder_are_one_line(tmp_path: Path, monkeypatch, fault):
    path = tmp_path / "strong.onnx"
    if fault != "missing":
        whole = STRONG_WEIGHTS.read_bytes()
        words = WordEncoder(STRONG_WORDS).version.encode()
        assert words in whole
        path.write_bytes(whole[:-1000] if fault == "cut" else whole.replace(words, b"0" * 12))
    monkeypatch.setattr(encoders, "STRONG_WEIGHTS", path)
    with pytest.raises(ModelError, match=r"strong\.onnx manquant ou abîmé.*réinstaller"):
        ShippedEncoder(STRONG)


@pytest.mark.parametrize(
    ("backend", "n_texts", "switch", "chosen"),
    [
        ("auto", 0, "", "fort"),
        ("auto", LARGE - 1, "", "fort"),
        ("auto", LARGE, "", "leger"),
        ("auto", 0, "0", "leger"),
        ("leger", 0, "", "leger"),
        ("fort", LARGE, "0", "fort"),
    ],
)
def test_a_large_study_and_a_small_machine_take_the_light_encoder(
    monkeypatch, backend, n_texts, switch, chosen
):
    monkeypatch.setenv("ATELIERS_STRONG_ENCODER", switch)
    settings = EmbedSettings(backend=backend, batch_size=3)
    assert chosen_settings(settings, n_texts) == EmbedSettings(backend=chosen)
    assert Encoders().for_subjects(settings, n_texts).settings.backend == chosen
    names = (NAME, STRONG_NAME) if chosen == "fort" else (NAME,)
    assert shipped_names(settings, n_texts) == names
    study = SimpleNamespace(
        settings=Settings(embed=settings), grid_hash=lambda: "", registered_tagger=None
    )
    key = for_size(TAG, n_texts).depends_on(SimpleNamespace(study=study))
    assert key[-len(names) :] == names and (STRONG_NAME in key) == (chosen == "fort")


def test_workers_are_lent_the_vectors_of_both_encoders():
    apart = SimpleNamespace(is_apart=True)
    source = Encoders(executor=apart)
    for settings in (LIGHT, STRONG):
        embedder = source.load(settings)
        row = np.eye(1, 768, dtype=np.float32)
        embedder.vectors.write([_key("la gare prêtée deux fois")], row)
    lent = source.for_worker(["la gare prêtée deux fois", "halle"])
    assert [each.settings for each in (lent, *lent.beside)] == [LIGHT, STRONG]
    for settings in (LIGHT, STRONG):
        encoder = lent.load(settings)
        assert encoder.settings == settings
        assert np.array_equal(encoder.encode(["la gare prêtée deux fois"]), row)


def test_the_catalogue_is_read_with_a_shipped_encoder_whatever_is_asked():
    away = EmbedSettings(backend="url", url="http://127.0.0.1:1")
    assert Encoders().for_subjects(away, 10).settings == LIGHT


def test_a_word_has_the_state_of_its_pieces_wherever_it_stands_in_bytes():
    words = load_word_encoder()
    text = "Élodie déjà vue à l'été"
    spans = [(0, 6), (7, 11), (20, 23)]
    assert [text[start:end] for start, end in spans] == ["Élodie", "déjà", "été"]
    whole = words.states(words.pieces([text])[0])[LAST]
    first, second, last = words.word_states(text, spans)
    assert np.array_equal(last, whole[0, -2]) and not np.array_equal(first, second)
    assert np.isfinite(words.word_states(text.replace("à", "\ud800"), spans)).all()


def test_a_word_beyond_what_is_read_has_the_state_of_the_end():
    words = load_word_encoder()
    end = words.states(words.pieces([LONG])[0])[LAST][0, -1]
    assert np.array_equal(words.word_states(LONG, [(len(LONG) - 7, len(LONG) - 3)])[0], end)


def test_its_version_is_that_of_its_files_whatever_else_is_asked(encoder):
    used = encoder_used(EmbedSettings(batch_size=3))
    assert used == {"asked": "auto", "name": "e5-sujets", "version": encoder.version}
    assert re.fullmatch("[0-9a-f]{12}", encoder.version)
    source = Encoders()
    assert source.load(EmbedSettings(batch_size=3, model="autre")) is source.load()


def test_encoders_that_may_be_away_are_named_without_being_loaded():
    away = EmbedSettings(backend="url", url="http://127.0.0.1:1")
    assert encoder_used(away) == {"asked": "url", "name": "http://127.0.0.1:1", "version": None}
