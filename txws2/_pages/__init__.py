"""The pages of `twistd ws`: the console, the hint at the path of a WebSocket, and the status."""
