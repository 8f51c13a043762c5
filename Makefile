# `make run` is all a newcomer needs: it makes the environment and runs the indoor study.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STUDY ?= indoor
# Which PyTorch to install where the environment has none: left empty, a CPU build. With a GPU:
# make install TORCH='torch>=2.13'
TORCH ?=
CPU_WHEELS := https://download.pytorch.org/whl/cpu

.PHONY: help install run test check format clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

# PyTorch comes first, so that nothing after it pulls in gigabytes of CUDA.
$(BIN)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mpqsearch needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet 'torch==2.13.0+cpu' 2>/dev/null || \
		$(BIN)/pip install --quiet --extra-index-url $(CPU_WHEELS) 'torch==2.13.0+cpu' || \
		$(BIN)/pip install --quiet 'torch>=2.13'
else
	$(BIN)/pip install --quiet '$(TORCH)'
endif
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

install: $(BIN)/.installed ## Make the environment in .venv

run: install ## Run the indoor study (STUDY=name for another)
	$(BIN)/mpqsearch run --study $(STUDY)

test: install ## Run the tests
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

check: install ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and caches, not the runs
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
