# vi 🐕 merge_images: đặt những gì nhìn thấy vào giữa các từ.
# vi Viết hàm bên dưới rồi chạy: smol check merge_images
# vi Bài học: smol learn 5 merge      Gợi ý: smol hint merge_images
# en 🐕 merge_images: put what is seen among the words.
# en Write the function below, then run: smol check merge_images
# en Lesson: smol learn 5 merge      Hint: smol hint merge_images

from torch import Tensor


def merge(table: Tensor, input_ids: Tensor, images: Tensor, image_id: int) -> Tensor:
    """Embeddings of text and pictures, as the language model reads them.

    Args:
        table: [vocabulary, width], the embeddings of words.
        input_ids: [B, T]; `image_id` marks each place of an image token.
        images: [N, width], the image tokens of the whole batch. Places take them in reading order: all of the first row, then
            all of the second, ...
        image_id: lies beyond the table: it has no embedding.

    Returns:
        [B, T, width], with gradients to `table` and to `images`.

    Raises:
        ValueError: there are more places than image tokens, or fewer.
    """
    # TODO
    raise NotImplementedError
