# `make demo`: environment, training, report. `make test`: environment, lint, types, import contracts, all tests.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo experiments reproduction repair ablation test slow gpu gpu-bundle parity golden lint format lock clean

VENV := .venv
PYTHON := $(VENV)/bin/python
# The CUDA wheels where the driver lists a GPU, the CPU wheels otherwise.
REQUIREMENTS := $(if $(shell nvidia-smi -L 2>/dev/null | grep GPU),requirements.txt,requirements-cpu.txt)
UV := uv==0.13.9
# An environment with PyTorch and pytorch-metric-learning, the peer of lfw_jax.metric.
PEER := .peer
# The JAX that the other end of the supported Pythons gets: its types, not to be run.
TYPES := .types
OTHER = $(shell $(PYTHON) -c 'import sys; print("3.11" if sys.version_info >= (3, 12) else "3.13")')
ARCHIVES := metric heads similarity triplets
# The experiments of the report, in its order.
EXPERIMENTS := siamese_contrastive resnet_contrastive contrastive_semihard margin_histogram arcface

help:
	@echo "make demo    train configs/quickstart.py and leave metrics, TensorBoard events and a report"
	@echo "make experiments  train the five experiments of the report and compare them (OPTIONS='--config.data...')"
	@echo "make reproduction  the five on two CPU cores, half an hour each (MINUTES=240 OPTIONS=... RUNS='cpu cpu/arcface@1')"
	@echo "make repair    the same with batch normalisation of the embedding, which is what they lacked (docs/why.md)"
	@echo "make ablation  one change at a time from a short lfw_cpu, ten minutes each (MINUTES=240 OPTIONS=...)"
	@echo "make test    lint, types, import contracts and all tests"
	@echo "make slow    the tests that need minutes"
	@echo "make gpu     every figure that needs a GPU (DATA=build/gpu-bundle/lfw_aligned.npz MINUTES=9 OUT=runs/gpu)"
	@echo "make gpu-bundle  the folder that a bare GPU machine needs for it, from LFW (DATA=LFW)"
	@echo "make parity  compare lfw_jax.metric with pytorch-metric-learning, live, on new batches (SEED=...)"
	@echo "make golden  compute the committed figures of pytorch-metric-learning anew"
	@echo "make format  format the code;  make lint: what test does before its tests"
	@echo "make lock    pin requirements.txt and requirements-cpu.txt anew from requirements.in"
	@echo "make clean   remove the environment ($(VENV)) and caches; runs/ stays"

demo: $(VENV)/installed
	$(PYTHON) launch.py --config=configs/quickstart.py --workdir=runs/quickstart

# A repeated call resumes. OPTIONS are flags of every training, such as --config.data.source=folder --config.data.dir=LFW.
OPTIONS ?=
COMMA := ,
experiments: $(VENV)/installed
	for name in $(EXPERIMENTS); do \
		$(PYTHON) launch.py --config=$$name --workdir=runs/report/$$name $(OPTIONS); \
	done
	$(PYTHON) launch.py --mode=compare --output=runs/report/compare \
		--input=$$(echo $(EXPERIMENTS:%=runs/report/%) | tr ' ' '$(COMMA)')

# Within MINUTES; a repeated call skips what is finished, resumes what is not, and compares again.
reproduction: $(VENV)/installed
	$(PYTHON) -m benchmarks.series $(or $(RUNS),cpu) --minutes=$(or $(MINUTES),240) --out=runs/reproduction $(OPTIONS)

repair: $(VENV)/installed
	$(PYTHON) -m benchmarks.series $(or $(RUNS),repair) --minutes=$(or $(MINUTES),240) --out=runs/repair $(OPTIONS)

ablation: $(VENV)/installed
	$(PYTHON) -m benchmarks.series $(or $(RUNS),ablation) --minutes=$(or $(MINUTES),240) --out=runs/ablation $(OPTIONS)

test: lint
	$(PYTHON) -m pytest -q -n 2 --dist loadfile

slow: $(VENV)/installed
	$(PYTHON) -m pytest -q -m slow

# Every figure that needs a GPU, within MINUTES, on a bare machine: only Python with JAX is needed, see benchmarks/gpu.
DATA ?= build/gpu-bundle/lfw_aligned.npz
OUT ?= runs/gpu
gpu:
	$(or $(wildcard $(PYTHON)),python3) -m benchmarks.gpu --data=$(DATA) --minutes=$(or $(MINUTES),9) --out=$(OUT)

# What `make gpu` needs there: DATA is LFW's originals with the lists of View 1.
gpu-bundle: $(VENV)/installed
	$(PYTHON) -m benchmarks.gpu.bundle --data=$(DATA) --out=build/gpu-bundle

# The golden tests, but against figures that the peer computes now, for batches that no test has seen.
parity: $(VENV)/installed $(PEER)/installed
	@seed=$${SEED:-$$RANDOM}; echo "parity with pytorch-metric-learning on the batches of SEED=$$seed"; \
	for archive in $(ARCHIVES); do \
		LFW_JAX_GOLDEN=build/parity LFW_JAX_GOLDEN_SEED=$$seed $(PEER)/bin/python tests/metric/golden/make_$$archive.py; \
	done
	LFW_JAX_GOLDEN=build/parity $(PYTHON) -m pytest -q tests/metric -k "golden or memory"

golden: $(PEER)/installed
	for archive in $(ARCHIVES); do $(PEER)/bin/python tests/metric/golden/make_$$archive.py; done

# Types twice: of this Python with what is installed, and of the other one with the JAX that it would have.
lint: $(VENV)/installed $(TYPES)/installed
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/pyright --pythonpath $(PYTHON)
	$(VENV)/bin/pyright --pythonpath $(PYTHON) --project pyright-other.json --pythonversion $(OTHER)
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format --quiet .

lock: $(VENV)/uv
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock" \
		requirements.in -o requirements.txt
	sed -e 's/^jax\[cuda\]$$/jax/' -e 's/^tensorflow$$/tensorflow-cpu/' requirements.in > $(VENV)/requirements-cpu.in
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make lock" \
		--no-annotate --constraint requirements.txt $(VENV)/requirements-cpu.in -o requirements-cpu.txt

clean:
	rm -rf $(VENV) $(PEER) $(TYPES) build .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Of the Pythons on this machine the first that is 3.11 or newer.
$(VENV)/uv:
	@for python in python3.12 python3.11 python3 python3.13; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then echo "make: found no Python 3.11 or newer; install one first." >&2; exit 1; fi; \
	$$found -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check $(UV)
	@touch $@

$(VENV)/installed: $(VENV)/uv requirements.txt requirements-cpu.txt pyproject.toml
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON) -r $(REQUIREMENTS)
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --no-deps --editable .
	@touch $@

$(TYPES)/installed: $(VENV)/installed
	rm -rf $(TYPES)
	$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --python-version $(OTHER) --target $(TYPES) --no-deps \
		--only-binary :all: --constraint requirements-cpu.txt jax jaxlib flax optax orbax-checkpoint numpy
	@touch $@

$(PEER)/installed: $(VENV)/uv
	$(PYTHON) -m venv $(PEER)
	$(PEER)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 pytorch-metric-learning==2.9.0
	@touch $@
