"""Small changes to a source file, each at one place: what a slip of the hand would do.

A comparison, an operator, a number, a flag, ``and``/``or``, a condition turned round, a statement
left out. Texts, annotations and the arguments of a raised error are left alone: what an error
says is for tests of their own, and no test should spell every word.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.MatMult: ast.Mult,
}
_LOGGERS = {"logging", "logger", "log", "_log", "_logger", "LOGGER"}


class Change(NamedTuple):
    """One change.

    Attributes:
        path: File, from the root of the project.
        line: First line of what is replaced, from 1.
        place: Class and function around it, e.g. ``Store.read``; empty at the top of a file.
        text: The line of the source on which it starts.
        old: What is replaced, as one line.
        new: What stands there instead.
        nth: Counts equal changes of equal lines of one place, from 1.
        start: First byte that is replaced.
        stop: Byte after the last one.
    """

    path: str
    line: int
    place: str
    text: str
    old: str
    new: str
    nth: int
    start: int
    stop: int

    @property
    def key(self) -> str:
        """A description that survives edits elsewhere in the file, and no edit of its line."""
        nth = f" #{self.nth}" if self.nth > 1 else ""
        return f"{self.path} {self.place} | {self.text} | {self.old} -> {self.new}{nth}"

    def apply(self, source: bytes) -> bytes:
        """Return the file with the change in it."""
        return source[: self.start] + self.new.encode() + source[self.stop :]


def changes_of(path: str, source: bytes) -> list[Change]:
    """Return every change of a file in the order of its lines."""
    starts, lines = [0], source.splitlines(keepends=True)
    for line in lines:
        starts.append(starts[-1] + len(line))
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for node, new, place in _walk(ast.parse(source), ""):
        start = starts[node.lineno - 1] + node.col_offset
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        stop = starts[node.end_lineno - 1] + node.end_col_offset
        # Source text rather than a rendering of the tree: people look for it in the file.
        old = " ".join(source[start:stop].decode().split())
        text = lines[node.lineno - 1].decode().strip()
        seen[place, text, old, new] += 1
        nth = seen[place, text, old, new]
        change = Change(path, node.lineno, place, text, old, new, nth, start, stop)
        ast.parse(change.apply(source))
        found.append(change)
    return sorted(found, key=lambda change: (change.start, change.stop))


def _walk(node: ast.AST, place: str) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """Yield what can be replaced, by what, and where it is."""
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for child in children:
            if not isinstance(child, ast.AST) or _left_alone(node, field, child):
                continue
            if isinstance(child, ast.expr):
                condition = field == "test" or isinstance(node, ast.BoolOp)
                for new in _expressions(child, condition=condition):
                    yield child, f"({ast.unparse(new)})", place
            if isinstance(child, ast.stmt) and _can_be_left_out(node, child):
                yield child, "pass", place
            inner = place
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{place}.{child.name}".lstrip(".")
            yield from _walk(child, inner)


def _left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """Whether nothing below is changed: it is a text, a type or an assertion for the reader."""
    if field in ("annotation", "returns") or isinstance(child, ast.JoinedStr | ast.Assert):
        return True
    if isinstance(parent, ast.Raise):
        return True
    if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
        return True
    if isinstance(child, ast.Assign) and "__all__" in map(ast.unparse, child.targets):
        return True
    if isinstance(child, ast.Call) and _root(child.func) in _LOGGERS:
        return True
    # zip(strict=True) is an assertion too.
    return isinstance(parent, ast.Call) and isinstance(child, ast.keyword) and child.arg == "strict"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _expressions(node: ast.expr, *, condition: bool) -> Iterator[ast.expr]:
    """Yield what may stand in the place of an expression."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                changed = copy.deepcopy(node)
                changed.ops[index] = other()
                yield changed
    elif isinstance(node, ast.BinOp) and not _is_text(node):
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif condition:
        yield ast.UnaryOp(ast.Not(), node)


def _constants(node: ast.Constant) -> Iterator[ast.Constant]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)


def _is_text(node: ast.BinOp) -> bool:
    """Whether texts are joined or filled, or types are."""
    sides = (node.left, node.right)
    if isinstance(node.op, ast.Add | ast.Mod | ast.Mult):
        return any(isinstance(s, ast.JoinedStr) or _is_string(s) for s in sides)
    return isinstance(node.op, ast.BitOr) and any(_is_none(s) for s in sides)


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _can_be_left_out(parent: ast.AST, node: ast.stmt) -> bool:
    """Whether the program can still be read without a statement.

    A name that is given a value for the first time cannot be left out unnoticed by any test that
    comes by, and the last return of a function is its result: both would only swell the count.
    """
    if isinstance(node, ast.Expr):
        logged = isinstance(node.value, ast.Call) and _root(node.value.func) in _LOGGERS
        return isinstance(node.value, ast.Call | ast.Await) and not logged
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
    if isinstance(node, ast.Return):
        return not isinstance(parent, ast.FunctionDef)
    return isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete)
