"""Learnt and pretrained models; models/cards/ says what each was made from and how good it is."""
