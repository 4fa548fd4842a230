"""Results of sweeps as one page: what was measured at each setting over its seeds (`points`),
charts of it (`charts`), and the page around them.
"""
