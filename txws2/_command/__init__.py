"""`python -m txws2`, and the options of `twistd ws`."""
