"""The `smol` command. Each file is one command: parse, call one library function, print."""
