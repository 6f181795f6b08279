"""What the command line shows: text or JSON on standard output, failures on standard error."""
