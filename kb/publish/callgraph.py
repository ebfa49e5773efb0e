"""Which functions of a model file a method reaches, read from the source; nothing is imported.

Names are resolved as far as a schematic needs: methods of a class and of its bases, attributes by
the classes that are made where they are assigned, functions by their name.
"""

import ast
from collections import defaultdict
from dataclasses import dataclass, field

from kb.records.errors import KBError


@dataclass
class Graph:
    """The classes and functions of a model file and of the parts that it imports."""

    bases: dict[str, list[str]] = field(default_factory=dict)  # class -> its bases
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)  # Class.method, function
    # class -> attribute of self -> names that occur where it is assigned
    made: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def add(self, source: str, where: str) -> None:
        """Read one file. Raises KBError where it is not Python."""
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as error:
            raise KBError(f"not Python: {error}", where=where) from error
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._class(node)
            elif isinstance(node, ast.FunctionDef):
                self.functions.setdefault(node.name, node)

    def _class(self, node: ast.ClassDef) -> None:
        if node.name in self.bases:
            return
        self.bases[node.name] = [name for base in node.bases for name in _names(base)]
        attributes: dict[str, set[str]] = defaultdict(set)
        for item in node.body:
            if isinstance(item, ast.FunctionDef):
                self.functions[f"{node.name}.{item.name}"] = item
        for part in ast.walk(node):
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Attribute):
                        used = _used(part.value)
                        attributes[target.attr] |= used.names | used.own
        self.made[node.name] = attributes

    def line(self, name: str) -> list[str]:
        """A class and its bases, the nearest first."""
        classes, waiting = [], [name]
        while waiting:
            one = waiting.pop(0)
            if one in self.bases and one not in classes:
                classes.append(one)
                waiting += self.bases[one]
        return classes

    def method(self, name: str, method: str) -> str | None:
        """`Class.method` of the class or of the nearest base that has it."""
        owners = (f"{one}.{method}" for one in self.line(name))
        return next((owner for owner in owners if owner in self.functions), None)

    def reached(self, name: str, method: str) -> set[str]:
        """The functions that a method of a class reaches, itself included."""
        start = self.method(name, method)
        seen: set[tuple[str, str]] = set()
        waiting = [(start, name)] if start else []
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += self._called(*one)
        return {function for function, _ in seen}

    def _called(self, function: str, owner: str) -> list[tuple[str, str]]:
        """What one function uses, as (function, class of its `self`)."""
        used = _used(self.functions[function])
        calls = [(one, "") for one in used.names if one in self.functions]
        for name in used.own:
            calls += [(one, owner) for one in self._owned(owner, name)]
        made = used.names | {made for name in used.own for made in self._made(owner, name)}
        for one in made:
            calls += self._methods(one, used.others)
        return calls

    def _owned(self, owner: str, name: str) -> list[str]:
        """A method of this name, or those that made the attribute of this name."""
        names = {name} | {made for one in self.line(owner) for made in self.made[one].get(name, ())}
        owners = (self.method(owner, one) for one in names)
        return [one for one in owners if one]

    def _made(self, owner: str, attribute: str) -> set[str]:
        """The classes of an attribute of `self`."""
        return {
            name
            for one in self.line(owner)
            for name in self.made[one].get(attribute, ())
            if name in self.bases
        }

    def _methods(self, made: str, names: set[str]) -> list[tuple[str, str]]:
        """`forward` of a class that is used, and its methods that the caller names."""
        owners = (self.method(made, name) for name in {"forward", *names})
        return [(one, made) for one in owners if one]


@dataclass
class Used:
    """The names in a function: plain ones, attributes of `self`, attributes of anything else."""

    names: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def _used(node: ast.AST) -> Used:
    used = Used()
    for item in ast.walk(node):
        if isinstance(item, ast.Name):
            used.names.add(item.id)
        elif isinstance(item, ast.Attribute):
            of_self = isinstance(item.value, ast.Name) and item.value.id in {"self", "cls"}
            (used.own if of_self or _super(item.value) else used.others).add(item.attr)
    return used


def _super(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "super"


def _names(node: ast.AST) -> list[str]:
    """Every name and attribute below a node."""
    names = []
    for item in ast.walk(node):
        if isinstance(item, ast.Name):
            names.append(item.id)
        elif isinstance(item, ast.Attribute):
            names.append(item.attr)
    return names
