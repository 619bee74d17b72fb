"""Mistakes in the arguments an application gives, told by the call that has them."""
