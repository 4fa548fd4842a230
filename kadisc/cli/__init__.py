"""The command line, one command a file. The library does not import this package."""
