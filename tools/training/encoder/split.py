"""Cut the smoothed encoder in two files, so that its first layers can read words alone.

    python -m tools.training.encoder.split

In:   encoder.onnx as smoothing.py writes it, which is then removed
Out:  models/weights/encoder-words.onnx, from `ids` to the states that leave two layers, and
      encoder-subjects.onnx, from these states to `subject` and `function`; together, the same bits.
      Both bear the version of the whole: 12 hex digits of its hash
"""

from pathlib import Path

import onnx
from onnx import helper
from onnx.utils import Extractor

from models import encoders, word_encoder
from pipeline.files import file_hash
from tools.training.encoder.export import WHOLE

# what the layers of functions start from, and two layers on towards subjects, where persons' names
# are told apart best (0.86 of them at 2 % of other words; 0.84 from the former, 0.80 from neither)
BETWEEN = ["l5.oln", word_encoder.LAST]


def split(path: Path, words: Path, subjects: Path, between: list[str]) -> None:
    """Write the layers of `path` up to the states `between`, and those after, as two files."""
    model = onnx.load(path)
    # without shapes: onnxruntime would join additions and norms that have them, to other bits
    model.graph.value_info.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in between
    )
    parts = Extractor(model)
    outputs = [output.name for output in model.graph.output]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    version = {"version": file_hash(path)[:12]}
    for target, begin, end in ((words, ["ids"], between), (subjects, between, outputs)):
        part = parts.extract_model(begin, end)
        helper.set_model_props(part, metadata | version if target == words else version)
        target.write_bytes(part.SerializeToString(deterministic=True))


if __name__ == "__main__":
    split(WHOLE, word_encoder.WEIGHTS, encoders.WEIGHTS, BETWEEN)
    WHOLE.unlink()
