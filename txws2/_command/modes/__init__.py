"""The modes of `twistd ws`: each has an option that may be repeated, for several paths."""
