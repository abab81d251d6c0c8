"""Entry point of `smol`: the language first (help texts need it), then the command, then one clear line for an error."""

import os
import sys

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
            raise SmolError(f"--lang nhận vi hoặc en, không nhận {value!r}", f"--lang takes vi or en, not {value!r}", fix="--lang vi")
        set_language(value)  # type: ignore[arg-type]
    return rest


def main() -> None:
    """Runs one command. Exit codes: 0 done, 1 a bug of ours, 2 something the user can mend, 130 interrupted."""
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


if __name__ == "__main__":
    main()
