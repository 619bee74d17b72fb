"""`python -m txws2` and the options of `twistd ws`: what a person types and sees."""
