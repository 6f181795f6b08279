"""Show text or JSON on standard output, failures on standard error."""
