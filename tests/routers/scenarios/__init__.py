"""What happens in the lab. A scenario is a world and some parts; a part is a function that waits
for what must come true, and notes what the tests look at.
"""
