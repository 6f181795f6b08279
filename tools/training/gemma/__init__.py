"""Tune EmbeddingGemma-300M on subjects and on what sentences do, and export it.

It writes models/weights/strong-words.onnx and strong-subjects.onnx, and needs torch (`make
strong-encoder` fetches it).
"""
