"""Chat templates: load a tokenizer with one, and render messages through it. Every Jinja error becomes one clear message."""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = dict[str, Any]
ROLES = ("system", "developer", "user", "assistant", "tool")
CHATML = Path(__file__).with_name("chatml.jinja")
SMOLVLM = Path(__file__).with_name("smolvlm.jinja")

# Two private-use characters: no template trims or splits at them, and no real text holds them.
_USER_MARK, _ANSWER_MARK = "\ue0f1", "\ue0f2"


def load_tokenizer(path: str | Path, chat_template_path: str | Path | None = None) -> "PreTrainedTokenizerBase":
    """Loads the fast tokenizer in a model folder.

    Args:
        path: the folder (or hub name) of the model.
        chat_template_path: a Jinja file whose template replaces the tokenizer's own, or `chatml` for the one that
            comes with smolcourse (its generation markers leave only answers and `<|im_end|>` in the loss).

    Raises:
        SmolError: no tokenizer there, no fast tokenizer, a template file that is missing or does not parse (with its line).
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(path))
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and plain Exception here
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise SmolError(
            f"không đọc được tokenizer ({reason[0][:200]})",
            f"cannot read the tokenizer ({reason[0][:200]})",
            where=str(path),
            fix="smol assets verify",
        ) from error
    if not tokenizer.is_fast:
        raise SmolError(
            "tokenizer này không có bản fast (tokenizer.json), nên không biết token nào ứng với ký tự nào",
            "this tokenizer has no fast version (tokenizer.json), so nobody can tell which token holds which character",
            where=str(path),
        )
    name = None
    if chat_template_path is not None:
        file = CHATML if str(chat_template_path) == "chatml" else Path(chat_template_path)
        name = str(file)
        tokenizer.chat_template = _read_template(file)
    elif not tokenizer.chat_template and (file := Path(path) / "chat_template.json").is_file():  # as older processors have it
        tokenizer.chat_template = json.loads(file.read_text(encoding="utf-8")).get("chat_template")
    if tokenizer.chat_template:
        check_syntax(tokenizer, where=name or str(path))
        _take_strings(tokenizer)
    return tokenizer


def _take_strings(tokenizer: "PreTrainedTokenizerBase") -> None:
    """SmolVLM's template reads contents as lists of parts alone; ours writes the same, of strings too, and marks answers.

    It takes that one's place only where it writes the same text.
    """
    theirs = tokenizer.chat_template
    if not isinstance(theirs, str) or "<end_of_utterance>" not in theirs or has_markers(theirs):
        return
    picture, words = {"type": "image"}, {"type": "text", "text": "a b"}
    spoken = [("system", [words]), ("user", [picture, words, picture]), ("assistant", [words]), ("user", [words, picture])]
    turns: list[Message] = [{"role": role, "content": content} for role, content in spoken]
    try:
        wanted = [render_with_spans(turns, tokenizer, add_generation_prompt=opened)[0] for opened in (False, True)]
        tokenizer.chat_template = _read_template(SMOLVLM)
        found = [render_with_spans(turns, tokenizer, add_generation_prompt=opened)[0] for opened in (False, True)]
    except SmolError:
        found, wanted = [], [""]
    if found != wanted:
        tokenizer.chat_template = theirs


def _read_template(file: Path) -> str:
    """Reads a template as UTF-8 (a BOM is dropped) with \\n line ends: a stray \\r would end up in every prompt."""
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise SmolError(
            f"không đọc được tệp chat template ({error.strerror})",
            f"cannot read the chat template file ({error.strerror})",
            where=str(file),
            fix="chat_template_path=chatml",
        ) from error
    except UnicodeDecodeError as error:
        raise SmolError(
            f"tệp chat template không phải văn bản UTF-8 (byte {error.start})",
            f"the chat template file is not UTF-8 text (byte {error.start})",
            where=str(file),
        ) from error


def template_text(tokenizer: "PreTrainedTokenizerBase", tools: list[dict[str, Any]] | None = None) -> str:
    """Returns the Jinja text that applies (some tokenizers hold another one for tools).

    Raises:
        SmolError: the tokenizer has no chat template.
    """
    try:
        return str(tokenizer.get_chat_template(tools=tools))
    except ValueError as error:
        raise SmolError(
            "tokenizer này không có chat template, nên không ghép được các lượt thoại thành văn bản",
            "this tokenizer has no chat template, so turns cannot be joined into one text",
            fix="chat_template_path=chatml  (--chat-template chatml)",
        ) from error


def has_markers(template: str) -> bool:
    """Whether the template marks the assistant's text with `{% generation %}`."""
    return re.search(r"\{%[-+]?\s*generation\s*[-+]?%\}", template) is not None


def check_syntax(tokenizer: "PreTrainedTokenizerBase", *, where: str) -> None:
    """Compiles the template. Raises `SmolError` with the line number if it does not parse."""
    import jinja2
    from transformers.utils.chat_template_utils import _compile_jinja_template

    template = tokenizer.chat_template
    texts = template.values() if isinstance(template, dict) else [template]
    for text in texts:
        try:
            _compile_jinja_template(text)
        except jinja2.TemplateSyntaxError as error:
            raise SmolError(
                f"chat template sai cú pháp Jinja: {error.message}",
                f"the chat template is not valid Jinja: {error.message}",
                where=f"{where}:{error.lineno}",
                fix="chat_template_path=chatml",
            ) from error


def check_messages(messages: Any, where: str = "messages") -> None:
    """Checks the shape of a conversation: a list of turns with a known role and text. `where` names the key in the row."""
    if not isinstance(messages, list) or not messages:
        raise SmolError("phải là danh sách có ít nhất một lượt thoại", "must be a list of at least one turn", where=where)
    for index, message in enumerate(messages):
        place = f"{where}[{index}]"
        if not isinstance(message, dict) or "role" not in message:
            raise SmolError('phải là object có "role" và "content"', 'must be an object with "role" and "content"', where=place)
        if message["role"] not in ROLES:
            raise SmolError(
                f"role lạ {message['role']!r}; các role được nhận: {', '.join(ROLES)}",
                f"unknown role {message['role']!r}; known roles: {', '.join(ROLES)}",
                where=f"{place}.role",
                fix="smol data check --fix FILE",
            )
        content = message.get("content")
        if content is None and message["role"] == "assistant" and message.get("tool_calls"):
            continue
        if not isinstance(content, str):
            raise SmolError(
                f"phải là chuỗi ký tự, không phải {type(content).__name__}",
                f"must be a string, not {type(content).__name__}",
                where=f"{place}.content",
            )


def render_with_spans(
    messages: list[Message],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    tools: list[dict[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    marked: bool = False,
    **template_kwargs: Any,
) -> tuple[str, list[tuple[int, int]]]:
    """Renders a conversation; with `marked=True` also returns the character spans inside `{% generation %}` blocks."""
    import jinja2
    from transformers.utils.chat_template_utils import render_jinja_template

    template = template_text(tokenizer, tools)
    plain = [{key: value for key, value in message.items() if value is not None} for message in messages]
    try:
        texts, spans = cast(Callable[..., tuple[list[str], list[Any]]], render_jinja_template)(
            conversations=[plain],
            tools=tools or None,
            chat_template=template,
            return_assistant_tokens_mask=marked,
            add_generation_prompt=add_generation_prompt,
            **{**tokenizer.special_tokens_map, **template_kwargs},
        )
    except Exception as error:  # a template is a program: it may fail in any way (TypeError, OverflowError, ...)
        line = f":{error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise SmolError(
            f"chat template không nhận cuộc hội thoại này: {error}",
            f"the chat template refuses this conversation: {error}",
            where=f"chat_template{line}" if line else None,
            fix="chat_template_path=FILE.jinja",
        ) from error
    return texts[0], spans[0] if marked else []


def render(
    messages: list[Message],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    tools: list[dict[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    **template_kwargs: Any,
) -> str:
    """Renders a conversation to the text that the model reads. `add_generation_prompt` opens the assistant's next turn.

    Raises:
        SmolError: no template, or one that refuses these messages (roles that do not alternate, no system turn, ...).
    """
    check_messages(messages)
    return render_with_spans(messages, tokenizer, tools=tools, add_generation_prompt=add_generation_prompt, **template_kwargs)[0]


def shared_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The number of leading items that two sequences have in common."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


class Anatomy(NamedTuple):
    """The fixed text that a template puts around a user turn and the answer to it."""

    opening: str
    """What `add_generation_prompt=True` adds; empty for templates that ignore it."""
    header: str
    """What stands between the end of the user's turn and the answer."""
    footer: str
    """What stands after every answer: the end of turn, and often a newline."""
    closing: str
    """An eos token that ends the conversation, not the answer: it goes away when another turn follows (Phi-3)."""


def anatomy(tokenizer: "PreTrainedTokenizerBase") -> Anatomy:
    """Finds the fixed parts of the tokenizer's template by rendering one tiny exchange."""
    return _anatomy(tokenizer, template_text(tokenizer))


@lru_cache(maxsize=8)
def _anatomy(tokenizer: "PreTrainedTokenizerBase", template: str) -> Anatomy:
    question: Message = {"role": "user", "content": _USER_MARK}
    answer: Message = {"role": "assistant", "content": _ANSWER_MARK}
    asked = render_with_spans([question], tokenizer)[0]
    opened = render_with_spans([question], tokenizer, add_generation_prompt=True)[0]
    full = render_with_spans([question, answer], tokenizer)[0]
    if _USER_MARK not in full or _ANSWER_MARK not in full:
        raise SmolError(
            "chat template bỏ mất nội dung lượt thoại", "the chat template drops the text of a turn", where="chat_template"
        )
    before, _, footer = full.rpartition(_ANSWER_MARK)
    eos = str(tokenizer.eos_token or "")
    goes_away = bool(eos) and asked.endswith(eos) and not opened.startswith(asked) and opened.startswith(asked.removesuffix(eos))
    # Where nothing else ends an answer, that eos token is its end after all.
    closing = eos if goes_away and footer.endswith(eos) and footer.removesuffix(eos).strip() else ""
    asked = asked.removesuffix(closing)
    opening = opened[len(asked) :] if opened.startswith(asked) else ""
    header = before.rpartition(_USER_MARK)[2].removeprefix(asked.rpartition(_USER_MARK)[2])
    return Anatomy(opening, header, footer.removesuffix(closing), closing)


def user_opening(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> str:
    """The text that the template puts before what a user says after these messages: from here a model writes the user's turn.

    An opening token that the tokenizer adds by itself is left out.
    """
    full = render_with_spans([*messages, {"role": "user", "content": _USER_MARK}], tokenizer)[0]
    before, mark, _ = full.partition(_USER_MARK)
    if not mark:
        raise SmolError(
            "chat template bỏ mất nội dung lượt thoại", "the chat template drops the text of a turn", where="chat_template"
        )
    added = tokenizer("")["input_ids"]
    return before.removeprefix(str(tokenizer.bos_token)) if added else before
