"""`smol chat` as a person uses it: one question, a pipe, and a terminal."""

import codecs
import contextlib
import io
import os
import re
import subprocess
import sys
import time

import pytest

from smolcourse.cli.main import main


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs the command in this process: returns exit code, stdout, stderr."""

    def run(*arguments, stdin=None):
        monkeypatch.setattr(sys, "argv", ["smol", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return code, *capsys.readouterr()

    return run


def test_one_question(here, tiny_model):
    code, stdout, stderr = here("chat", tiny_model, "cho mình 1 trà đào size L", "--max-new-tokens", "4")
    assert (code, stderr) == (0, "")
    assert stdout.endswith("\n")


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1", "C.UTF-8"])
def test_vietnamese_under_any_locale(tiny_model, tmp_path, locale):
    """The prompt must reach the model as it was typed: the tiny model's context is what we can see from outside."""
    code = (
        "import sys; from smolcourse.cli.terminal import repaired, use_utf8; use_utf8();"
        "print(repaired(sys.argv[1])); print(sys.stdin.read(), end='')"
    )
    environment = {**os.environ, "LC_ALL": locale, "LANG": locale}
    environment.pop("PYTHONUTF8", None), environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [sys.executable, "-c", code, "trà đào cỡ lớn"],
        input="một ly sữa\n".encode(),
        env=environment,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == "trà đào cỡ lớn\nmột ly sữa\n"


def test_a_pipe(here, tiny_model):
    asked = here("chat", tiny_model, "một trà đào", "--max-new-tokens", "3")
    assert asked[0] == 0
    assert here("chat", tiny_model, "--max-new-tokens", "3", stdin="một trà đào\n") == asked
    code, _, stderr = here("chat", tiny_model, stdin="  \n")
    assert code == 2 and "prompt trống" in stderr


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch", "hi"], "nosuch"),
        (["{model}", ""], "prompt trống"),
        (["{model}", "hi", "--temperature", "nan"], "temperature"),
        (["{model}", "hi", "--top-p", "2"], "top_p"),
        (["{model}", "hi", "--max-new-tokens", "0"], "max_new_tokens"),
        (["{model}", "dài " * 3000], "2048"),
    ],
)
def test_errors(here, tiny_model, arguments, said):
    code, stdout, stderr = here("chat", *[argument.format(model=tiny_model) for argument in arguments])
    assert code == 2
    assert said in stderr and "Traceback" not in stderr
    assert stdout == ""


@pytest.fixture
def shots(tmp_path):
    """A folder with pictures under names that people give, and one that is none."""
    from PIL import Image

    for name, colour in (("đỏ.png", "red"), ("hai từ.png", "blue")):
        Image.new("RGB", (64, 48), colour).save(tmp_path / name)
    (tmp_path / "bad.png").write_text("văn bản", encoding="utf-8")
    return tmp_path


def test_one_question_about_pictures(here, tiny_vlm, shots):
    code, stdout, stderr = here(
        "chat", tiny_vlm, "hình gì?", "--image", shots / "đỏ.png", "--image", shots / "hai từ.png", "--max-new-tokens", "2"
    )
    assert (code, stderr) == (0, "") and stdout.endswith("\n")


@pytest.mark.bad_input
def test_pictures_that_cannot_be_shown(here, tiny_model, tiny_vlm, shots):
    code, stdout, stderr = here("chat", tiny_vlm, "hình gì?", "--image", shots / "bad.png")
    assert (code, stdout) == (2, "") and "bad.png" in stderr
    code, stdout, stderr = here("chat", tiny_model, "hình gì?", "--image", shots / "đỏ.png")
    assert (code, stdout) == (2, "") and "smolvlm-own" in stderr and "Traceback" not in stderr


def test_pictures_in_a_conversation(here, tiny_vlm, shots, monkeypatch):
    from smolcourse.inference.chat import Chat

    seen = []
    answer = Chat.reply

    def reply(self, text):
        seen.append(len(self.pictures))
        return answer(self, text)

    monkeypatch.setattr(Chat, "reply", reply)
    monkeypatch.setenv("HOME", str(shots))
    lines = iter(
        [
            "hình gì?", f"/image {shots}/hai từ.png", f"/image {shots}/hai\\ từ.png", "/image '~/đỏ.png'", "hai hình gì?",
            f"/image {shots}/bad.png", "/image ~nobody-of-this-name/a.png", "/image", "nữa?", "/exit",
        ]
    )  # fmt: skip
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    code, stdout, stderr = here("chat", tiny_vlm, "--image", shots / "đỏ.png", "--max-new-tokens", "2")
    assert code == 0 and seen == [1, 3, 0]
    assert stdout.count("64 × 48") == 4 and "/image FILE" in stdout
    assert "bad.png" in stderr and "~nobody-of-this-name" in stderr and "Traceback" not in stderr


def test_ctrl_c_between_a_question_and_its_answer_ends_no_conversation(here, tiny_model, monkeypatch):
    from smolcourse.cli import chat

    def interrupted(*_):
        raise KeyboardInterrupt

    lines = iter(["chào", "/exit"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    monkeypatch.setattr(chat, "_turn", interrupted)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    code, stdout, stderr = here("chat", tiny_model)
    assert (code, stderr) == (0, "") and "Ctrl-D để thoát" in stdout


STOPS_AND_WAITS = """
import time
from smolcourse.cli.main import main
from smolcourse.inference.chat import Chat

answer = Chat.reply

def reply(self, text):
    for number, piece in enumerate(answer(self, text)):
        yield piece
        if number == 3:
            print("[half]", end="", flush=True)
            for _ in range(6000):  # a signal may be another thread's, and wakes no sleeper: Python sees it between two sleeps
                time.sleep(0.1)

Chat.reply = reply
main()
"""
"""The command, whose answers stay half-written however fast or slow this machine is."""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_conversation_in_a_terminal(tiny_model):
    """Types into a pseudo-terminal: commands, an answer stopped by Ctrl-C, and Ctrl-D to leave."""
    with Terminal("chat", str(tiny_model), "--system", "Ngắn.", "--max-new-tokens", "1900", "--lang", "en") as terminal:
        terminal.expect("system: Ngắn.")
        terminal.expect("> ")
        terminal.type("/nosuch\r")
        terminal.expect("There is no command /nosuch")
        terminal.expect("> ")  # what is typed before the prompt is read by other rules: Ctrl-D would be lost
        terminal.type("/system Mới hơn\r")
        terminal.expect("system: Mới hơn")
        terminal.expect("> ")
        terminal.type("chào bạn\r")
        terminal.expect("chào bạn")
        terminal.expect("[half]")
        terminal.type("\x03")
        terminal.expect("stopped")
        terminal.expect("> ")
        terminal.type("/reset\r")
        terminal.expect("forgotten")
        terminal.expect("> ")
        terminal.insist("\x03", lambda: terminal.comes("Ctrl-D to leave", 15))
        terminal.expect("> ")
        terminal.insist("\x04", lambda: terminal.ends(15))
        assert terminal.process.returncode == 0


class Terminal:
    """The `smol` command on a pseudo-terminal."""

    def __init__(self, *arguments):
        import pty

        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", STOPS_AND_WAITS, *arguments],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.seen = ""
        self.decode = codecs.getincrementaldecoder("utf-8")("ignore").decode  # a read may end inside a letter

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def insist(self, key, heard):
        """Presses a key until it is heard: one that falls into the moment between the prompt and the reading is lost."""
        for _ in range(20):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                self.type(key)
            if heard():
                return
        pytest.fail(f"{key!r} was never heard; seen: {self.seen[-500:]!r}")

    def comes(self, text, seconds):
        """Reads until the text appears, and forgets what came before it; whether it came."""
        import select

        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                return False
            self.seen += self.decode(os.read(self.master, 65536))
            self.seen = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", self.seen)
        self.seen = self.seen.partition(text)[2]
        return True

    def expect(self, text):
        assert self.comes(text, 300), f"{text!r} did not come; seen: {self.seen[-500:]!r}"

    def ends(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
