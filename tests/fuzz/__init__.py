"""Readers fed with files that were changed at random; `make fuzz SECONDS=600`."""
