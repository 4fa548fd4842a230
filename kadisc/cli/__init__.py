"""The command line: one command a file. Nothing here is imported by the library."""
