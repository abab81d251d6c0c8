"""Models that see: an image encoder, a projector and a language model, as one `transformers` model."""
