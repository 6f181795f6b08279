"""The review application: analysts check, correct and decide in a browser."""
