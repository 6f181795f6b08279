"""Readers, a module a format: the content of a file in, its parts out, in a child process."""
