"""Griffe extension: docstrings as Sphinx reads them become docstrings as Griffe reads them.

The roles of Sphinx, such as ``:class:`Box```, become links: a name is looked up from the place of
its docstring, what has an entry in the API reference is linked, anything else is shown as code.
Griffe knows a section "Examples", Google's style guide allows "Example", too.
"""

import re
from typing import Any

from griffe import Extension, NameResolutionError, Object

_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?(?P<name>[\w.]+)`")
_LITERAL = re.compile(r"::$", re.MULTILINE)
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class SphinxRoles(Extension):
    """Rewrites docstrings while the sources are read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            text = _EXAMPLE.sub(r"\1Examples:", _LITERAL.sub(":", obj.docstring.value))
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, role["name"]), text)


def _link(obj: Object, name: str) -> str:
    try:
        identifier = obj.resolve(name)
    except NameResolutionError:  # already whole, or from another package
        identifier = name
    return f'<autoref identifier="{identifier}" optional><code>{name}</code></autoref>'
