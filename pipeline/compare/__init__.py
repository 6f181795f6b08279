"""Compare territories of unequal size honestly, and tell whose voice was missing in the room.

In:   units, tags, theme_members, workshops; attendance, structures
Out:  contrasts   one row a theme or code and territory
      voices      one row a workshop and type of structure or commune
"""

from pipeline.compare.contrasts import compare_territories
from pipeline.compare.voices import list_voices

__all__ = ["compare_territories", "list_voices"]
