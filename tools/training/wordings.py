"""Write models/weights/wordings.npz: the vectors of data/lexicon/intitules.yaml, which titles are
compared with.

python -m tools.training.wordings, after the list or the encoder changed.
"""

from models.embedder import write_wordings
from pipeline.text import lexicon

if __name__ == "__main__":
    write_wordings([text for texts in lexicon("intitules").values() for text in texts])
