"""Video as pictures: the right moments, in their order, and a clear word about what is no animation."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from smolcourse.data.frames import frames, shown_by, spaced
from smolcourse.data.image_rows import identities, portable
from smolcourse.data.images import identity, open_image
from smolcourse.data.loading import load_rows
from smolcourse.errors import SmolError


def clip(file: Path, count: int = 20) -> Path:
    """Frame n is grey of 10 n."""
    made = [Image.new("RGB", (16, 16), (10 * n, 10 * n, 10 * n)) for n in range(count)]
    how = {"lossless": True} if file.suffix == ".webp" else {}
    made[0].save(file, save_all=True, append_images=made[1:], duration=40, loop=0, **how)
    return file


def greys(names: list[str]) -> list[int]:
    return [open_image(name).getpixel((2, 2))[0] for name in names]  # type: ignore[index]


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_an_animation_is_its_moments(kind: str, tmp_path: Path) -> None:
    file = clip(tmp_path / f"clip.{kind}")
    assert greys(frames(file, 5)) == [0, 50, 100, 140, 190]  # frames 0, 4.75, 9.5, 14.25 and 19
    assert greys(frames(file)) == [10 * n for n in spaced(20, 8)] and len(frames(file)) == 8
    assert greys([str(file)]) == [0]  # as a picture it is its first frame, as ever
    first, last = frames(file, 2)
    assert identity(first) != identity(last) and identity(last) == identity(last)
    moved = file.rename(tmp_path / f"moved.{kind}")
    assert identity(frames(moved, 2)[1]) == identity(f"{moved}#frame=19")


def test_a_folder_is_its_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("x")
    assert greys(frames(tmp_path, 12)) == list(range(12))
    assert greys(frames(tmp_path, 3)) == [0, 6, 11]
    assert shown_by(str(tmp_path)) == frames(tmp_path)


def test_moments_are_spread_evenly() -> None:
    assert spaced(3, 8) == [0, 1, 2]
    assert spaced(9, 3) == [0, 4, 8]
    assert spaced(9, 1) == [4]
    assert all(spaced(total, 8) == sorted(set(spaced(total, 8))) for total in range(1, 200))


def test_a_row_with_a_video_is_a_row_with_pictures(tmp_path: Path, here: Callable[..., tuple[int, str, str]]) -> None:
    clip(tmp_path / "clip.gif")
    (tmp_path / "still").mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "still" / f"{number}.png")

    def row(*videos: dict[str, object]) -> str:
        asked = [*videos, {"type": "text", "text": "Chuyện gì xảy ra?"}]
        answer = {"role": "assistant", "content": [{"type": "text", "text": "Sáng dần."}]}
        return json.dumps({"messages": [{"role": "user", "content": asked}, answer]})

    file = tmp_path / "rows.jsonl"
    moving = row({"type": "video", "video": "clip.gif", "frames": 4})
    file.write_text(moving + "\n" + row({"type": "video", "video": "still"}, {"type": "image", "image": "clip.gif"}) + "\n")
    first, second = load_rows(str(file))
    assert greys(first["images"]) == [0, 60, 130, 190]
    assert [part["type"] for part in first["messages"][0]["content"]] == ["image"] * 4 + ["text"]
    assert greys(second["images"]) == [0, 1, 2, 0]
    assert portable(first) == first and len(set(identities(first))) == 4
    code, out, _ = here("data", "check", file)
    assert code == 0, out

    for bad, said in (
        ({"type": "video", "video": "clip.mp4"}, "ffmpeg"),
        ({"type": "video", "video": "nowhere.gif"}, "nowhere.gif"),
        ({"type": "video", "video": "clip.gif", "frames": 0}, "frames"),
        ({"type": "video"}, "video"),
    ):
        file.write_text(moving + "\n" + row(bad) + "\n")
        with pytest.raises(SmolError) as error:
            list(load_rows(str(file)))
        assert "rows.jsonl:2" in str(error.value) and said in str(error.value)


def test_a_video_file_says_how_to_get_frames(tmp_path: Path) -> None:
    for name, head in (("a.mp4", b"\0\0\0\x18ftypisom"), ("b.webm", b"\x1a\x45\xdf\xa3"), ("c.mov", b"\0\0\0\x14ftypqt  ")):
        (tmp_path / name).write_bytes(head + bytes(64))
        for way in (open_image, frames, shown_by):
            with pytest.raises(SmolError, match="video") as error:
                way(str(tmp_path / name))
            assert "ffmpeg -i" in str(error.value.fix)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SmolError) as error:
        frames(tmp_path / "empty")
    assert "no frames" in error.value.en


def test_a_frame_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    file = clip(tmp_path / "clip.gif", 3)
    with pytest.raises(SmolError):
        open_image(f"{file}#frame=9")
