"""`smol serve`: what OpenAI's clients speak to, with the model in a child process behind it."""
