# make serve | make test | make test-train | make check | make train: the whole tool box.
PORT ?= 8000
DATA ?= $(or $(CARPOSE_DATA),../shared/car-parts)
TASK ?= car_parts
PYTHON ?= python3
BIN := .venv/bin
export RAY_USAGE_STATS_ENABLED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: serve test test-train check format train evaluate clean
.DELETE_ON_ERROR:

serve: .venv/serve build/serve_config.yaml
	@echo "Starting; in about 20 seconds the page is at http://127.0.0.1:$(PORT)/ (Ctrl-C stops it)"
	@$(BIN)/serve run build/serve_config.yaml

build/serve_config.yaml: serve_config.yaml FORCE
	@mkdir -p build && sed 's/^  port: .*/  port: $(PORT)/' serve_config.yaml > $@

test: .venv/test
	$(BIN)/pytest

# What learning needs beside Detectron2: torch, Ray Train, an S3 server.
test-train: .venv/test-train
	$(BIN)/pytest tests/test_training*.py

check: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Needs Detectron2: see training/README.md.
train: .venv/train
	$(BIN)/python -m training.train --config training/configs/$(TASK)_mobilenet.yaml \
	    --data $(DATA) --storage runs/$(TASK) --local $(if $(INIT),--init $(INIT))

evaluate: .venv/evaluate
	$(BIN)/python -m training.evaluate --data $(DATA)

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "carpose needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/serve: .venv/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

.venv/%: .venv/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[$*]'
	@touch $@

clean:
	rm -rf .venv build

FORCE:
