"""The search of the built docs finds what people look for."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command.test_commands import ROOT

pytestmark = pytest.mark.docs

FOUND = {
    "authentication": "howto/authentication",
    "reconnect": "howto/reconnecting",
    "docker": "deploy/containers",
    "asyncio": "howto/asyncio",
    "thread": "howto/threads",
    "nginx": "deploy/nginx",
    "haproxy": "deploy/haproxy",
    "caddy": "deploy/caddy",
    "heroku": "deploy/paas",
    "certbot": "deploy/https",
    "certificates": "howto/tls",
    "testing": "howto/testing",
    "prometheus": "howto/metrics",
    "serve": "reference/server",
}

# The first or the second result is one of these pages.
FIRST = {
    "authentication": {"howto/authentication"},
    "reconnect": {"howto/reconnecting"},
    "docker": {"deploy/containers"},
    "asyncio": {"howto/asyncio"},
    "thread": {"howto/threads"},
    "threads": {"howto/threads"},
    "broadcast": {"howto/broadcast"},
    "self-signed": {"howto/tls"},
    "1006": {"faq/both", "topics/troubleshooting", "topics/close-codes"},
    "nginx": {"deploy/nginx"},
    "tls": {"howto/tls"},
    "rooms": {"howto/rooms"},
    "timeout": {"topics/timeouts"},
}
BUILT = Path(ROOT, "build", "docs")


def index():
    """Return the search index, and the function that cuts a word to its stem."""
    from sphinx.search.en import SearchEnglish

    text = Path(BUILT, "searchindex.js").read_text()
    return json.loads(text[text.index("{") : text.rindex("}") + 1]), SearchEnglish({}).stem


def test_a_word_finds_its_page():
    found, stem = index()
    for word, page in FOUND.items():
        numbers = []
        for terms in found["titleterms"], found["terms"]:
            hits = terms.get(stem(word), [])
            numbers += hits if isinstance(hits, list) else [hits]
        assert page in [found["docnames"][number] for number in numbers], word


def test_a_topic_finds_its_page_by_the_title():
    found, stem = index()
    for word in "authentication", "reconnect", "docker", "asyncio", "thread":
        hits = found["titleterms"].get(stem(word), [])
        names = [found["docnames"][n] for n in (hits if isinstance(hits, list) else [hits])]
        assert FOUND[word] in names, word


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_guide_for_a_word_is_among_the_first_two_results():
    script = Path(__file__).with_name("search.js")
    done = subprocess.run(
        ["node", script, BUILT, *FIRST], capture_output=True, text=True, check=True, timeout=60
    )
    for word, pages in json.loads(done.stdout).items():
        assert FIRST[word] & set(pages[:2]), (word, pages[:9])
        assert "house" not in pages[:5], word
