"""Say which family of subjects each offer is of.

In:   offers, units; the shipped encoder
Out:  offers with `sector`, the family's name; None where neither name nor passage makes it likely
"""

import pandas as pd

from models.embedder import Embedder
from models.subject_classifier import SubjectClassifier
from pipeline.structure_names import families_of_name
from pipeline.text import plain_texts

_SURE = 0.7  # a passage's family that is likelier than what a name says


def with_families(offers: pd.DataFrame, units: pd.DataFrame, encoder: Embedder) -> pd.DataFrame:
    """Return `offers` with the family of the activity and its passage, else of the structure.

    « Domicile Aa Services » also runs « covoiturage solidaire »: what a passage surely says comes
    first.
    """
    if offers.empty:
        return offers
    texts = plain_texts(units[["unit_id", "text"]]).set_index("unit_id")["text"]
    classifier = SubjectClassifier(list(texts), encoder)
    said = [
        [str(activity), str(text)] if isinstance(activity, str) else [str(text)]
        for activity, text in zip(offers["activity"], offers["unit_id"].map(texts), strict=True)
    ]
    readings = classifier.read(said)
    families = []
    for i, name in enumerate(offers["structure_name"].fillna("")):
        named = families_of_name(str(name))
        by_name = named[0] if len(named) == 1 else None
        families.append(readings.family(i, least=_SURE) or by_name or readings.family(i))
    return offers.assign(sector=pd.Series(families, index=offers.index, dtype=object))
