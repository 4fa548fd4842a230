"""The cases by subject, one a module. Each module ends with the table of its cases."""
