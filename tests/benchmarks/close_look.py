"""Measure what seeing most passages less closely costs: half make groups, the others join the nearest, seen one way or the other.

    PYTHONPATH=.:tests/benchmarks python tests/benchmarks/close_look.py [--draws 30]

Passages are those of the example study and of the one in other habits, as they are. models/cards/themes.md keeps the figures.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from models.embedder import load_embedder
from models.reading import read_texts
from models.rows import Labels, Rows, sums_by_group, unit_rows
from models.theme_model.communities import CommunityClusters
from models.views import join_views, text_views
from pipeline.cluster import SURELY_OFF_TOPIC
from pipeline.settings.sections import ClusterSettings

STUDIES = ("data/demo", "tests/habits")


def main() -> None:
    """Print, a line a study, how well the joining half finds its themes, and the difference with its standard error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=30)
    options = parser.parse_args()
    for study in STUDIES:
        print(json.dumps({"study": study} | compare(study, options.draws)), flush=True)


def compare(study: str, n_draws: int) -> dict[str, Any]:
    """Return mean AMI and ARI of those that join, seen one way and the other, and what the plainer one costs."""
    lines = (Path(study) / "gold" / "units.jsonl").read_text(encoding="utf-8").splitlines()
    passages = [json.loads(line) for line in lines]
    texts, truth = (
        [passage["text"] for passage in passages],
        np.array([passage["theme"] or "" for passage in passages]),
    )
    embedder = load_embedder()
    closely, plainly = join_views(texts, read_texts(texts), embedder), text_views(texts, embedder)
    about = np.flatnonzero(closely.off_topic < SURELY_OFF_TOPIC)
    found = {"closely": [], "plainly": []}
    for seed in range(n_draws):
        makers = np.sort(np.random.default_rng(seed).choice(about, len(about) // 2, replace=False))
        labels = (
            CommunityClusters(ClusterSettings(seed=seed)).fit_rows(closely.vectors, makers).labels_
        )
        others = np.setdiff1d(about[truth[about] != ""], makers)
        for how, views in (("closely", closely), ("plainly", plainly)):
            joined = nearest(views.vectors, makers[labels >= 0], labels[labels >= 0], others)
            found[how].append(
                (
                    adjusted_mutual_info_score(truth[others], joined),
                    adjusted_rand_score(truth[others], joined),
                )
            )
    means = {
        how: dict(zip(("ami", "ari"), np.mean(figures, axis=0).round(4).tolist(), strict=True))
        for how, figures in found.items()
    }
    less = np.array(found["plainly"]) - np.array(found["closely"])
    return means | {
        "less": less.mean(axis=0).round(4).tolist(),
        "error": (less.std(axis=0) / len(less) ** 0.5).round(4).tolist(),
    }


def nearest(vectors: Rows, makers: Labels, labels: Labels, others: Labels) -> NDArray[np.int64]:
    """The group of each of the `others`: that of the makers whose centre is nearest."""
    centres = unit_rows(sums_by_group(vectors[makers], labels, int(labels.max()) + 1))
    found: Labels = (vectors[others] @ centres.T).argmax(axis=1)
    return found


if __name__ == "__main__":
    main()
