"""Compare territories of unequal size, by themes and by words; list missing voices and answers.

In:   units, tags, theme_members, priorities, workshops; attendance, structures, catchments, offers
Out:  the tables of the comparison, one function each
"""

from pipeline.compare.contrasts import compare_territories, follow_territories
from pipeline.compare.gaps import list_gaps
from pipeline.compare.reach import reach_themes
from pipeline.compare.readings import link_territories, read_territories
from pipeline.compare.voices import list_map_problems, list_voices, voices_of_themes

__all__ = [
    "compare_territories",
    "follow_territories",
    "link_territories",
    "list_gaps",
    "list_map_problems",
    "list_voices",
    "reach_themes",
    "read_territories",
    "voices_of_themes",
]
