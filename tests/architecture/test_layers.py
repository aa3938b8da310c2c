"""What may import what. Reads the sources; an import inside a function counts like any other."""

from __future__ import annotations

import ast
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A package imports only from rows above its own. The last row is the way in: ``import labkit`` and
#: ``python -m labkit``, which nothing inside imports.
LAYERS = (
    ("errors",),
    ("protocol", "chat"),
    ("wire", "auth", "storage", "broker", "monitoring"),
    ("transport", "simnet"),
    ("servers", "client"),
    ("cluster", "panels", "kernel"),
    ("checks",),
    ("grading", "course", "classroom", "doctor"),
    ("cli",),
    ("", "__main__"),
)
ROW = {package: row for row, packages in enumerate(LAYERS) for package in packages}

EFFECTS = {"asyncio", "random", "select", "selectors", "socket", "ssl", "threading", "time"}
WIDGETS = {"IPython", "anywidget", "ipywidgets"}

Sources = Mapping[str, str]


def read_sources() -> dict[str, str]:
    """Return every module's source by its name; a package's own ends in ``.__init__``."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text("utf-8")
        for path in sorted((ROOT / "labkit").rglob("*.py"))
    }


def package_of(module: str) -> str:
    """Return what the table knows a module by.

    >>> package_of("labkit.protocol.frames"), package_of("labkit.__init__"), package_of("labkit")
    ('protocol', '', '')
    """
    first = [*module.split("."), ""][1]
    return "" if first == "__init__" else first


def imports(sources: Sources) -> Iterator[tuple[str, str, int]]:
    """Yield each import as module, what it imports and the line."""
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            for target in _targets(module, node, sources):
                yield module, target, getattr(node, "lineno", 0)


def _targets(module: str, node: ast.AST, sources: Sources) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module=origin, names=names, level=level):
            parents = module.split(".")[:-level] if level else []
            base = ".".join([*parents, *([origin] if origin else [])])
            submodules = {name.name: f"{base}.{name.name}" for name in names}
            return [
                each if each in sources or f"{each}.__init__" in sources else base
                for each in submodules.values()
            ]
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__")
            | ast.Attribute(attr="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [name]
        case _:
            return []


def wrong_layers(sources: Sources) -> list[str]:
    """Name each import that goes sideways or up, and each package the table does not have."""
    wrong = []
    for module, target, line in imports(sources):
        if target.split(".")[0] != "labkit":
            continue
        here, there = package_of(module), package_of(target)
        if here not in ROW or there not in ROW:
            wrong.append(f"{module}:{line} {here if here not in ROW else there} has no layer")
        elif here != there and ROW[there] >= ROW[here]:
            wrong.append(f"{module}:{line} imports {target}, which is not above it")
    return wrong


def cycle(sources: Sources) -> list[str]:
    """Return the modules of a cycle of imports, or nothing."""
    graph: dict[str, set[str]] = {module.removesuffix(".__init__"): set() for module in sources}
    for module, target, _ in imports(sources):
        if target in graph:
            graph[module.removesuffix(".__init__")].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def foreign(sources: Sources) -> Iterator[tuple[str, str, int]]:
    """Yield each import from outside labkit as module, the top package it imports, the line."""
    for module, target, line in imports(sources):
        if (top := target.split(".")[0]) != "labkit":
            yield module, top, line


def test_every_import_goes_to_a_layer_above() -> None:
    assert wrong_layers(read_sources()) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle(read_sources()) == []


@pytest.mark.parametrize("package", ["protocol", "chat"])
def test_the_pure_packages_use_the_standard_library_only_and_no_effects(package: str) -> None:
    allowed = sys.stdlib_module_names - EFFECTS
    wrong = [
        f"{module}:{line} imports {top}"
        for module, top, line in foreign(read_sources())
        if package_of(module) == package and top not in allowed
    ]
    assert wrong == []


def test_only_panels_know_widgets() -> None:
    wrong = [
        f"{module}:{line} imports {top}"
        for module, top, line in foreign(read_sources())
        if package_of(module) != "panels" and top in WIDGETS
    ]
    assert wrong == []


def test_importing_labkit_loads_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import labkit, json;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    ).stdout
    loaded = [name for name in json.loads(output) if name != "labkit"]
    assert [name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("labkit.protocol.frames", "import labkit.servers.echo"),
        ("labkit.protocol.frames", "from labkit.servers.echo import echo"),
        ("labkit.protocol.frames", "from labkit.servers import echo"),
        ("labkit.protocol.frames", "from labkit import servers"),
        ("labkit.protocol.frames", "from ..servers import echo"),
        ("labkit.protocol.__init__", "from ..servers import echo"),
        ("labkit.protocol.frames", "def late():\n    import labkit.servers.echo"),
        ("labkit.protocol.frames", "if TYPE_CHECKING:\n    from labkit.servers import echo"),
        ("labkit.protocol.frames", "importlib.import_module('labkit.servers')"),
        ("labkit.client.retry", "from labkit.servers import echo"),
        ("labkit.protocol.frames", "from labkit import check"),
        ("labkit.errors", "import labkit.protocol"),
        ("labkit.helpers", "import labkit.errors"),
    ],
)
def test_an_import_sideways_or_up_is_found(module: str, source: str) -> None:
    tree = {"labkit.servers.__init__": "", "labkit.servers.echo": "", module: source}
    assert len(wrong_layers(tree)) == 1


def test_an_import_from_above_or_within_is_fine() -> None:
    source = "from labkit.errors import E\nfrom labkit.protocol import frames\nfrom . import echo"
    assert wrong_layers({"labkit.servers.stream": source, "labkit.servers.echo": ""}) == []


def test_a_circle_inside_one_package_is_found() -> None:
    tree = {"labkit.checks.a": "from . import b", "labkit.checks.b": "from labkit.checks import a"}
    assert sorted(set(cycle(tree))) == ["labkit.checks.a", "labkit.checks.b"]
