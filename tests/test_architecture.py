"""The house stays a house: imports point down, the command line starts light, no file outgrows one reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "smolcourse"
FILES = sorted(SOURCE.rglob("*.py"))

# From the top of the house to its cellar. A room may import those after it, never those before it.
ROOMS = (
    *(
        "cli",
        "studio",
        "course",
        "synthesis",
        "experiment",
        "inference",
        "evaluation",
        "training",
        "vision",
        "adapters",
        "losses",
    ),
    *("data", "assets", "hardware", "config", "settings", "errors", "language"),
)
HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "peft",
    "accelerate",
    "trl",
    "pandas",
    "pyarrow",
    "numpy",
    "tokenizers",
    "gguf",
    "rich",
}
LONGEST = 400


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def run_on_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements that run when a module is imported: not the insides of functions, nor `if TYPE_CHECKING:`."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from run_on_import(node.orelse)
            continue
        yield node
        for inner in ("body", "orelse", "handlers", "finalbody"):
            yield from run_on_import(getattr(node, inner, []))


def broken_directions(path: Path) -> list[str]:
    """Imports of one file that point up, or to a room that nobody has drawn."""
    room = room_of(path)
    broken = []
    for line, name in imports(ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if not name.startswith("smolcourse."):
            continue
        target = name.split(".")[1]
        if target == "__version__":
            continue
        if target not in ROOMS or (target != room and ROOMS.index(target) < ROOMS.index(room)):
            broken.append(f"{name_of(path)}:{line} {room} must not import {target}")
    return broken


def test_every_room_is_drawn() -> None:
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms <= set(ROOMS), f"put them in their place in ROOMS: {rooms - set(ROOMS)}"


def test_imports_point_down() -> None:
    assert [broken for path in FILES if room_of(path) != "__init__" for broken in broken_directions(path)] == []


def test_an_import_upwards_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    (tmp_path / "data").mkdir()
    bad = tmp_path / "data" / "formats.py"
    bad.write_text(
        "from smolcourse.errors import SmolError\ndef f():\n    from smolcourse.training import sft\n", encoding="utf-8"
    )
    assert broken_directions(bad) == ["data/formats.py:3 data must not import training"]


def test_commands_import_nothing_heavy_when_they_are_listed() -> None:
    heavy = [
        f"{name_of(path)}:{line} {name}"
        for path in FILES
        if room_of(path) == "cli"
        for line, name in imports(run_on_import(ast.parse(path.read_text(encoding="utf-8")).body))
        if name.split(".")[0] in HEAVY
    ]
    assert heavy == [], "import it inside the function that needs it"


def test_files_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}, "one job a file"


def test_nothing_is_unpickled() -> None:
    found = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            f"{name_of(path)}:{n} {name}"
            for n, name in imports(ast.walk(tree))
            if name.split(".")[0] in ("pickle", "dill", "joblib")
        ]
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "torch.load":
                safe = any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in call.keywords)
                found += [] if safe else [f"{name_of(path)}:{call.lineno} torch.load without weights_only=True"]
    assert found == []
