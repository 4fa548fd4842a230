"""The cases, a file for each subject. Each file ends in the table of what it has."""
