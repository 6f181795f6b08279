"""Tune multilingual-e5-small on subjects and on what sentences do, and export it.

It writes models/weights/encoder-words.onnx and encoder-subjects.onnx, and needs torch (`make
encoder` fetches it).
"""
