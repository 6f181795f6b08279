"""Learnt and pretrained models; models/cards/ says what each was made from and how good it is."""

import pipeline  # noqa: F401 - closes what libraries tell, before they are imported
