# Every target works on a fresh machine with Python ≥ 3.11 (with venv), git and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SERVICES := $(addprefix proto/mesh/v1/,link.proto control.proto admin.proto)

.PHONY: help demo test fast check format proto bench clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; say which: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(INSTALLED) ## Serve the example on http://127.0.0.1:8787 (Ctrl-C ends it)
	@test -f examples/auth-gateway/auth/.dev.vars \
	  || cp examples/auth-gateway/auth/.dev.vars.example examples/auth-gateway/auth/.dev.vars
	@exec $(BIN)/mesh-agent start examples/auth-gateway

test: $(INSTALLED) ## Run every test
	$(BIN)/python -m pytest

fast: $(INSTALLED) ## Run the tests that take less than half a minute together
	$(BIN)/python -m pytest -m 'not slow'

check: $(INSTALLED) ## Check format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture

format: $(INSTALLED) ## Format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(INSTALLED) ## Compile proto/ into mesh/v1
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=. --pyi_out=. proto/mesh/v1/*.proto
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I proto \
	  --grpc_python_out=. --mypy_grpc_out=. $(SERVICES)

bench: $(INSTALLED) ## Measure (needs wrk): a table here, JSON in bench/results
	$(BIN)/python -m bench

clean: ## Remove what make made
	rm -rf .venv build *.egg-info bench/results
