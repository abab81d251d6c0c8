"""What a newcomer meets first: the command's speed to help, the pins, the pages, and nothing of anyone's machine in them."""

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
READMES = ("README.md", "README.vi.md")
LOCKS = ("requirements.txt", "requirements-cuda.txt", "requirements-dev.txt")
HEAVY = ("torch", "transformers", "datasets", "pandas", "pyarrow", "numpy", "peft", "rich", "huggingface_hub")

# Prints every command with its help: `smol data check --help` and so on, in one process.
ALL_HELP = """
import json, typer
from smolcourse.cli.commands import app
def walk(command, name):
    with command.make_context(name, [], resilient_parsing=True) as context:
        yield name, command.get_help(context)
    for child, subcommand in getattr(command, "commands", {}).items():
        yield from walk(subcommand, f"{name} {child}")
print(json.dumps(dict(walk(typer.main.get_command(app), "smol"))))
"""


def python(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, encoding="utf-8", check=True).stdout


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def help_pages(language: str) -> dict[str, str]:
    """The help page of every command, by the words that call it."""
    return json.loads(python(f"from smolcourse.language import set_language; set_language({language!r})\n{ALL_HELP}"))


# --- the command ---


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from smolcourse.cli.main import main; sys.argv = ['smol', '--help']\ntry:\n    main()\n"
    code += f"finally:\n    print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    assert "LOADED []" in python(code)


def test_every_command_explains_itself_in_both_languages() -> None:
    vietnamese, english = help_pages("vi"), help_pages("en")
    assert vietnamese.keys() == english.keys()
    first_line = {name: (vietnamese[name].split("\n\n")[1], english[name].split("\n\n")[1]) for name in vietnamese}
    assert [name for name, (vi, en) in first_line.items() if vi.strip() == en.strip() or vi.strip() in ("Options:", "")] == []


def test_version_is_the_package_version() -> None:
    from smolcourse import __version__

    assert __version__ == PROJECT["version"]


# --- the pins ---


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package, of one requirements file."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==(\S+)", read(name), flags=re.MULTILINE):
        found.setdefault(normal(package), set()).add(version)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_pin_has_a_hash_and_no_host(name: str) -> None:
    text = read(name)
    blocks = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    assert [block for block in blocks if block and "--hash=sha256:" not in block and not block.startswith("-r ")] == []
    assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_locked_versions_are_the_declared_ones() -> None:
    locked = pins("requirements.txt")
    optional = pins("requirements-dev.txt") | locked
    for requirement in PROJECT["dependencies"]:
        package, _, version = requirement.partition("==")
        if version:
            assert locked[normal(package)] == {version}, "make lock"
    for requirement in PROJECT["optional-dependencies"]["dev"]:
        package, _, version = requirement.partition("==")
        assert optional[normal(package)] == {version}, "make lock"


def test_cuda_lock_agrees_with_the_other() -> None:
    cuda, plain = pins("requirements-cuda.txt"), pins("requirements.txt")
    assert {package: cuda.get(package) for package in plain} == plain, "make lock"
    assert not [package for package in plain if package.startswith(("nvidia-", "triton"))]


def test_torch_takes_its_cpu_build_on_linux_only() -> None:
    blocks = {
        block.split(" \\")[0]: set(re.findall("sha256:(\\w+)", block))
        for block in re.split(r"\n(?=\S)", read("requirements.txt"))
    }
    linux = blocks["torch==2.13.0 ; sys_platform == 'linux'"]
    others = blocks["torch==2.13.0 ; sys_platform != 'linux'"]
    assert linux and others and not linux & others


def test_dependencies_are_those_that_are_imported() -> None:
    """Each declared, each used; `accelerate` is asked for by transformers.Trainer, `pip` is run as a program."""
    modules = importlib.metadata.packages_distributions()
    imported: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.split(".")[0] for name in names}
    used = {
        normal(modules[name][0]) for name in imported - {"smolcourse"} if name in modules and name not in sys.stdlib_module_names
    }
    declared = {normal(re.split("[=><]", requirement)[0]) for requirement in PROJECT["dependencies"]}
    assert used - declared <= {"trl", "bitsandbytes", "ray"}, "declare it in pyproject.toml"
    assert declared - used <= {"accelerate", "pip"}, "nobody imports it"


# --- the pages ---


def code_blocks(name: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", read(name), flags=re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[str]:
    """Every `smol ...` that a page tells its reader to type."""
    lines = [line for block in code_blocks(name) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]*)`", read(name))
    return sorted({match[1] for line in lines if (match := re.match(r"^(?:!|uv run |\.venv/bin/)?(smol [a-z].*)", line))})


@pytest.mark.parametrize("page", [*READMES, "CONTRIBUTING.md"])
def test_every_command_on_the_page_exists(page: str) -> None:
    pages = help_pages("en")
    assert commands(page) or page == "CONTRIBUTING.md"
    for command in commands(page):
        words = command.split()
        known = max((len(name.split()) for name in pages if words[: len(name.split())] == name.split()), default=0)
        name = " ".join(words[:known])
        assert known > 1, f"{page}: no such command: {command}"
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert option in ("--lang", "--help") or option in pages[name], f"{page}: {name} has no {option}"


def test_every_command_is_on_both_pages() -> None:
    top = {name.split()[1] for name in help_pages("en") if " " in name}
    for page in READMES:
        assert top <= {command.split()[1] for command in commands(page)}, f"{page} leaves out a command"


def test_the_two_readmes_say_the_same() -> None:
    english, vietnamese = map(read, READMES)

    def shape(text: str) -> list[str]:
        """Headings by level, list items, table rows and blocks of code, in their order."""
        outside = re.sub(r"^```\w*\n.*?^```", "CODE", text, flags=re.MULTILINE | re.DOTALL)
        return re.findall(r"^(#+ |\d\. |- |\||CODE)", outside, flags=re.MULTILINE)

    assert shape(english) == shape(vietnamese)
    assert [block.replace(" --lang en", "") for block in code_blocks("README.md")] == code_blocks("README.vi.md")
    assert re.findall(r"`smol [^`]*`", english) == re.findall(r"`smol [^`]*`", vietnamese)


@pytest.mark.parametrize("page", [*READMES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", read(page))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_make_has_the_targets_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    for page in [*READMES, "CONTRIBUTING.md"]:
        assert set(re.findall(r"`(?:\w+=\S+ )?make ([a-z]+)", read(page))) <= targets
    assert {"demo", "test", "check", "accept", "bench"} <= targets


# --- nothing of anyone's machine ---


def test_no_registry_host_nor_machine_path_is_committed() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    hosts = "|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npm", "deb" + r"\.debian"])
    paths = "|".join(["/" + "work/", "/" + "root/", "/" + "home/[a-z]", "/" + "opt/wheels", "/" + "Users/[a-z]"])
    found = subprocess.run([git, "grep", "-nIE", f"({hosts}|{paths})", "--", "."], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""
    tracked = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [name for name in tracked if name.endswith((".lock", ".safetensors", ".gguf", ".pt", ".bin"))]
