"""The model that sees: images stand where their placeholders stand, answers survive saving, the cache changes nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from smolcourse.errors import SmolError
from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor
from smolcourse.vision.encoder import see
from smolcourse.vision.model import VlmForConditionalGeneration

QUESTION = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Đây là hình gì?"}]}]


@pytest.fixture(scope="module")
def loaded(tiny_vlm: Path) -> tuple[Any, Any]:
    return AutoModelForImageTextToText.from_pretrained(tiny_vlm).eval(), AutoProcessor.from_pretrained(tiny_vlm)


def picture(colour: str, size: tuple[int, int] = (64, 48)) -> Image.Image:
    image = Image.new("RGB", size, colour)
    image.paste("white", (10, 10, 30, 30))
    return image


def inputs(processor: Any, messages: list[Any], images: list[Any]) -> Any:
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    return processor(images=images, text=text, return_tensors="pt")


def test_an_image_takes_its_tokens_and_changes_the_answer(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    red, blue = (inputs(processor, QUESTION, [picture(colour)]) for colour in ("red", "blue"))
    assert int((red["input_ids"] == model.config.image_token_id).sum()) == model.config.tokens_per_tile == 4
    assert torch.equal(red["input_ids"], blue["input_ids"])
    with torch.no_grad():
        assert not torch.allclose(model(**red).logits[0, -1], model(**blue).logits[0, -1], atol=1e-5)


def test_images_stand_in_the_order_of_their_places(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    two = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "và"}, {"type": "image"}]}]
    images = [picture("red"), picture("blue")]
    batch = inputs(processor, two, images)
    with torch.no_grad():
        embedded = model.embed(batch["input_ids"], model.image_embeddings(batch["pixel_values"]))[0]
        place = (batch["input_ids"][0] == model.config.image_token_id).nonzero()[:, 0]
        for number, image in enumerate(images):
            alone = model.image_embeddings(torch.from_numpy(processor.pixel_values([processor.tiles(image)])))
            assert torch.allclose(embedded[place[4 * number : 4 * number + 4]], alone, atol=1e-6)
        words = batch["input_ids"][0] != model.config.image_token_id
        table = model.get_input_embeddings().weight
        assert torch.equal(embedded[words], table[batch["input_ids"][0][words]])


def test_a_wrong_number_of_images_is_told(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    for images in ([], [picture("red"), picture("blue")]):
        with pytest.raises(SmolError, match=r"ảnh"):
            inputs(processor, QUESTION, images)
    batch = inputs(processor, QUESTION, [picture("red")])
    with pytest.raises(ValueError, match="4 image placeholders, 0 image tokens"):
        model(input_ids=batch["input_ids"])


def test_kept_keys_and_kept_patches_change_no_answer(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    batch = inputs(processor, QUESTION, [picture("green")])
    settings = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None}
    kept = model.generate(**batch, **settings)
    assert torch.equal(kept, model.generate(**batch, use_cache=False, **settings))
    pixels = batch.pop("pixel_values")
    with torch.no_grad():
        seen = model.image_embeddings(patches=see(model.vision_tower, pixels))
    assert torch.equal(seen, model.image_embeddings(pixels))
    embedded = model.embed(batch["input_ids"], seen)
    assert torch.equal(kept[:, -8:], model.language_model.generate(inputs_embeds=embedded, **settings))


def test_several_conversations_at_once_get_the_answers_they_get_alone(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    longer = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Trong ảnh này có những gì vậy bạn?"}]}]
    texts = [processor.apply_chat_template(one, add_generation_prompt=True) for one in (QUESTION, longer)]
    images = [picture("red"), picture("blue")]
    settings = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    batch = processor(images=[[one] for one in images], text=texts, return_tensors="pt", padding=True, padding_side="left")
    together = model.generate(**batch, **settings)[:, -6:]
    for number in range(2):
        alone = processor(images=images[number], text=texts[number], return_tensors="pt")
        assert torch.equal(together[number], model.generate(**alone, **settings)[0, -6:])


def test_a_large_image_is_cut_into_tiles(tiny_vlm: Path) -> None:
    processor = AutoProcessor.from_pretrained(tiny_vlm, max_tiles=4)
    batch = inputs(processor, QUESTION, [picture("red", (200, 200))])
    assert batch["pixel_values"].shape == (5, 3, 56, 56)
    assert int((batch["input_ids"] == processor.tokenizer.convert_tokens_to_ids("<image>")).sum()) == 20


def test_the_template_takes_parts_and_plain_text_alike(loaded: tuple[Any, Any]) -> None:
    _, processor = loaded
    plain = [{"role": "user", "content": "<image>Đây là hình gì?"}, {"role": "assistant", "content": "Tròn."}]
    parts = [*QUESTION, {"role": "assistant", "content": [{"type": "text", "text": "Tròn."}]}]
    text = processor.apply_chat_template(parts)
    assert text == processor.apply_chat_template(plain) == processor.tokenizer.apply_chat_template(plain, tokenize=False)
    assert text == "<|im_start|>user\n<image>Đây là hình gì?<|im_end|>\n<|im_start|>assistant\nTròn.<|im_end|>\n"


AGAIN = """
import json, sys, torch
import smolcourse.vision.auto
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
folder, image, messages = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model, processor = AutoModelForImageTextToText.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
text = processor.apply_chat_template(messages, add_generation_prompt=True)
batch = processor(images=[image], text=text, return_tensors="pt")
print(model.generate(**batch, max_new_tokens=12, do_sample=False, eos_token_id=None)[0].tolist())
"""


def test_saved_and_loaded_in_a_new_process_it_answers_the_same(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    model, processor = loaded
    file = tmp_path / "ảnh.png"
    picture("orange").save(file)
    batch = inputs(processor, QUESTION, [file])
    wanted = model.generate(**batch, max_new_tokens=12, do_sample=False, eos_token_id=None)[0].tolist()
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "saved"), str(file), json.dumps(QUESTION)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == wanted


def test_weights_come_from_the_parts(tiny_vlm: Path, tiny_model: Path, loaded: tuple[Any, Any]) -> None:
    from transformers import AutoModelForCausalLM

    assert isinstance(loaded[0], VlmForConditionalGeneration)
    model: Any = loaded[0]
    text: Any = AutoModelForCausalLM.from_pretrained(tiny_model)
    for name, weight in text.state_dict().items():
        assert torch.equal(model.language_model.state_dict()[name], weight), name
    assert model.language_model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()  # still tied
    assert bool(model.projector.leave.weight.any())
