"""Text from a model: answers to many conversations at once, to one as it is written, and models found by name."""
