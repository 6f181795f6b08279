"""The second coder: a large language model behind an address, with the interface of `GridTagger`.

To read in this order: tagger, prompt (what is said to it), client (how), checks (what is kept of its answers), answers (what is kept on
disk), asking (batches, retries), cost.
"""

from models.language_model.asking import Report
from models.language_model.cost import Estimate, price_of, sample_units
from models.language_model.tagger import LanguageModelTagger

__all__ = ["Estimate", "LanguageModelTagger", "Report", "price_of", "sample_units"]
