"""Compare territories of unequal size honestly, read them by their words, and tell whose voice was missing.

In:   units, tags, theme_members, priorities, workshops; attendance, structures, catchments, offers
Out:  the tables of the comparison, one function each
"""

from pipeline.compare.contrasts import compare_territories
from pipeline.compare.likeness import link_territories
from pipeline.compare.needs import list_map_problems, list_needs
from pipeline.compare.reach import follow_territories, reach_themes
from pipeline.compare.readings import read_territories
from pipeline.compare.voices import list_voices, voices_of_themes

__all__ = [
    "compare_territories",
    "follow_territories",
    "link_territories",
    "list_map_problems",
    "list_needs",
    "list_voices",
    "reach_themes",
    "read_territories",
    "voices_of_themes",
]
