"""Deferreds, waiters and tasks, by which an application's code is called and awaited."""
