"""A module for each target, each with a function `target` of one input.

None of them needs atheris. An input begins with the choices that the target takes from it, a byte
for each; `tests.fuzz.seeds` makes such inputs.
"""
