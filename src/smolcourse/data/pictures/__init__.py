"""Vietnamese street food in pictures, drawn by a seeded generator: receipts, menus, signs, charts, and shapes to be counted."""

from smolcourse.data.pictures.generator import SPLITS, TASKS, Split, generate

__all__ = ["SPLITS", "TASKS", "Split", "generate"]
