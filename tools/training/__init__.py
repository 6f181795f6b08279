"""How the shipped weights were made; nothing here runs in a study."""

import pipeline  # noqa: F401 - closes what libraries tell, before they are imported
