"""Analysts check, correct and decide in a browser."""
