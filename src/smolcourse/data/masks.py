"""Which characters of a rendered conversation the assistant wrote. Those, and only those, carry loss.

A template with `{% generation %}` markers says so itself. For every other template the spans are found by rendering
the conversation turn by turn: what turn i adds to the text before it, after the generation prompt, is turn i's answer.
Templates that rewrite history (reasoning dropped from earlier answers) break that rule; there one answer is swapped for a
mark, and the place where the two renderings differ is where that answer stands.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from smolcourse.data.templates import Message, anatomy, has_markers, render_with_spans, shared_prefix, template_text
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]
_MARK = "\ue0f3"


class Marked(NamedTuple):
    """A rendered conversation, the character spans that the assistant wrote, and whether earlier answers were rewritten."""

    text: str
    spans: list[Span]
    rewritten: bool = False


def assistant_spans(
    messages: list[Message],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    tools: list[dict[str, Any]] | None = None,
    **template_kwargs: Any,
) -> Marked:
    """Renders a conversation and finds each assistant turn: its text and its end of turn, not the header nor the newline after.

    Raises:
        SmolError: the template refuses the messages, or an answer cannot be found in what it renders.
    """
    if has_markers(template_text(tokenizer, tools)):
        text, spans = render_with_spans(messages, tokenizer, tools=tools, marked=True, **template_kwargs)
        return Marked(text, [(start, end) for start, end in spans if start < end])
    return _Search(messages, tokenizer, tools, template_kwargs).run()


class _Search:
    """One conversation under one template without markers."""

    def __init__(
        self,
        messages: list[Message],
        tokenizer: "PreTrainedTokenizerBase",
        tools: list[dict[str, Any]] | None,
        template_kwargs: dict[str, Any],
    ) -> None:
        self.messages = messages
        self.tokenizer = tokenizer
        self.kwargs = {**template_kwargs, "tools": tools}
        self.anatomy = anatomy(tokenizer)
        self.text = self._render(messages)
        self.rewritten = False

    def run(self) -> Marked:
        spans: list[Span] = []
        for index, message in enumerate(self.messages):
            if message["role"] == "assistant":
                floor = spans[-1][1] if spans else 0
                span = self._span(index, floor)
                self._verify(index, span, floor)
                spans.append(span)
        return Marked(self.text, spans, self.rewritten)

    def _render(self, messages: list[Message], generation: bool = False) -> str:
        return render_with_spans(messages, self.tokenizer, add_generation_prompt=generation, **self.kwargs)[0]

    def _span(self, index: int, floor: int) -> Span:
        last = index == len(self.messages) - 1
        through = self.text if last else self._render(self.messages[: index + 1]).removesuffix(self.anatomy.closing)
        kept = self.text.startswith(through)
        self.rewritten |= not kept
        end = self._end_of_turn(through) if kept else self._end_in_rewritten(index, through)
        return self._start(index, floor), end

    def _start(self, index: int, floor: int) -> int:
        """Where the model takes over: right after the generation prompt."""
        opened = self._opened(index)
        if opened is not None and self.text.startswith(opened):
            if self.anatomy.opening:
                return len(opened)
            # Either the user's end of turn opens the answer (Mistral), or a header follows that is nobody's answer.
            content = self._locate(self.messages, index)[0]
            return content if self.text[len(opened) : content].strip() else len(opened)
        # The text so far reads differently inside the whole conversation: look back from the answer to its header.
        content = self._locate(self.messages, index)[0]
        opening, header = self.anatomy.opening, self.anatomy.header
        if not opening:
            return content - len(header) if header.isspace() and self.text.endswith(header, 0, content) else content
        shared = opening[: shared_prefix(opening, header)]
        place = self.text.rfind(shared, floor, content) if shared in (opening, header) and shared.strip() else -1
        if place < 0:
            raise self._lost(index)
        return place + len(shared)

    def _opened(self, index: int) -> str | None:
        """The conversation before turn `index`, with the generation prompt; None where the template refuses it alone."""
        if index == 0:
            return None
        try:
            return self._render(self.messages[:index], generation=True)
        except SmolError:
            return None

    def _end_of_turn(self, through: str) -> int:
        """The end of the last turn in `through`, without the blank space that templates put after their end-of-turn token."""
        footer = self.anatomy.footer
        if through.endswith(footer):
            return len(through) - len(footer) + len(footer.rstrip() or footer)
        return len(through.rstrip())

    def _end_in_rewritten(self, index: int, through: str) -> int:
        """The end of an answer that the whole conversation shows in another form than its own turn did."""
        alone = self._locate(self.messages[: index + 1], index, through)[1]
        tail = through[alone : self._end_of_turn(through)]
        end = self._locate(self.messages, index)[1]
        if not tail or not self.text.startswith(tail, end):
            raise self._lost(index)
        return end + len(tail)

    def _locate(self, messages: list[Message], index: int, text: str | None = None) -> Span:
        """Where answer `index` stands: the region that changes when its text is swapped for a mark."""
        text = self.text if text is None else text
        swapped = [*messages]
        swapped[index] = {**messages[index], "content": _MARK}
        other = self._render(swapped)
        if _MARK not in other:
            raise self._lost(index)
        start = shared_prefix(text, other)
        same = shared_prefix(text[start:][::-1], other[start:][::-1])
        return start, len(text) - same

    def _verify(self, index: int, span: Span, floor: int) -> None:
        """The answer must stand in its span, and spans must not overlap: a wrong mask is worse than a stop."""
        content = (self.messages[index].get("content") or "").rpartition("</think>")[2].strip()
        start, end = span
        if not floor <= start < end or content not in self.text[start:end]:
            raise self._lost(index)

    def _lost(self, index: int) -> SmolError:
        return SmolError(
            "không xác định được đâu là phần trả lời của assistant trong văn bản mà chat template tạo ra",
            "cannot tell which part of the text that the chat template renders is the assistant's answer",
            where=f"messages[{index}]",
            fix="chat_template_path=FILE.jinja  ({% generation %} ... {% endgeneration %})",
        )
