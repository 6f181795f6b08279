"""The tagger: which codes of a grid a passage carries, how surely, and which words say so.

`GridTagger(grid)` is a scikit-learn estimator: learnt from labelled passages where there are any, else from the grid's own definitions.
To read in this order: estimator, views (what it sees), linear (weights), postures, decision (from outputs to codes), learning, definitions,
notions, evidence, storage.
"""

from models.tagger.estimator import GridTagger, Tagging

__all__ = ["GridTagger", "Tagging"]
