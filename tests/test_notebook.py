"""The page on notebooks runs from its first block to its last, on the example study."""

import pandas as pd

from support.docs_read import ROOT, blocks_of


def test_every_block_of_the_page_runs_in_order(demo_study, tmp_path, monkeypatch):
    (tmp_path / "etude").symlink_to(demo_study.root)
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "notebook.md"
    names: dict[str, object] = {}
    blocks = [block for block in blocks_of(page) if block.kind == "python"]
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block.text, str(page), "exec"), names)
    probabilities, codes, model = names["probabilities"], names["codes"], names["model"]
    assert isinstance(probabilities, pd.DataFrame)
    assert probabilities.shape == (2, len(demo_study.grid.codes))
    assert "proposition" in codes[1]
    assert len(model.labels_) == 120
    assert len(model.topic_words()) == len(model.stability_)
    assert set(names["topics"].topics_) == set(model.labels_)
