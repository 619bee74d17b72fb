"""The search of the built docs finds what people look for."""

import json
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


def index():
    """Return the search index, and the function that cuts a word to its stem."""
    from sphinx.search.en import SearchEnglish

    text = Path(ROOT, "build", "docs", "searchindex.js").read_text()
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
