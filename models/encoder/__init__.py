"""The tuned encoder: its file, layers and head."""
