"""Deferreds, waiters and tasks: how an application's code is called and awaited."""
