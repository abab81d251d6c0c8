"""A snapshot of a hub repository: safetensors and text only, every file held against the hash the hub states."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from smolcourse.assets.cache import UNKNOWN_LICENSE, megabytes, require_space, sha256_of, tell
from smolcourse.assets.network import hub_open
from smolcourse.assets.references import HubRepo, unsafe_path
from smolcourse.assets.resolver import PICKLES, refuse_pickles
from smolcourse.assets.store import Interrupted
from smolcourse.errors import SmolError
from smolcourse.language import tr

# A list of what is let in, not of what is kept out: no pickle, and no code that a loader could be talked into running.
_TEXT = (".json", ".jsonl", ".txt", ".model", ".jinja", ".md", ".yaml")
_WANTED = {"model": (*_TEXT, ".safetensors"), "dataset": (*_TEXT, ".csv", ".parquet", ".arrow")}


def download(repo: HubRepo, folder: Path) -> str:
    """Writes the repository's files to `folder / repo.name`, keeping the files a broken attempt finished. Returns the licence."""
    target = folder / repo.name
    with hub_open():
        info = _look_up(repo)
        files = _choose(repo, info)
        size = sum(file.size or 0 for file in files)
        arrived = sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) if target.exists() else 0
        require_space(size - min(arrived, size))
        tell(f"Đang tải {repo} ({megabytes(size)})...", f"Downloading {repo} ({megabytes(size)})...")
        _fetch(repo, info.sha, [file.rfilename for file in files], target)
    for file in files:
        _check(repo, target / file.rfilename, file)
    shutil.rmtree(target / ".cache", ignore_errors=True)  # the hub library's own notes
    card = getattr(info, "card_data", None)
    return str(getattr(card, "license", None) or UNKNOWN_LICENSE)


def _look_up(repo: HubRepo) -> Any:
    from huggingface_hub import HfApi

    return _plainly(repo, lambda: HfApi().repo_info(repo.repo, repo_type=repo.kind, revision=repo.revision, files_metadata=True))


def _fetch(repo: HubRepo, commit: str, names: list[str], target: Path) -> None:
    from huggingface_hub import snapshot_download

    _plainly(
        repo,
        lambda: snapshot_download(
            repo.repo, repo_type=repo.kind, revision=commit, local_dir=target, allow_patterns=[_literal(name) for name in names]
        ),
    )


def _literal(name: str) -> str:
    """A file name as a pattern that matches itself alone."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _choose(repo: HubRepo, info: Any) -> list[Any]:
    """The files to download: of a model, those at the top (copies in other formats lie in folders of their own)."""
    everything = info.siblings or []
    files = [
        file
        for file in everything
        if Path(file.rfilename).suffix.lower() in _WANTED[repo.kind]
        and not unsafe_path(file.rfilename)
        and not (repo.kind == "model" and "/" in file.rfilename)
    ]
    if repo.kind == "model" and not any(file.rfilename.endswith(".safetensors") for file in files):
        if any(Path(file.rfilename).suffix.lower() in PICKLES for file in everything):
            raise refuse_pickles(str(repo))
        raise SmolError("repo này không có tệp safetensors nào", "this repository holds no safetensors file", where=str(repo))
    if not files:
        raise SmolError(
            "repo này không có tệp dữ liệu nào đọc được", "this repository holds no readable data file", where=str(repo)
        )
    return files


def _check(repo: HubRepo, path: Path, file: Any) -> None:
    """Holds a file against the SHA-256 (large files) or the git blob id (small ones) that the hub states."""
    if not path.is_file():
        raise Interrupted(
            "tải chưa đủ tệp; chạy lại để tải tiếp", "a file is missing; run again to go on", where=f"{repo} {path.name}"
        )
    if file.lfs is not None:
        right = sha256_of(path) == file.lfs.sha256
    else:
        content = path.read_bytes()
        right = file.blob_id is None or hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.blob_id
    if not right:
        raise SmolError(
            "tệp tải về khác với hash mà hub công bố; không dùng tệp này",
            "a downloaded file differs from the hash the hub states; it is not used",
            where=f"{repo} {file.rfilename}",
        )


def _plainly(repo: HubRepo, call: Any) -> Any:
    """Makes a hub call; its many exceptions become the few things a user can do something about."""
    import httpx2
    from huggingface_hub import errors

    where = str(repo)
    try:
        return call()
    except errors.GatedRepoError as error:
        raise SmolError(
            "repo này đòi đồng ý với điều khoản, và một token của tài khoản đã đồng ý",
            "this repository asks you to accept its terms, and for a token of the account that did",
            where=where,
            fix="HF_TOKEN=hf_... smol ...",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise SmolError("hub không có revision này", "the hub has no such revision", where=where) from error
    except errors.RepositoryNotFoundError as error:
        raise SmolError(
            "hub không có repo này, hoặc repo riêng tư và cần token",
            "the hub has no such repository, or it is private and needs a token",
            where=where,
            fix=tr("kiểm tra tên; repo riêng tư: HF_TOKEN=hf_...", "check the name; private: HF_TOKEN=hf_..."),
        ) from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Interrupted(
            f"không tải được từ hub: {reason}",
            f"cannot download from the hub: {reason}",
            where=where,
            fix=tr(
                "kiểm tra mạng rồi chạy lại (các tệp đã tải xong được giữ lại); hoặc dùng mô hình có sẵn: smollm2-135m-instruct",
                "check the network and run again (finished files are kept); or use the built-in model: smollm2-135m-instruct",
            ),
        ) from error
    except errors.HFValidationError as error:
        raise SmolError(f"tên repo không hợp lệ: {error}", f"invalid repository name: {error}", where=where) from error
