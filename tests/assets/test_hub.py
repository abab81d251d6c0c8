"""Hub snapshots, against a hub of our own on loopback: only safe files, checked, resumed, and plain words for its refusals."""

import hashlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from smolcourse.assets import resolve
from smolcourse.errors import SmolError
from tests.assets.conftest import leftovers

COMMIT = "c" * 40
WEIGHTS = b"safe weights" * 100


class Hub(BaseHTTPRequestHandler):
    """The few addresses of the hub's API that a download asks for."""

    repos: ClassVar[dict[str, dict[str, bytes]]] = {}
    lies: ClassVar[dict[str, bytes]] = {}  # what is sent in place of a file
    cut: ClassVar[set[str]] = set()  # files whose download breaks off
    sent: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        kind = "datasets/" if "/datasets/" in path else ""
        for repo, files in self.repos.items():
            if path.startswith(f"/api/{kind or 'models/'}{repo}/revision/"):
                if path.endswith("/nosuch"):
                    return self.send(b"{}", 404, {"X-Error-Code": "RevisionNotFound"})
                listed = [self.describe(name, content) for name, content in files.items()]
                about = {"id": repo, "sha": COMMIT, "siblings": listed, "cardData": {"license": "apache-2.0"}, "tags": []}
                return self.send(json.dumps(about).encode())
            if path.startswith(f"/api/{kind or 'models/'}{repo}/tree/"):
                return self.send(json.dumps([self.in_tree(name, content) for name, content in files.items()]).encode())
            start = f"/{kind}{repo}/resolve/{COMMIT}/"
            if path.startswith(start) and (name := path.removeprefix(start)) in files:
                if self.command == "GET":
                    self.sent.append(name)
                while self.command == "GET" and name in self.cut and not files.keys() <= {*self.sent, *self.cut}:
                    time.sleep(0.01)  # it breaks off when the others, which come at the same time, have set out
                etag = self.describe(name, files[name])
                content = self.lies.get(name, files[name])
                headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag.get("lfs", {}).get("sha256") or etag["blobId"]}"'}
                return self.send(content, 200, headers, cut=name in self.cut)
        if "gated" in path:
            return self.send(b"{}", 403, {"X-Error-Code": "GatedRepo"})
        return self.send(b"{}", 404, {"X-Error-Code": "RepoNotFound"})

    @staticmethod
    def describe(name: str, content: bytes) -> dict:
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        lfs = {"lfs": {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}}
        return {"rfilename": name, "size": len(content), "blobId": blob} | (lfs if name.endswith("safetensors") else {})

    def in_tree(self, name: str, content: bytes) -> dict:
        seen = self.describe(name, content)
        lfs = {"lfs": {"oid": seen["lfs"]["sha256"], "size": len(content), "pointerSize": 130}} if "lfs" in seen else {}
        return {"type": "file", "path": name, "size": len(content), "oid": seen["blobId"]} | lfs

    def send(self, body: bytes, code: int = 200, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        start = 0
        if (wanted := self.headers.get("Range")) and code == 200:
            start, code = int(wanted.removeprefix("bytes=").partition("-")[0]), 206
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body) - start), **(headers or {})}.items():
            self.send_header(name, value)
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[start : len(body) // 2] if cut else body[start:])
        if cut:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "DEFAULT_REQUEST_TIMEOUT", 60)
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    Hub.repos, Hub.lies, Hub.cut, Hub.sent = {}, {}, set(), []
    yield Hub
    server.shutdown()
    server.server_close()


def failure(reference: str) -> SmolError:
    with pytest.raises(SmolError) as caught:
        resolve(reference)
    return caught.value


MODEL = {"config.json": b"{}", "model.safetensors": WEIGHTS, "tokenizer.json": b"{}"}


def test_only_safe_files_arrive_and_stay_for_offline(home: Path, hub: type[Hub], monkeypatch: pytest.MonkeyPatch):
    unsafe = {"pytorch_model.bin": b"x", "modeling_evil.py": b"x", "onnx/model.safetensors": b"x", "../up.json": b"x"}
    hub.repos["org/name"] = MODEL | unsafe
    folder = resolve("hf:org/name")
    assert folder.name == "name"
    assert sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()) == sorted(MODEL)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert json.loads((folder.parent / "asset.json").read_text())["license"] == "apache-2.0"
    hub.repos.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve("hf:org/name") == folder


def test_a_data_set(hub: type[Hub]):
    hub.repos["org/rows"] = {"data/train.parquet": b"PAR1", "README.md": b"#", "load.py": b"x"}
    folder = resolve("hf:datasets/org/rows@v1")
    assert (folder / "data" / "train.parquet").read_bytes() == b"PAR1" and not (folder / "load.py").exists()


@pytest.mark.bad_input
def test_a_repository_of_pickles_is_refused_before_any_download(home: Path, hub: type[Hub]):
    hub.repos["org/old"] = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    assert "pickles" in failure("hf:org/old").en
    assert leftovers(home) == []


@pytest.mark.bad_input
def test_a_file_that_differs_from_its_stated_hash(home: Path, hub: type[Hub]):
    hub.repos["org/name"] = MODEL
    hub.lies["model.safetensors"] = b"evil weights" * 100
    assert "differs from the hash" in failure("hf:org/name").en
    assert leftovers(home) == []


def test_after_a_broken_off_download_finished_files_are_not_sent_again(home: Path, hub: type[Hub]):
    hub.repos["org/name"] = MODEL | {"second.safetensors": b"more"}
    hub.cut = {"model.safetensors"}
    assert "cannot download" in failure("hf:org/name").en
    assert not (home / "assets").exists()
    hub.cut, hub.sent = set(), []
    folder = resolve("hf:org/name")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS and (folder / "second.safetensors").read_bytes() == b"more"
    assert hub.sent == ["model.safetensors"]


@pytest.mark.parametrize(
    ("reference", "says"),
    [("hf:org/absent", "no such repository"), ("hf:org/gated", "accept its terms"), ("hf:org/name@nosuch", "no such revision")],
)
def test_the_hub_says_no(home: Path, hub: type[Hub], reference: str, says: str):
    hub.repos["org/name"] = MODEL
    assert says in failure(reference).en
    assert leftovers(home) == []


def test_no_hub_in_reach_and_a_hub_switched_off(home: Path, hub: type[Hub], monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    error = failure("hf:org/name")
    assert "cannot download" in error.en and "smollm2-135m-instruct" in (error.fix or "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "offline" in failure("hf:org/name").en
    assert leftovers(home) == []
