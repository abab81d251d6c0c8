"""`smol doctor`: every problem comes with what mends it, and what is shown to others names no person."""

import contextlib
import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smolcourse import hardware
from smolcourse.cli import diagnosis
from smolcourse.cli.diagnosis import Diagnosis, Finding, network_cut
from smolcourse.errors import SmolError
from smolcourse.hardware import GIB, Calibration, Machine

CALIBRATION = Calibration("cpu", 2, "float32", {"float32": 250.0}, 10.0, False, 0.0, "key")


def a_machine(**changes: object) -> Machine:
    import dataclasses

    values = {"memory_total": 16 * GIB, "memory_available": 8 * GIB, "disk_free": 50 * GIB, **changes}
    return dataclasses.replace(hardware.machine(with_accelerator=False), **values)


def a_diagnosis(*findings: Finding) -> Diagnosis:
    return Diagnosis(list(findings), a_machine(), CALIBRATION, {"python": "3.11"})


def test_what_is_short_is_said_with_a_fix() -> None:
    assert diagnosis._memory(a_machine()).verdict == "good"
    lora = diagnosis._memory(a_machine(memory_available=3 * GIB))
    assert lora.verdict == "note" and "use_peft=true" in (lora.fix or "")
    assert diagnosis._memory(a_machine(memory_available=GIB)).verdict == "problem"
    assert "container" in diagnosis._memory(a_machine(memory_limited=True)).text
    full = diagnosis._disk(a_machine(disk_free=GIB))
    assert full.verdict == "problem" and "smol runs rm" in (full.fix or "")


def test_a_busy_calibration_is_a_note() -> None:
    import dataclasses

    assert diagnosis._calibration(CALIBRATION).verdict == "good"
    busy = diagnosis._calibration(dataclasses.replace(CALIBRATION, busy=True))
    assert busy.verdict == "note" and "--calibrate" in (busy.fix or "")


def test_libraries_are_held_against_the_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnosis.pinned()["torch"]
    assert "trl" not in diagnosis.pinned()  # an extra
    monkeypatch.setattr(diagnosis, "pinned", lambda: {"torch": "0.0.1"})
    assert diagnosis._libraries()[0].verdict == "note"
    monkeypatch.setattr(diagnosis, "pinned", lambda: {"no-such-library": "1"})
    missing = diagnosis._libraries()[0]
    assert missing.verdict == "problem" and "no-such-library" in missing.text and missing.fix


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "file" / "home"))
    assert diagnosis._cache_folder().verdict == "problem"
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "home"))
    assert diagnosis._cache_folder().verdict == "good"


def test_missing_assets_are_named_with_the_command_that_fetches_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path))
    (found,) = diagnosis._assets()
    assert found.verdict == "note" and "smollm2-135m-instruct" in found.text and found.fix == "smol assets fetch --all"


def test_damaged_assets_are_a_problem_and_the_others_are_still_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    from smolcourse.assets import shelf

    states = {"easy-vqa": "ready", "b": "damaged", "c": "absent", "put-together": "ready"}
    lines = [shelf.Line(name, "model", state, "?", None, 0, None, "") for name, state in states.items()]  # type: ignore[arg-type]
    monkeypatch.setattr(shelf, "lines", lambda: lines)
    proven: list[str] = []
    monkeypatch.setattr(diagnosis, "prove_offline", lambda names: proven.extend(names) or [])
    damaged, absent, proof = diagnosis._assets()
    assert damaged.verdict == "problem" and damaged.fix == "smol assets rm b && smol assets fetch b"
    assert absent.verdict == "note" and proof.verdict == "good" and proven == ["easy-vqa"]


def test_the_network_is_cut_but_not_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, network_cut() as tried:
        socket.create_connection(server.getsockname()).close()
        for leave in (
            lambda: socket.create_connection(("203.0.113.1", 80), timeout=1),
            lambda: socket.getaddrinfo("example.org", 80),
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.2", 53)),
        ):
            with pytest.raises(OSError, match="cut"):
                leave()
        assert tried == ["203.0.113.1", "example.org", "203.0.113.2"]
    with network_cut() as tried:
        assert tried == []


def test_the_proof_fails_if_something_reaches_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def phone_home(name: str, *, offline: bool) -> Path:
        with contextlib.suppress(OSError):  # a library that swallows the error is still seen
            socket.getaddrinfo("telemetry.example.org", 443)
        return Path("nowhere")

    monkeypatch.setattr("smolcourse.assets.resolve", phone_home)
    found = diagnosis._offline_proof(["x"])
    assert found.verdict == "problem" and "telemetry.example.org" in found.text


def test_the_proof_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *, offline: bool) -> Path:
        raise SmolError("chưa tải", "not fetched", where=name, fix=f"smol assets fetch {name}")

    monkeypatch.setattr("smolcourse.assets.resolve", missing)
    assert diagnosis._offline_proof(["x"]).fix == "smol assets fetch x"


def test_the_model_of_a_folder_loads_with_the_network_cut(tiny_model: Path) -> None:
    assert diagnosis.prove_offline([str(tiny_model)]) == []


def test_what_is_shown_to_others_names_no_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "nguyenvana"
    monkeypatch.setattr(Path, "home", lambda: home)
    shown = json.dumps(a_diagnosis(Finding("cache", "good", f"{home}/.cache")).as_dict())
    assert "~/.cache" in shown and "nguyenvana" not in shown


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    def found(folder: Path, *, recalibrate: bool) -> Diagnosis:
        return a_diagnosis(
            Finding("Python", "good", "3.11"), *([Finding("đĩa", "problem", "đầy", "smol x")] if recalibrate else [])
        )

    monkeypatch.setattr(diagnosis, "diagnose", found)
    return CliRunner()


def test_the_command_prints_and_ends_with_2_on_a_problem(doctor: CliRunner) -> None:
    import typer

    from smolcourse.cli.doctor import doctor as command

    app = typer.Typer()
    app.command()(command)
    before = dict(os.environ)
    try:
        well, ill = doctor.invoke(app, []), doctor.invoke(app, ["--calibrate"])
        as_json = doctor.invoke(app, ["--calibrate", "--format", "json"])
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert well.exit_code == 0 and "✓ Python" in well.stdout
    assert ill.exit_code == 2 and "✗ đĩa" in ill.stdout and "smol x" in ill.stdout
    assert as_json.exit_code == 2 and json.loads(as_json.stdout)["ready"] is False
