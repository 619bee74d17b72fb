"""Takes files, and shows the progress.

python upload.py, then http://localhost:8000/
"""

import json
import re
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.static import File

from txws2 import SAME_ORIGIN, CloseCode, WebSocketResource, run

PAGE = str(Path(__file__).with_suffix(".html"))
REFUSED = 4000  # tells the page not to try again


class Refused(Exception):
    """An upload that the server refuses, with a sentence for the page."""


class Uploads:
    """Writes files into a folder: a connection for each, and a message for each piece.

    Args:
        folder: the folder for the files.
        largest: bytes that a file may have.
    """

    def __init__(self, folder, largest=2**30):
        self.folder, self.largest = Path(folder), largest
        self.folder.mkdir(exist_ok=True)
        self.running = set()

    async def handler(self, ws):
        try:
            name, size, key = self.announced(await ws.recv(timeout=60))
            if key in self.running:
                # The page is back before its last connection was found dead.
                await ws.close(CloseCode.TRY_AGAIN_LATER)
                return
            self.running.add(key)
            try:
                await self.write(ws, self.folder / f"{key}.part", size)
            finally:
                self.running.discard(key)
            (self.folder / f"{key}.part").replace(self.folder / name)
            await ws.send(json.dumps({"saved": name}))
        except Refused as refusal:
            await ws.close(REFUSED, str(refusal))
        except TimeoutError:
            await ws.close(REFUSED, "nothing has come for a minute")

    def announced(self, message):
        """Return the name, the size and the key of the file that a message announces."""
        try:
            match json.loads(message):
                case {"name": str(name), "size": int(size), "key": str(key)}:
                    if re.fullmatch("[0-9a-f]{32}", key) and 0 <= size <= self.largest:
                        # The key makes the name unique, so no file takes another's place.
                        return f"{key[:8]} {safe(name)}", size, key
        except (ValueError, RecursionError):
            pass
        raise Refused(f"expected a file of {self.largest / 1e6:,.1f} MB at most")

    async def write(self, ws, path, size):
        """Write what is missing of a file; the page sends no more than a few pieces ahead."""
        file = await deferToThread(path.open, "ab")
        with file:
            written = file.tell()
            while written < size:
                await ws.send(json.dumps({"written": written}))
                piece = await ws.recv(timeout=60)
                if isinstance(piece, str) or written + len(piece) > size:
                    raise Refused("this is no piece of the file")
                # A disk may be slow, and the other connections needn't wait for it.
                await deferToThread(append, file, piece)
                written += len(piece)


def safe(name):
    """Return a safe name for a file in one folder; a peer may send any name."""
    name = re.sub(r"[^\w .()-]", "_", re.split(r"[/\\]", name)[-1])
    return name[-60:].strip(". ") or "file"


def append(file, piece):
    file.write(piece)
    file.flush()


def site(uploads):
    root = Resource()
    root.putChild(b"", File(PAGE))
    receiving = WebSocketResource(uploads.handler, origins=[SAME_ORIGIN], compression=None)
    root.putChild(b"upload", receiving)
    return root


if __name__ == "__main__":
    run(site(Uploads("uploads")), "localhost", 8000)
