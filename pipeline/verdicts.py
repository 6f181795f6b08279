"""Say what screens and files show of each contrast; light, so that pages start without SciPy.

In:   contrasts, theme_reach
Out:  a text by contrast, one of `pipeline.tables.schema`
"""

import pandas as pd

from pipeline.tables.schema import LEAD, OWN_ELSEWHERE, OWN_HERE, REACHES, VERDICTS

_TOO_LITTLE, _OWN = VERDICTS[3], REACHES[1]


def shown_verdicts(contrasts: pd.DataFrame, theme_reach: pd.DataFrame) -> pd.Series:
    """Return what screens show of each contrast: a lead, whose own the theme is, or the verdict."""
    own = theme_reach[theme_reach["reach"] == _OWN].set_index("theme_id")["only_in"]
    only_in = contrasts["subject_id"].map(own).where(contrasts["subject"] == "theme")
    is_here = only_in == contrasts["territory"]
    shown = contrasts["verdict"].mask(contrasts["is_lead"], LEAD).mask(is_here, OWN_HERE)
    return shown.mask(only_in.notna() & ~is_here & (shown == _TOO_LITTLE), OWN_ELSEWHERE)
