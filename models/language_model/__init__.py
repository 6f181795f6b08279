"""The second coder: a large language model behind an address, with the interface of `GridTagger`; and what it would call the themes.

To read in this order: tagger, prompt (what is said to it), client (how), checks (what is kept of its answers), answers (what is kept on
disk), asking (batches, retries), cost; for themes: themes, theme_answers.
"""

from models.language_model.asking import Report
from models.language_model.prompt import Estimate, price_of, sample_units
from models.language_model.tagger import LanguageModelTagger
from models.language_model.themes import ThemeCard, ThemeReader

__all__ = [
    "Estimate",
    "LanguageModelTagger",
    "Report",
    "ThemeCard",
    "ThemeReader",
    "price_of",
    "sample_units",
]
