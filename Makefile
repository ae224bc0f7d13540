# `make search` and `make test` do everything, on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.development
DISTRIBUTIONS := pyproject.toml setup.py predictor/pyproject.toml
# Compiles to bytecode on all cores; pip would use one. Some packages have files for other versions of Python.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile
COMPILE := @$(BIN)/python -m compileall -q -q -j 0 -x '/tests/' $(VENV)/lib metaqnn predictor state_space trainers || true
OLDEST := build/oldest
CURVES ?= $(wildcard $(METAQNN_DATA_DIR)/curves/metaqnn_cifar10.csv)

.PHONY: help search test check unit oldest docs bench clean
.DELETE_ON_ERROR: # a half-made environment has a python, too

help:
	@echo "make search   install what is needed and run a first search (built-in data, minutes on a CPU)"
	@echo "make test     install what is needed and run all checks and tests"
	@echo "make oldest   run all tests with the oldest packages that pyproject.toml allows"
	@echo "make docs     build the documentation in build/docs"
	@echo "make bench    run the benchmarks behind docs/results/measured.md"
	@echo "make clean    remove the virtual environment and caches"

# The pip that comes with Python 3.11 takes a quarter longer than the newest, but will do.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MetaQNN needs Python 3.11 or newer, $(PYTHON) is %d.%d; try: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	-$(INSTALL) --upgrade pip

$(INSTALLED): $(BIN)/python $(DISTRIBUTIONS)
	$(INSTALL) --editable .
	$(INSTALL) --no-deps --editable ./predictor
	$(COMPILE)
	@touch $@

$(DEVELOPMENT): $(BIN)/python $(DISTRIBUTIONS)
	$(INSTALL) --editable '.[dev]'
	$(INSTALL) --no-deps --editable ./predictor
	$(COMPILE)
	@touch $@ $(INSTALLED)

search: $(INSTALLED)
	$(BIN)/metaqnn run --preset first-run

test: check unit

check: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Threads of two processes that share two cores would wait for each other.
unit: export OMP_NUM_THREADS = 1
unit: $(DEVELOPMENT)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# Indirect requirements are the newest, except for pyarrow, whose newest does not work with the oldest numpy.
oldest: export OMP_NUM_THREADS = 1
oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST) --resolution lowest-direct \
		--editable ./predictor --editable '.[dev]' 'pyarrow==18.*'
	$(OLDEST)/bin/python -m pytest --numprocesses 2 --dist loadfile

docs: $(DEVELOPMENT)
	$(BIN)/python -m sphinx -W -n -q -b html docs build/docs
	@echo "docs: build/docs/index.html"

bench: $(DEVELOPMENT)
	for script in sampling replay_update search_overhead database_events training_loop gpu_training; do \
		echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done
ifneq ($(CURVES),)
	for script in prediction_speed decision_cost; do \
		echo "== $$script"; $(BIN)/python benchmarks/$$script.py --curves $(CURVES) || exit 1; done
else
	@echo "prediction_speed and decision_cost need recorded curves: make bench CURVES=metaqnn_cifar10.csv"
endif

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build
