"""Components without a defence, which measurements and tests of that defence are compared with; a
node never uses them by default. It may import every room of the core but the assembly. Start with
the module that has the name of the room whose components it replaces.
"""
