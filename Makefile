# Each target makes what it needs, so any of them works in a clean clone. `make demo` first.
# The environment is .venv, built by uv where it is installed and by venv + pip elsewhere; `make demo PYTHON=python3.12` chooses.
BIN := .venv/bin
DEMO := smollm2-135m/sft/lora
ORDER := cho mình 2 trà sữa trân châu size L ít đường, 1 trà đào không đá nha

ifneq ($(shell command -v uv 2>/dev/null),)
PYTHON ?= >=3.11,<3.14
MAKE_VENV = uv venv --clear --python "$(PYTHON)" .venv
INSTALL = UV_FIND_LINKS="$$PIP_FIND_LINKS" VIRTUAL_ENV=.venv uv pip install
else
PYTHON ?= python3
MAKE_VENV = $(PYTHON) -m venv --clear .venv
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check
endif

.PHONY: demo test check accept bench lock clean

demo: .venv/ready  ## the base model fails, trains, succeeds on orders it never saw, and answers one more
	$(BIN)/smol train $(DEMO)
	$(BIN)/smol chat latest "$(ORDER)"

test: .venv/ready  ## all tests, on two cores; the few that fail are tried once more, alone, and named
	$(BIN)/python -m pytest -n 2 || { [ $$? = 1 ] && echo "Again, alone: what passes now depends on timing, and wants mending" && \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --verbose; }

check: .venv/ready  ## style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy

accept: .venv/ready  ## what the project promises, measured: every module, every figure
	$(BIN)/python benchmarks/accept.py --json

bench: .venv/ready  ## speed and memory beside others, on this machine
	$(BIN)/python benchmarks/data_check.py --json
	$(BIN)/python benchmarks/training.py --json
	$(BIN)/python benchmarks/vision.py --json
	$(BIN)/python benchmarks/synthesis.py --json
	$(BIN)/python benchmarks/inference.py --json

lock:  ## writes requirements*.txt anew from pyproject.toml; needs uv
	python3 tools/lock.py

clean:  ## removes the environment and build leftovers; keeps runs/ and the cache of downloads
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache

# torch first and without hashes: on Linux which build is right depends on the machine (see README, "Install").
.venv/ready: pyproject.toml requirements.txt requirements-dev.txt
	$(MAKE_VENV)
	$(INSTALL) $$(grep -om1 '^torch==[0-9.]*' requirements.txt)
	$(INSTALL) -r requirements-dev.txt
	$(INSTALL) --no-deps -e .
	touch $@
