"""Pictures as words of the decoder: the answers are those of transformers, for many at once and turn by turn."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from smolcourse.assets.cache import home
from smolcourse.errors import SmolError
from smolcourse.inference import seeing
from smolcourse.inference.chat import Chat
from smolcourse.inference.generate import Streamer, generate
from smolcourse.inference.loading import load_model
from smolcourse.vision.auto import AutoProcessor


@pytest.fixture(scope="module")
def loaded(tiny_vlm: Path) -> tuple[Any, Any]:
    loaded: tuple[Any, Any] = load_model(str(tiny_vlm))
    model, tokenizer = loaded
    # Random weights of this size repeat themselves whatever they read; without ties they say more.
    torch.manual_seed(1)
    model.language_model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.language_model.lm_head.weight))
    model.projector.leave.weight.data *= 40
    return model, tokenizer


def asked(image: Any, text: str = "Hình gì?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": text}]}]


def pictures(folder: Path) -> list[Path]:
    files = [folder / f"{number}.png" for number in range(3)]
    for file, colour in zip(files, ("red", "blue", "white"), strict=True):
        Image.new("RGB", (64, 48), colour).save(file)
    return files


def by_transformers(model: Any, folder: Path, messages: list[dict[str, Any]], image: Path) -> str:
    processor = AutoProcessor.from_pretrained(folder)
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    batch = processor(images=[image], text=text, return_tensors="pt")
    written = model.generate(**batch, max_new_tokens=6, do_sample=False)[0, batch["input_ids"].shape[1] :]
    return str(processor.tokenizer.decode(written, skip_special_tokens=True))


def test_answers_are_those_of_transformers(loaded: tuple[Any, Any], tiny_vlm: Path, tmp_path: Path) -> None:
    model, tokenizer = loaded
    files = pictures(tmp_path)
    prompts = [asked(file, text) for file in files for text in ("Hình gì?", "Trong hình này có những màu nào?")]
    answers = generate(model, tokenizer, prompts, max_new_tokens=6)
    wanted = [by_transformers(model, tiny_vlm, prompt, file) for prompt, file in zip(prompts, sorted(files * 2), strict=True)]
    assert answers == wanted and len(set(wanted)) > 1
    assert [generate(model, tokenizer, [prompt], max_new_tokens=6)[0] for prompt in prompts] == wanted


def test_a_conversation_goes_on_about_its_picture(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = loaded
    file = pictures(tmp_path)[0]
    writer = Streamer(model, tokenizer)
    first = "".join(writer.stream(asked(file), max_new_tokens=5))
    later = [*asked(file), {"role": "assistant", "content": first}, {"role": "user", "content": "Còn gì nữa?"}]
    assert "".join(writer.stream(later, max_new_tokens=5)) == generate(model, tokenizer, [later], max_new_tokens=5)[0]


def test_without_a_picture_it_answers_as_its_language_model(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    plain = [{"role": "user", "content": "Xin chào"}]
    assert generate(model, tokenizer, [plain], max_new_tokens=5) == generate(
        model.language_model, tokenizer, [plain], max_new_tokens=5
    )


def test_a_bad_picture_is_told(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(SmolError, match=r"missing\.png"):
        generate(*loaded, [asked(tmp_path / "missing.png")], max_new_tokens=2)
    with pytest.raises(SmolError):
        generate(*loaded, [asked("http://example.com/a.png")], max_new_tokens=2)


def test_pictures_shown_in_turn_keep_to_their_questions(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = loaded
    files = pictures(tmp_path)
    chat = Chat(Streamer(model, tokenizer), "Ngắn gọn.", max_new_tokens=5)
    kept = set(home().rglob("*.npy"))
    turns: list[dict[str, Any]] = [{"role": "system", "content": "Ngắn gọn."}]
    for shown, text in (([], "Chào"), (files[:2], "Hai hình?"), ([], "Còn gì?"), ([files[2], files[0]], "Và đây?")):
        for file in shown:
            assert chat.show(str(file)).size == (64, 48)
        parts = [{"type": "image", "image": file} for file in shown]
        turns.append({"role": "user", "content": [*parts, {"type": "text", "text": text}]})
        answer = "".join(chat.reply(text))
        assert answer == generate(model, tokenizer, [turns], max_new_tokens=5)[0] and not chat.pictures
        turns.append({"role": "assistant", "content": answer})
        kept |= set(home().rglob("*.npy"))  # of `generate`, which keeps what it saw
    for file in files:
        file.unlink()  # the conversation holds them
    assert "".join(chat.reply("Nữa?")) and len(chat.turns) == 10
    chat.reset()
    chat.turns[:] = []
    Image.new("RGB", (64, 48), "green").save(files[0])
    chat.show(str(files[0]))
    list(chat.reply("Hình gì?"))
    assert set(home().rglob("*.npy")) == kept  # and nothing of them stays on the disk


def test_pictures_of_many_are_forgotten_in_time(loaded: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = loaded
    files = pictures(tmp_path)
    wanted = generate(model, tokenizer, [asked(file) for file in files], max_new_tokens=5)
    monkeypatch.setattr(seeing, "_CROWD", 8)  # two pictures
    writer = Streamer(model, tokenizer)
    decoder = writer._decoder
    assert decoder is not None
    words = len(decoder._embed)
    for _ in range(2):
        assert ["".join(writer.stream(asked(file), max_new_tokens=5)) for file in files] == wanted
        assert len(decoder._embed) - words <= 8


def test_the_name_of_the_placeholder_is_a_word_like_others(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    file = pictures(tmp_path)[0]
    for prompt in (asked(file, "<image> là gì? <image>"), [{"role": "user", "content": "<image>"}], "Thẻ <image>"):
        assert isinstance(generate(*loaded, [prompt], max_new_tokens=2)[0], str)


@pytest.mark.bad_input
def test_a_picture_shown_to_a_model_of_text(tiny_model: Path, tmp_path: Path) -> None:
    loaded = load_model(str(tiny_model))
    file = pictures(tmp_path)[0]
    with pytest.raises(SmolError, match="smolvlm-own"):
        generate(*loaded, [asked(file)], max_new_tokens=2)
    with pytest.raises(SmolError, match="smolvlm-own"):
        Chat(Streamer(*loaded)).show(str(file))
