"""Components without a defence, which measurements and tests of that defence are compared with; a
node never uses them by default. It may import every room before it in the order of
`tests/test_layers.py`. Start with the module that has the name of the room whose components it
replaces; `naive_view.py` replaces the view of `peers`.
"""
