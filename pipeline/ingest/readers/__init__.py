"""One small module a format; all take a Source and return parts. They run in a child process, started by pipeline.ingest.sandbox.

In:   the bytes and name of a file
Out:  its parts, in reading order
"""
