# make serve | make deploy | make test | make check | make train: the whole tool box.
CONFIG ?= serve_config.yaml
PORT ?= $(shell sed -n 's/^  port: //p' $(CONFIG))
# Where Ray's dashboard listens, and where `serve deploy` and `serve status` go: 8265 beside 8000.
export RAY_DASHBOARD_ADDRESS ?= http://127.0.0.1:$(shell expr $(PORT) + 265)
DATA ?= $(or $(CARPOSE_DATA),../shared/car-parts)
TASK ?= car_parts
PYTHON ?= python3
BIN := .venv/bin
export RAY_USAGE_STATS_ENABLED := 0
# The token that Ray makes on its first start, in ~/.ray, is for the commands to it too.
export RAY_AUTH_MODE ?= token
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: serve serve-gpu gpu deploy test test-fast test-train check format train evaluate clean
.DELETE_ON_ERROR:

serve: .venv/serve build/serve_config.yaml
	@echo "Starting; in about 20 seconds the page is at http://127.0.0.1:$(PORT)/ (Ctrl-C stops it)"
	@echo "Ray's dashboard, which make deploy talks to: $(RAY_DASHBOARD_ADDRESS)"
	@$(BIN)/python -m deployments.start build/serve_config.yaml

# Both detectors on this machine's GPU, through Detectron2.
serve-gpu: CONFIG := serve_config.gpu.yaml
serve-gpu: gpu .venv/serve-gpu build/serve_config.yaml
	@echo "Starting; the page will be at http://127.0.0.1:$(PORT)/ (Ctrl-C stops it)"
	@$(BIN)/python -m deployments.start build/serve_config.yaml

# Asked before gigabytes are installed; torch's wheels are of CUDA 13.
DRIVER := 580
gpu:
	@driver=$$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1); \
	test -n "$$driver" || { echo "no NVIDIA GPU here (nvidia-smi finds none): make serve runs on CPUs"; exit 1; }; \
	test "$${driver%%.*}" -ge $(DRIVER) || { echo "NVIDIA's driver is $$driver; $(DRIVER) or newer is needed"; exit 1; }

# What changed in CONFIG, to the server that runs on PORT.
deploy: .venv/serve build/serve_config.yaml
	@echo "Deploying by $(RAY_DASHBOARD_ADDRESS)"
	@$(BIN)/serve deploy build/serve_config.yaml

build/serve_config.yaml: $(CONFIG) FORCE
	@mkdir -p build && sed 's/^  port: .*/  port: $(PORT)/' $(CONFIG) > $@

# COVERAGE=1: and say what they ran of carpose and deployments, in subprocesses and replicas too.
ifdef COVERAGE
define tests
	PYTHONPATH=$(CURDIR) $(BIN)/coverage run -m pytest $(1)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
endef
else
tests = $(BIN)/pytest $(1)
endif

test: .venv/test
	$(call tests,)

# What needs no server, browser or cluster: between two edits.
test-fast: .venv/test
	$(call tests,-m "not slow" -n 2 --dist worksteal)

# What learning needs beside Detectron2: torch, Ray Train, an S3 server; and what else needs that one.
test-train: .venv/test-train
	$(BIN)/pytest tests/test_training*.py tests/test_bulk_s3.py

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

# torch first: Detectron2's setup imports it, which an isolated build would hide.
.venv/serve-gpu: .venv/python pyproject.toml constraints.txt requirements-gpu.txt
	grep -v detectron2 requirements-gpu.txt | $(BIN)/pip install -q -c constraints.txt -r /dev/stdin
	$(BIN)/pip install -q -c constraints.txt --no-build-isolation -r requirements-gpu.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

.venv/%: .venv/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[$*]'
	@touch $@

clean:
	rm -rf .venv build

FORCE:
