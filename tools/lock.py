"""Writes requirements*.txt from pyproject.toml: every pin with every hash, and no host. Needs `uv`; run by `make lock`.

Three files, so that nobody downloads what they cannot use:
    requirements.txt       what `smol` needs on Linux without CUDA, macOS and Windows, Python 3.11-3.13
    requirements-cuda.txt  what it needs on Linux with an NVIDIA GPU: some gigabytes more
    requirements-dev.txt   requirements.txt and what the tests and checks need
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = ("cuda-", "nvidia-", "triton")
# PyTorch serves its CPU builds for Linux from an index of its own, so the registry does not know their hashes.
TORCH_CPU_BUILDS = {
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    "torch-2.13.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl": "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",
    "torch-2.13.0+cpu-cp313-cp313-manylinux_2_28_x86_64.whl": "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl": "84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7",
    "torch-2.13.0+cpu-cp312-cp312-manylinux_2_28_aarch64.whl": "6f307c2c32d764ffc6ff6893b801fad6d4752f3e67966cb8abf1843427c02604",
    "torch-2.13.0+cpu-cp313-cp313-manylinux_2_28_aarch64.whl": "0b8f7d0423027ae8b90c7977c627f3379f325363a08224dffad9b4b2d684a83d",
}


def compile_pins(*options: str) -> dict[str, str]:
    """Resolves pyproject.toml for all systems. Returns the pins: `name==version ; marker` -> that and its hashes."""
    command = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += [
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--no-sources",
        "--quiet",
        *options,
    ]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    blocks = [block.rstrip() for block in re.split(r"\n(?=\S)", text)]
    return {block.split(" \\\n")[0]: block for block in blocks if block and "sys_platform == 'emscripten'" not in block}


def torch_cpu(torch: str) -> dict[str, str]:
    """Torch's pins without CUDA: the CPU builds on Linux; elsewhere the registry's own builds, which have none."""
    head, hashes = torch.split(" \\\n", 1)
    strangers = [name for name in TORCH_CPU_BUILDS if not name.startswith(head.replace("==", "-") + "+cpu-")]
    if strangers:
        sys.exit(f"{head}: TORCH_CPU_BUILDS holds another version: {', '.join(strangers)}")
    cpu_hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(TORCH_CPU_BUILDS.values()))
    linux, others = f"{head} ; sys_platform == 'linux'", f"{head} ; sys_platform != 'linux'"
    return {linux: f"{linux} \\\n{cpu_hashes}", others: f"{others} \\\n{hashes}"}


def write(name: str, purpose: str, pins: dict[str, str], *includes: str) -> None:
    """Writes one requirements file: its purpose, the file it builds on, its pins."""
    lines = [
        f"# {purpose} Written by `make lock`.",
        *[f"-r {include}" for include in includes],
        *[pins[head] for head in sorted(pins)],
    ]
    (ROOT / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}: {len(pins)} pins")


def main() -> None:
    """Resolves with the dev extra, so that all files agree, and without it, to know which pins are for tests alone."""
    everything = compile_pins("--extra", "dev")
    runtime = compile_pins()
    cuda = {head: block for head, block in everything.items() if head in runtime}
    base = {head: block for head, block in cuda.items() if not head.startswith(CUDA)}
    dev = {head: block for head, block in everything.items() if head not in runtime}
    [torch] = [head for head in base if head.startswith("torch==")]
    base |= torch_cpu(base.pop(torch))
    write("requirements.txt", "All that `smol` needs, without CUDA.", base)
    write("requirements-cuda.txt", "All that `smol` needs on Linux with an NVIDIA GPU; instead of requirements.txt.", cuda)
    write("requirements-dev.txt", "What tests and checks need besides.", dev, "requirements.txt")


if __name__ == "__main__":
    main()
