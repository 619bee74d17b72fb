"""Checks of the arguments of an application, made by the call that has them."""
