"""From a trained model to files that others run: GGUF, adapters, what a server needs beside them, and the check of all of it."""
