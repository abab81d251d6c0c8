"""The certificate: every exercise is checked anew, and the page says what was recomputed and what it gave."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from smolcourse.course import quiz, svg
from smolcourse.course.attempts import attempt
from smolcourse.course.checker import Result
from smolcourse.course.lessons import TIERS, Module, modules
from smolcourse.course.sandbox import Sandbox
from smolcourse.errors import SmolError
from smolcourse.language import tr

Rows = list[tuple[Module, list[Result]]]


def write(workspace: Path, name: str, out: Path, say: Callable[[str], None]) -> Path:
    """Writes the certificate of all modules whose exercises all pass now.

    Raises:
        SmolError: no module is complete; names what is missing.
    """
    rows: Rows = []
    missing: list[str] = []
    with Sandbox() as sandbox:
        for module in modules():
            results = []
            for exercise in module.exercises:
                results.append(attempt(workspace, exercise, sandbox, say))
                say(f"{TIERS[exercise.tier]} {exercise.name}: {'✓' if results[-1].state == 'passing' else '✗'}")
            if all(result.state == "passing" for result in results):
                rows.append((module, results))
            missing += [result.exercise.name for result in results if result.state != "passing"]
    if not rows:
        listed = ", ".join(missing[:6])
        raise SmolError(f"chưa bài nào xong; còn thiếu: {listed}", f"no module is complete; missing: {listed}", fix="smol next")
    drawing = certificate(name, rows, workspace)
    text = drawing if out.suffix != ".html" else f"<!doctype html><meta charset='utf-8'><title>{escape(name)}</title>\n{drawing}"
    out.write_text(text, encoding="utf-8", newline="\n")
    return out


def certificate(name: str, rows: Rows, workspace: Path) -> str:
    """The drawing."""
    width, parts, y = 820, [], 190.0
    parts.append(svg.text(width / 2, 70, tr("CHỨNG NHẬN", "CERTIFICATE"), size=34, colour=svg.LOSS))
    parts.append(svg.text(width / 2, 118, name or "…", size=26))
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    parts.append(
        svg.text(
            width / 2,
            148,
            tr(f"đã hoàn thành các phần sau của khoá smolcourse, {day}", f"has completed in smolcourse, {day}"),
            size=14,
        )
    )
    for module, results in rows:
        done, right, whole = quiz.score(workspace, module)
        quiz_text = f"quiz {right}/{whole}" if done else ""
        parts.append(svg.text(60, y, f"{module.number}. {module.title}", size=18, anchor="start"))
        parts.append(svg.text(width - 60, y, quiz_text, size=14, anchor="end"))
        for result in results:
            y += 24
            exercise = result.exercise
            parts.append(svg.text(84, y, f"✓ {exercise.title}", size=14, anchor="start", colour=svg.LOSS))
            parts.append(
                svg.text(
                    width - 60,
                    y,
                    result.got[:70] or tr("chấm lại với đầu vào mới", "checked on fresh inputs"),
                    size=12,
                    anchor="end",
                )
            )
        y += 44
    parts.append(
        svg.text(
            width / 2,
            y + 10,
            tr("Mọi kết quả trên được tính lại lúc tạo trang này.", "Everything above was recomputed when this page was made."),
            size=12,
        )
    )
    return svg.picture(width, int(y + 50), *parts, title=tr(f"Chứng nhận: {name}", f"Certificate: {name}"))
