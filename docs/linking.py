"""Links from the types in signatures: to Python's and Twisted's pages, and to our page of types."""

import re

import sphinx.application
from docutils import nodes
from sphinx.util.inspect import TypeAliasForwardRef
from twisted.internet import interfaces
from zope.interface.interface import InterfaceClass

PYTHON = "https://docs.python.org/3/library/{module}.html#{name}"
TWISTED = "https://docs.twisted.org/en/stable/api/{name}.html"
MODULES = {"asyncio", "collections.abc", "hmac", "os", "pathlib", "re", "socket", "sys"}
# Signatures of classes have these without their modules.
BARE = {"Path": "pathlib.Path", "Clock": "twisted.internet.task.Clock"}
BARE |= {name: f"twisted.internet.interfaces.{name}" for name in vars(interfaces)}
TYPE_VARIABLE = re.compile(r"~?(?:[A-Z]|W[CS])\Z")


def setup(app: sphinx.application.Sphinx) -> dict[str, object]:
    """Connect the resolver with Sphinx."""
    name_interfaces()
    # A type that is part of another is written by its repr.
    TypeAliasForwardRef.__repr__ = lambda self: self.name
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}


def name_interfaces() -> None:
    """Give Twisted's interfaces the name by which Sphinx writes a type."""
    for value in vars(interfaces).values():
        if isinstance(value, InterfaceClass):
            value.__qualname__ = value.__name__


def resolve(app, env, node, content):
    """Return the link for a type, its bare name if it is a type variable, or None."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].strip("'")
    name = target.rpartition(".")[2]
    if TYPE_VARIABLE.match(name):
        return nodes.literal(text=name)
    # `name` in the text may be any name, and stays as it is.
    in_text = node["reftype"] == "obj"
    content = content if in_text else nodes.inline(text=name)
    if url := address_of(BARE.get(target, target)):
        return nodes.reference("", "", content, refuri=url, internal=False)
    if in_text:
        return content
    return env.domains.standard_domain.resolve_xref(
        env, node["refdoc"], app.builder, "term", name, node, content
    )


def address_of(target):
    """Return the address of a name of the standard library or of Twisted, or None."""
    if target.startswith(("twisted.", "zope.interface.")):
        return TWISTED.format(name=target)
    module = target.rpartition(".")[0]
    if module in MODULES:
        return PYTHON.format(module=module, name=target)
    return None
