"""A lesson as one HTML page that needs nothing else: style, pictures and glossary are inside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smolcourse.course.glossary import glossary, terms_in
from smolcourse.course.lessons import TIERS
from smolcourse.course.myst import PICTURE, TERM, Lesson
from smolcourse.course.pictures import draw
from smolcourse.language import tr

_PAGE = Path(__file__).with_name("page.html.jinja")


def html_page(lesson: Lesson, outputs: Mapping[str, str] | None = None) -> str:
    """The page. `outputs` are what the cells print (`cells.run_cells`), shown under them."""
    from jinja2 import Environment
    from markdown_it import MarkdownIt

    keys = list(dict.fromkeys(key for block in lesson.blocks for _, key in terms_in(block.text)))
    terms = [glossary()[key] for key in keys if key in glossary()]
    numbers = {term.key: number for number, term in enumerate(terms, start=1)}
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")

    def html(text: str) -> str:
        pictures: list[str] = []

        def figure(mark: Any) -> str:
            pictures.append(f"<figure>{draw(lesson.module, mark[2])}<figcaption>{mark[1]}</figcaption></figure>")
            return f"@@picture{len(pictures) - 1}@@"

        def term(mark: Any) -> str:
            number = numbers.get((mark[2] or mark[1]).strip().lower())
            return f'<a class="term" href="#term-{number}">{mark[1].strip()}</a>' if number else mark[1].strip()

        rendered = str(markdown.render(TERM.sub(term, PICTURE.sub(figure, text))))
        for number, drawn in enumerate(pictures):
            rendered = rendered.replace(f"<p>@@picture{number}@@</p>", drawn).replace(f"@@picture{number}@@", drawn)
        return rendered

    def code(label: str, text: str) -> str:
        printed = (outputs or {}).get(label, "").rstrip()
        shown = html(f"```python\n{text}\n```")
        return shown + (html(f"````text\n{printed}\n````").replace("<pre>", '<pre class="output">') if printed else "")

    blocks = [
        {
            "name": block.name,
            "stale": block.name in lesson.stale,
            "html": "".join(code(p.label, p.text) if p.kind == "cell" else html(p.text) for p in lesson.parts(block)),
        }
        for block in lesson.blocks
    ]
    template = Environment(autoescape=True).from_string(_PAGE.read_text(encoding="utf-8"))
    return template.render(
        language=lesson.language,
        title=str(lesson.module.title),
        module=lesson.module,
        cost=cost(lesson),
        blocks=blocks,
        stale=stale_note(),
        tiers=TIERS,
        terms=terms,
        exercises_title=tr("Bài tập", "Exercises"),
        glossary_title=tr("Từ dùng trong bài", "Words used here"),
    )


def cost(lesson: Lesson) -> str:
    """Minutes and memory in one line."""
    module = lesson.module
    return tr(
        f"Khoảng {module.minutes} phút đọc · bộ nhớ tối đa {module.memory_gb:g} GB · {len(module.exercises)} bài tập",
        f"About {module.minutes} minutes to read · at most {module.memory_gb:g} GB of memory · {len(module.exercises)} exercises",
    )


def stale_note() -> str:
    """What a reader is told about a block that renders an older text."""
    return tr(
        "Mục này chưa theo kịp bản tiếng Anh mới nhất; nếu có chỗ khác nhau, hãy tin bản tiếng Anh (--lang en).",
        "This section has not caught up with the newest Vietnamese text; where they differ, trust the Vietnamese (--lang vi).",
    )
