"""What a client is told when something is wrong: one exception, in the shape of OpenAI's errors."""

from __future__ import annotations

from typing import Any

from smolcourse.errors import SmolError
from smolcourse.language import tr

_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class Problem(Exception):
    """An answer that is not the one asked for.

    Args:
        status: of HTTP.
        vi: what is wrong, in Vietnamese; the server's language chooses.
        en: the same in English.
        param: the key of the request that is wrong, such as `messages[0].role`.
        code: what a program may look at, such as `model_not_found`.
        headers: to send along.
    """

    def __init__(
        self,
        status: int,
        vi: str,
        en: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(en)
        self.status, self.vi, self.en, self.param, self.code = status, vi, en, param, code
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        kind = _KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": tr(self.vi, self.en), "type": kind, "param": self.param, "code": self.code}}


def wrong(vi: str, en: str, param: str | None = None, code: str | None = None) -> Problem:
    """The request is wrong (400)."""
    return Problem(400, vi, en, param=param, code=code)


def busy(seconds: int) -> Problem:
    """The queue is full (429)."""
    return Problem(
        429,
        f"server đang bận, hàng đợi đã đầy; hãy thử lại sau {seconds} giây",
        f"the server is busy and its queue is full; try again in {seconds} seconds",
        code="queue_full",
        headers={"Retry-After": str(seconds)},
    )


def unavailable() -> Problem:
    """The model's process ended, or is not there yet (503)."""
    return Problem(
        503,
        "tiến trình chạy mô hình vừa dừng và đang được khởi động lại; hãy thử lại sau vài giây",
        "the model's process ended and is being started again; try again in a few seconds",
        code="model_restarting",
        headers={"Retry-After": "2"},
    )


def late(seconds: float) -> Problem:
    """The answer took too long (504)."""
    return Problem(
        504,
        f"quá {seconds:g} giây mà chưa trả lời xong; hãy giảm max_tokens",
        f"no whole answer within {seconds:g} seconds; ask for fewer max_tokens",
        code="timeout",
    )


def of_engine(status: int, error: object) -> Problem:
    """What llama.cpp refused, in our words where it is the client's matter."""
    told = error if isinstance(error, dict) else {"message": str(error)}
    said = str(told.get("message") or "")[:500]
    if told.get("type") == "exceed_context_size_error":
        asked, room = told.get("n_prompt_tokens"), told.get("n_ctx")
        return wrong(
            f"prompt dài {asked} token, context chỉ có {room}",
            f"the prompt has {asked} tokens, the context holds {room}",
            code="context_length_exceeded",
        )
    if param := told.get("param"):  # our own worker names the part, and speaks both languages
        vi = str(told.get("vi") or said)
        return wrong(f"{param}: {vi}", f"{param}: {said}", str(param), "invalid_image")
    if 400 <= status < 500:
        return wrong(f"mô hình không nhận yêu cầu này: {said}", f"the model does not take this request: {said}")
    return Problem(500, f"mô hình gặp lỗi: {said}", f"the model failed: {said}", code="engine_error")


def of_smol(error: SmolError) -> Problem:
    """An error of the library that the client caused."""
    return wrong(error.vi, error.en)
