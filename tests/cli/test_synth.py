"""`smol synth`: what it prints, where it writes, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.synthesis.servers import Handler, echo, question, serving


def recipe(folder: Path, address: str) -> Path:
    (folder / "seeds.jsonl").write_text(
        "".join(json.dumps({"instruction": f"câu {n}"}) + "\n" for n in range(6)), encoding="utf-8"
    )
    values = {
        "sources": {"s": {"model": address, "retries": 0, "price": [1.0, 1.0]}},
        "steps": [{"use": "starts.read", "file": "seeds.jsonl"}, {"use": "answering.respond"}],
    }
    path = folder / "p.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_plan_run_and_run_again(smol: Any, tmp_path: Path) -> None:
    with serving(echo) as (address, log):
        path = recipe(tmp_path, address)
        planned = smol("synth", path, "--plan", "--lang", "en", cwd=tmp_path)
        assert planned.returncode == 0 and "In all: 6 questions" in planned.stdout, planned.stderr
        assert log.tries.total() == 0
        done = smol("synth", path, "--lang", "en", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "respond: 6 rows, 6 answers (6 new)" in done.stdout and "6 requests" in done.stdout
        assert len((tmp_path / "synth" / "p" / "data.jsonl").read_text(encoding="utf-8").splitlines()) == 6
        again = smol("synth", path, "respond.max_new_tokens=9", "-o", tmp_path / "other", "--lang", "vi", cwd=tmp_path)
        assert again.returncode == 0 and "6 câu trả lời (6 mới)" in again.stdout and log.tries.total() == 12
        first = json.loads((tmp_path / "other" / "data.jsonl").read_text(encoding="utf-8").splitlines()[0])
        traced = smol("synth", "trace", tmp_path / "other", first["id"][:10], "--lang", "en")
        assert traced.returncode == 0 and f"asked {address} (temperature=0, seed=" in traced.stdout, traced.stderr
        assert "answered: đáp: câu 0" in traced.stdout and "  read " in traced.stdout
        lost = smol("synth", "trace", tmp_path / "other", "zzzzzzzz")
        assert lost.returncode == 2 and "Traceback" not in lost.stderr
    checked = smol("data", "check", tmp_path / "other" / "data.jsonl")
    assert checked.returncode == 0, checked.stdout


def test_what_stays_unanswered_is_said_with_the_command_that_goes_on(smol: Any, tmp_path: Path) -> None:
    def shaky(handler: Handler, body: dict[str, Any]) -> None:
        if question(body) == "câu 3":
            handler.send(500, b"broken")
        else:
            echo(handler, body)

    with serving(shaky) as (address, _):
        path = recipe(tmp_path, address)
        done = smol("synth", path, "--lang", "en", cwd=tmp_path)
    assert done.returncode == 2 and "1 calls got no answer" in done.stderr and f"smol synth {path}" in done.stderr
    assert "5 rows" in done.stdout and "Traceback" not in done.stderr


def test_list_and_errors(smol: Any, tmp_path: Path) -> None:
    listed = smol("synth", "ls")
    assert listed.returncode == 0 and "orders" in listed.stdout and "evol.deepen(rounds=1" in listed.stdout
    bad = smol("synth", "nothing-here")
    assert bad.returncode == 2 and "orders" in bad.stderr and "Traceback" not in bad.stderr
