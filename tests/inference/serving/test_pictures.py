"""Pictures in requests: a model that sees, asked by OpenAI's client; whatever is wrong with a picture is the client's 400."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from smolcourse.inference.serving.pictures import MOST, for_the_log
from tests.inference.serving.conftest import Running

Asked = list[dict[str, Any]]


def file(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def asked(*urls: str, text: str = "Hình gì?") -> Asked:
    parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": one, "detail": "low"}} for one in urls]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


@pytest.fixture(scope="module")
def seeing(tiny_vlm: Path) -> Iterator[Running]:
    """`smol serve` finds by itself that there is no GGUF of this one."""
    running = Running(f"eyes={tiny_vlm}", "--context", "2048", "--log-prompts")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def eyes(seeing: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=seeing.url + "/v1", api_key="x", max_retries=0, timeout=120)


@pytest.fixture
def said(eyes: openai.OpenAI) -> Callable[..., Any]:
    def ask(messages: Any, **settings: Any) -> Any:
        return eyes.chat.completions.create(model="eyes", messages=messages, max_tokens=6, **settings)

    return ask


def test_it_sees_what_the_model_in_memory_sees(said: Callable[..., Any], seeing: Running, tiny_vlm: Path, tmp_path: Path) -> None:
    from smolcourse.inference.generate import generate
    from smolcourse.inference.loading import load_model

    files = {kind: file("blue", kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")}
    for kind, data in files.items():
        (tmp_path / kind).write_bytes(data)
    parts = [{"type": "image", "image": tmp_path / kind} for kind in files]
    prompts: list[Asked] = [[{"role": "user", "content": [part, {"type": "text", "text": "Hình gì?"}]}] for part in parts] + [
        [{"role": "user", "content": [*parts, {"type": "text", "text": "Hình gì?"}]}]
    ]
    wanted = generate(*load_model(str(tiny_vlm)), prompts, max_new_tokens=6)
    urls = [url(data, kind.lower()) for kind, data in files.items()]
    answers = [said(asked(one)) for one in urls] + [said(asked(*urls))]
    assert [answer.choices[0].message.content for answer in answers] == wanted
    tokens = [answer.usage.prompt_tokens for answer in answers]
    assert tokens[4] - tokens[0] == 3 * 4  # three pictures more, four tokens each
    logged = json.dumps(seeing.events("request"))
    assert "data:image/png;base64" in logged and urls[0] not in logged


def test_a_stream_over_two_turns(said: Callable[..., Any]) -> None:
    messages = asked(url(file()))
    chunks = list(said(messages, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == said(messages).choices[0].message.content and chunks[-1].usage.prompt_tokens > 4
    later = [*messages, {"role": "assistant", "content": text}, {"role": "user", "content": "Còn gì nữa?"}]
    assert said(later).choices[0].message.content
    assert said([{"role": "user", "content": "<image> là gì?"}]).choices[0].message.content


@pytest.mark.bad_input
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("data:image/svg+xml;base64,PHN2Zz4=", "one of png"),
        ("data:text/html;base64,PGh0bWw+", "one of png"),
        ("data:image/png,abc", "one of png"),
        ("data:image/png;base64,@@@", "base64"),
        ("data:image/png;base64,", "empty"),
        (url(b"xin chao"), "text, not an image"),
        (url(file()[:60]), "damaged or cut off"),
        (url(file(kind="BMP")), "PNG, JPEG, WEBP, GIF"),
        (url(file(size=(1, 1))), "1 x 1"),
        (url(file("#fff", size=(9000, 9000), mode="L")), "too many pixels"),
    ],
    ids=["svg", "html", "no base64", "bad base64", "empty", "text", "cut", "bmp", "tiny", "bomb"],
)
def test_bad_pictures(said: Callable[..., Any], bad: str, reason: str, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match=reason) as caught:
        said(asked(url(file()), bad), stream=stream)
    error: Any = caught.value.body
    assert error["param"] == "messages[0].content[1].image_url.url" and error["param"] in error["message"]
    assert error["type"] == "invalid_request_error" and str(error["code"]).startswith("invalid_image")


@pytest.mark.bad_input
def test_nothing_is_fetched(said: Callable[..., Any], tmp_path: Path) -> None:
    here = tmp_path / "here.png"
    here.write_bytes(file())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        near = f"127.0.0.1:{listening.getsockname()[1]}/a.png"
        for remote in (
            f"http://{near}",
            f"HTTPS://{near}",
            f"ftp://{near}",
            f"//{near}",
            here.as_uri(),
            str(here),
            "~/a.png",
            "",
        ):
            with pytest.raises(openai.BadRequestError, match="fetches no picture") as caught:
                said(asked(remote))
            error: Any = caught.value.body
            assert (error["code"], error["param"]) == ("remote_image_refused", "messages[0].content[0].image_url.url")
        with pytest.raises(BlockingIOError):  # nobody has knocked
            listening.accept()


@pytest.mark.bad_input
def test_too_much_to_look_at(said: Callable[..., Any]) -> None:
    with pytest.raises(openai.BadRequestError, match=f"{MOST} pictures a request") as caught:
        said(asked(*[url(file())] * (MOST + 1)))
    error: Any = caught.value.body
    assert error["param"] == f"messages[0].content[{MOST}].image_url.url"
    wide = url(file("#fff", size=(4000, 4000), mode="L"))  # two of them are allowed, three are not
    with pytest.raises(openai.BadRequestError, match="too many pixels"):
        said(asked(wide, wide, wide))
    with pytest.raises(openai.APIStatusError) as refused:
        said(asked(url(b"0" * 8_000_000)))
    assert refused.value.status_code == 413
    with pytest.raises(openai.BadRequestError, match="must be one of"):
        said([{"role": "system", "content": asked(url(file()))[0]["content"]}])


@pytest.mark.bad_input
def test_a_model_of_text_is_shown_nothing(client: openai.OpenAI) -> None:
    messages: Any = asked(url(file()))
    with pytest.raises(openai.BadRequestError, match="smolvlm-own") as caught:
        client.chat.completions.create(model="tiny", messages=messages, max_tokens=2)
    error: Any = caught.value.body
    assert (error["code"], error["param"]) == ("images_not_supported", "messages[0].content[0].image_url.url")


def test_a_log_is_no_album() -> None:
    long = url(file())
    shown = for_the_log({"messages": asked(long), "model": "eyes"})
    assert shown["messages"][0]["content"][0]["image_url"]["url"] == f"{long[:40]}... ({len(long)})"
    assert shown["messages"][0]["content"][1]["text"] == "Hình gì?"
