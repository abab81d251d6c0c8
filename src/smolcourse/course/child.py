"""The process a learner's code runs in. `python -m smolcourse.course.child` loads torch once and forks for every job it reads.

A job is one line of JSON: {"code", "check", "seed", "memory", "scratch"}. The verdict goes to `scratch/verdict.json`; what the
code prints to `scratch/output.txt`. Without fork (Windows) the process does one job and ends.
"""

import json
import os
import random
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.course.files import load_file
from smolcourse.course.limits import Forbidden, forbid, limit_memory

Verdict = dict[str, Any]


def verdict_of(code: Path, checks: ModuleType, seed: int) -> Verdict:
    """Runs a check once. {"ok": True}, or the misconception's name with both texts, call, got, wanted, section."""
    mine = None
    try:
        mine = Mine(load_file(code))
        _seed(seed)
        checks.check(mine, random.Random(seed))
        return {"ok": True, "returned": mine.returned}
    except Wrong as wrong:
        texts = {key: getattr(wrong, key) for key in ("name", "vi", "en", "got", "wanted", "read", "constant")}
        return {"ok": False, "call": mine.last_call if mine else "", "returned": mine.returned if mine else [], **texts}
    except BaseException as error:
        return {"ok": False, "call": mine.last_call if mine else "", **_named(error, code)}


def _named(error: BaseException, code: Path) -> Verdict:
    """What an exception of the learner's code means."""
    line = next(
        (frame.lineno for frame in reversed(traceback.extract_tb(error.__traceback__)) if frame.filename == str(code)), None
    )
    place_vi, place_en = (f", dòng {line}", f", line {line}") if line else ("", "")
    reason = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    found = {"line": line, "got": reason, "wanted": "", "read": ""}
    if isinstance(error, NotImplementedError):
        return {**found, "name": "not-written", "vi": "hàm chưa được viết", "en": "the function is not written yet", "got": ""}
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        vi, en = f"đòi quá nhiều bộ nhớ{place_vi}", f"asks for too much memory{place_en}"
        return {**found, "name": "memory", "vi": vi, "en": en}
    if isinstance(error, SystemExit):
        vi, en = (
            f"code tự gọi exit{place_vi}: hàm phải trả về chứ không được thoát",
            f"the code calls exit{place_en}: return instead",
        )
        return {**found, "name": "exit", "vi": vi, "en": en}
    if isinstance(error, Forbidden):
        what = {
            "network": ("kết nối mạng", "opens the network"),
            "program": ("chạy chương trình khác", "starts another program"),
            "file": ("ghi hoặc xoá tệp", "writes or removes files"),
        }[error.kind]
        vi, en = f"code {what[0]}{place_vi}; bài này không cần", f"the code {what[1]}{place_en}; this exercise needs none"
        return {**found, "name": error.kind, "vi": vi, "en": en, "got": str(error)}
    if isinstance(error, RecursionError):
        return {
            **found,
            "name": "recursion",
            "vi": f"hàm gọi lại chính nó mãi{place_vi}",
            "en": f"calls itself for ever{place_en}",
        }
    return {**found, "name": "exception", "vi": f"code dừng vì lỗi{place_vi}", "en": f"the code stops with an error{place_en}"}


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _run(job: dict[str, Any], checks: ModuleType) -> None:
    scratch = Path(job["scratch"])
    output = os.open(scratch / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # input() finds the end at once
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    os.chdir(scratch)
    verdict_file = os.open(scratch / "verdict.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    limit_memory(int(job["memory"]))
    forbid(scratch)
    verdict = verdict_of(Path(job["code"]), checks, job["seed"])
    os.write(verdict_file, json.dumps(verdict).encode())
    sys.stdout.flush()


def main() -> None:
    """Does the jobs that come on standard input, each in a fork."""
    sys.dont_write_bytecode = True
    import torch
    import transformers  # noqa: F401  # loaded once, before the first fork

    torch.set_num_threads(1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        checks = load_file(Path(job["check"]))  # the author's own: it may open files and load a tokenizer
        if not hasattr(os, "fork"):
            print(json.dumps({"pid": os.getpid()}), flush=True)
            _run(job, checks)
            return
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _run(job, checks)
                code = 0
            finally:
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
