"""What the source of a cell says: the names it defines, its stubs, its magics. Runs none of it.

Reads hostile text with Python's own parser, so it belongs inside the box.
"""

from __future__ import annotations

import ast
import re
import textwrap
from types import CodeType

_DEFINITION = re.compile(
    r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE
)
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|.*\?[ \t]*)$", re.MULTILINE)
_MAGIC_VALUE = re.compile(r"^([ \t]*[\w, \t]+=[ \t]*)[%!].*$", re.MULTILINE)


def compiled(source: str, name: str) -> CodeType:
    """Return the code of a cell; a top-level ``await`` is allowed, as in a notebook.

    Where the source is no Python, lines of IPython's own (``%time``, ``!ls``, ``name?``) do
    nothing, and a cell that is indented as a whole is not. Raises ``SyntaxError`` and what else
    ``compile`` raises.
    """
    try:
        return _compile(source, name)
    except SyntaxError:
        plain = textwrap.dedent(_MAGIC.sub(r"\1pass", _MAGIC_VALUE.sub(r"\1None", source)))
        if plain == source:
            raise
        try:
            return _compile(plain, name)
        except SyntaxError:
            pass
        raise


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of ``source``, or None if it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_indented(source: str) -> bool:
    """Whether the first line that says anything is indented, as a function's second half is."""
    lines = (line for line in source.splitlines() if line.strip() and line.lstrip()[0] != "#")
    return next(lines, "x")[0] in " \t"


def names_in(source: str) -> set[str]:
    """Return the names that ``source`` defines at its top level, be it Python or nearly.

    >>> sorted(names_in("async def serve_echo(r, w):\\n    x = 1\\nKEY: bytes = b''\\n"))
    ['KEY', 'serve_echo']
    """
    return {name for match in _DEFINITION.finditer(source) for name in match.groups() if name}


def stubs_in(source: str) -> set[str]:
    """Return the names whose definition in ``source`` is, or holds, the stub of an exercise."""
    tree = parsed(source)
    definitions = tree.body if tree else []
    return {
        node.name
        for node in definitions
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and any(map(_is_stub, ast.walk(node)))
    }


def _compile(source: str, name: str) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(source, name, "exec", flags, dont_inherit=True)
    return code


def _is_stub(node: ast.AST) -> bool:
    """Whether ``node`` is ``raise NotImplementedError("exercise 01.3")``."""
    match node:
        case ast.Raise(
            exc=ast.Call(
                func=ast.Name(id="NotImplementedError"), args=[ast.Constant(value=str(text))]
            )
        ):
            return text.startswith("exercise ")
    return False
