"""A module for each target, with a function `target` that takes an input.

None of them needs atheris. An input begins with the target's choices, one byte for each;
`tests.fuzz.seeds` makes such inputs.
"""
