"""Entry point of `smol`: the language first (help texts need it), then the command, then one clear line for an error."""

import os
import sys
import traceback
import warnings

from smolcourse.assets.network import close_network
from smolcourse.errors import SmolError
from smolcourse.language import set_language, tr


def _language_from(arguments: list[str]) -> list[str]:
    """Takes `--lang vi|en` out of the arguments, wherever it stands."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, _, value = word.partition("=")
        if name != "--lang":
            rest.append(word)
            continue
        value = value or next(words, "")
        if value not in ("vi", "en"):
            raise SmolError(
                f"--lang nhận vi hoặc en, không nhận {value!r}", f"--lang takes vi or en, not {value!r}", fix="--lang vi"
            )
        set_language(value)  # type: ignore[arg-type]
    return rest


def main() -> None:
    """Runs one command. Exit codes: 0 done, 1 a bug of ours, 2 something the user can mend, 130 interrupted."""
    close_network()
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)  # notes from library to library, of no use to a learner
    warnings.filterwarnings("ignore", message="Position ids are not supported")  # PEFT, of every answer with learned prompts
    try:
        arguments = _language_from(sys.argv[1:])
        from smolcourse.cli.commands import app

        app(args=arguments, prog_name="smol")
    except SmolError as error:
        print(f"{tr('Lỗi', 'Error')}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(tr("Đã dừng.", "Stopped."), file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        _report_bug(error)
        sys.exit(1)


def _report_bug(error: Exception) -> None:
    """A bug of ours: one line on the screen, the details in a file that can be sent."""
    from smolcourse.assets.cache import home

    where = home() / "last-error.txt"
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        traceback.print_exc()
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    print(
        tr(
            f"Lỗi của smolcourse: {kind}\n  Chi tiết: {where}; thông tin máy: smol doctor",
            f"A bug in smolcourse: {kind}\n  Details: {where}; about this machine: smol doctor",
        ),
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
