"""What a server needs beside the weights: an Ollama Modelfile, a Dockerfile, a systemd unit, a vLLM command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import smolcourse

_PREFERRED = ("q8_0", "f16", "q5_0", "q4_0")
_CHATML = """TEMPLATE \"\"\"{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ range .Messages }}{{ if ne .Role "system" }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}{{ end }}<|im_start|>assistant
\"\"\"
PARAMETER stop <|im_end|>"""


def write_beside(
    folder: Path,
    name: str,
    formats: Sequence[str],
    adapters: Sequence[str],
    system: str | None,
    context: int,
    *,
    sees: bool = False,
) -> None:
    """Writes `Modelfile`, `Dockerfile`, `smolcourse.service` and `vllm.sh`.

    Args:
        formats: that were exported.
        adapters: names of GGUF LoRA files in `adapters/`.
        system: the system prompt that the model was trained with.
        context: tokens that the model can read.
        sees: it takes pictures, so it is of a kind that only this package knows; no `vllm.sh` then.
    """
    kind = next((one for one in _PREFERRED if one in formats), None)
    if kind:
        _write(folder / "Modelfile", modelfile(f"model-{kind}.gguf", adapters, system, min(context, 2048)))
    _write(folder / "Dockerfile", dockerfile(name, kind))
    _write(folder / "smolcourse.service", service(name, kind))
    if sees:
        return
    script = folder / "vllm.sh"
    _write(script, vllm(name, "safetensors" if "safetensors" in formats else f"model-{kind}.gguf", context))
    script.chmod(0o755)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")


def modelfile(file: str, adapters: Sequence[str], system: str | None, context: int) -> str:
    """`ollama create NAME -f Modelfile`: the file, how turns are written, the system prompt, greedy answers."""
    lines = [f"# ollama create my-model -f Modelfile\nFROM ./{file}", _CHATML]
    if system:
        lines.append(f"SYSTEM {_quoted(system)}")
    lines += [f"PARAMETER num_ctx {context}", "PARAMETER temperature 0", "PARAMETER repeat_penalty 1"]
    lines += [f"# ADAPTER ./adapters/{adapter}.gguf" for adapter in adapters]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """In three quotation marks, which a Modelfile ends only at three more."""
    safe = text.replace('"""', '" " "')
    return f'"""{safe} """' if safe.endswith('"') else f'"""{safe}"""'


def dockerfile(name: str, kind: str | None) -> str:
    """An image that serves this folder as a user without rights; keys are mounted, never copied."""
    command = ["smol", "serve", _served(name, "/model", kind), "--host", "0.0.0.0", "--api-key-file", "/run/secrets/api_keys"]
    if kind is None:
        command += ["--backend", "transformers"]
    return f"""# docker build -t {_slug(name)} . && docker run -p 8000:8000 -v ./api_keys:/run/secrets/api_keys:ro {_slug(name)}
FROM python:3.12-slim
RUN pip install --no-cache-dir smolcourse=={smolcourse.__version__} && useradd --create-home smol
COPY --chown=smol . /model
USER smol
EXPOSE 8000
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=3)"
CMD {json.dumps(command)}
"""


def service(name: str, kind: str | None) -> str:
    """A unit that restarts the server when it dies and lets it touch nothing but its model."""
    backend = "" if kind else " --backend transformers"
    home = f"/srv/{_slug(name)}"
    return f"""# cp -r . {home} && cp smolcourse.service /etc/systemd/system/ && systemctl enable --now smolcourse
[Unit]
Description=smol serve {name}
After=network.target

[Service]
ExecStart=/usr/bin/env smol serve {_served(name, home, kind)} --host 127.0.0.1 --port 8000{backend}
WorkingDirectory={home}
DynamicUser=yes
CacheDirectory=smolcourse
Environment=SMOLCOURSE_HOME=/var/cache/smolcourse
Restart=always
RestartSec=2
TimeoutStopSec=60
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
MemoryMax=4G

[Install]
WantedBy=multi-user.target
"""


def vllm(name: str, weights: str, context: int) -> str:
    """The same model behind vLLM, for a machine with a GPU."""
    return f"""#!/bin/sh
# vLLM, for a machine with a GPU; the same requests work as with `smol serve`.
cd "$(dirname "$0")" || exit 1
exec vllm serve ./{weights} --served-model-name {shlex.quote(_slug(name))} --max-model-len {context} \\
    --generation-config vllm --host 127.0.0.1 --port 8000 "$@"
"""


def _served(name: str, folder: str, kind: str | None) -> str:
    return f"{_slug(name)}={folder if kind else f'{folder}/safetensors'}"


def _slug(name: str) -> str:
    """A name that shells, images and clients take."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in name).strip(".-_").lower()
    return kept or "model"
