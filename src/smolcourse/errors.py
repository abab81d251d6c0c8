"""The one error a user sees: what is wrong, where, and the command that mends it."""

from smolcourse.language import tr


class SmolError(Exception):
    """Something the user can mend. The `smol` command prints it and exits with code 2.

    Args:
        vi: what is wrong, in Vietnamese.
        en: the same in English.
        where: file, row and key (`orders.jsonl:12 messages[0].role`); no language.
        fix: the command, or the setting, that mends it; no language.
    """

    def __init__(self, vi: str, en: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(vi, en)
        self.vi = vi
        self.en = en
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = tr(self.vi, self.en)
        if self.where:
            text = f"{self.where}: {text}"
        if self.fix:
            text += f"\n  {tr('Cách sửa', 'Fix')}: {self.fix}"
        return text
