"""Read each file format in a child process and return the file's parts."""
