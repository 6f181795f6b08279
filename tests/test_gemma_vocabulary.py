"""The strong encoder's vocabulary: cut, it makes the same pieces of what it was cut for, and knows every character."""

import io

import pytest
import sentencepiece

pytest.importorskip("google.protobuf", reason="the extra `train` is not installed")

from sentencepiece import sentencepiece_model_pb2 as protobuf

from tools.training.gemma.vocabulary import Vocabulary

TEXTS = [
    "la ressourcerie cherche un local",
    "plus de car le soir",
    "le car ne passe plus",
    "un local pour la ressourcerie",
    "les bénévoles passent le soir",
]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=written,
        model_type="bpe",
        vocab_size=330,
        byte_fallback=True,
        add_dummy_prefix=False,
        bos_piece="<bos>",
        eos_piece="<eos>",
        pad_piece="<pad>",
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
    )
    model = protobuf.ModelProto()
    model.ParseFromString(written.getvalue())
    return Vocabulary(model)


def test_what_it_was_cut_for_is_cut_into_the_same_pieces(vocabulary):
    kept = TEXTS[:2]
    whole = vocabulary.tokenizer()
    used = {i for text in kept for i in whole.encode(text)}
    some = vocabulary.with_makers([*vocabulary.specials, *used])
    cut = vocabulary.cut(some).tokenizer()
    assert len(some) < len(vocabulary.pieces)
    assert [cut.encode(text, out_type=str) for text in kept] == [
        whole.encode(text, out_type=str) for text in kept
    ]
    marks = (cut.pad_id(), cut.eos_id(), cut.bos_id(), cut.unk_id())
    assert [cut.id_to_piece(mark) for mark in marks] == ["<pad>", "<eos>", "<bos>", "<unk>"]


def test_no_character_is_unknown(vocabulary):
    cut = vocabulary.cut(vocabulary.with_makers(vocabulary.specials)).tokenizer()
    ids = cut.encode("☕ été 漢")
    assert ids and cut.unk_id() not in ids
    assert cut.decode(ids).replace("▁", " ") == "☕ été 漢"
