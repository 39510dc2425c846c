# digitnet in two commands: `make demo`, `make test`. `make` alone lists the words.
#
# Variables:
#   PYTHON=python3.12      which Python makes the virtual environment
#   TORCH=torch==2.13.0    which torch the tests install there; empty: none, and the
#                          tests that need one are left out
#   TORCH_INDEX=URL        where pip looks for torch (a CPU-only index saves gigabytes)
#   STRICT=1               warnings of the C++ compiler are errors
#   WHEELS=--require-all   options of release/wheels.py (--help lists them)
#   LOCKED=                the newest versions of what is needed, not release/locked's
#   TEST_JOBS=1            tests at a time; as many as there are cores, one thread each
#   QUICK=1                the short form of bench-cuda
#   SECONDS=60             how long each fuzzer runs
#   MINUTES=60             how long the soak test does
#   ARGS=                  further options of first-run-cuda and bench-cuda (--help)

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
STRICT ?=
LOCKED ?= release/locked
TEST_JOBS ?= auto
SECONDS ?= 60
MINUTES ?= 60
SANITIZED_TESTS := $(addprefix tests/,attack augment corrupt data engine features fuzz metrics models train)
# What valgrind does within a quarter of an hour: trainings of whole networks take longer.
MEMCHECK ?= -*Gradients*:*Network*:*Zoo*

BIN := $(VENV)/bin
BUILD := build/dev$(patsubst .venv%,%,$(VENV))
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
# What builds digitnet, and `$(call fetch,NAME,REQUIREMENTS)`: the versions and hashes of
# release/locked/NAME.txt, or the newest.
TOOLS := "scikit-build-core>=0.10" "pybind11>=3.0.1,<3.1" "cmake>=3.24,<4.2" ninja
fetch = $(if $(LOCKED),$(PIP) --require-hashes -r $(LOCKED)/$(1).txt,$(if $(2),$(PIP) $(2)))
DEFINES := -Ccmake.define.DIGITNET_TESTS=ON $(if $(STRICT),-Ccmake.define.DIGITNET_STRICT=ON) \
  $(if $(SANITIZE),-Ccmake.define.DIGITNET_SANITIZE=$(SANITIZE))
INSTALL := PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) --no-build-isolation -Cbuild-dir=$(BUILD) $(DEFINES)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_JOBS)
CPP := $(shell find cpp tests/cpp -name '*.cpp' -o -name '*.h' 2>/dev/null)
PYTHON_FILES := python tests bench release
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
ifeq ($(TORCH),)
NOTEBOOKS := $(shell grep -LE 'import torch|DIGITNET_EXECUTOR' $(NOTEBOOKS))  # these need it
endif

.PHONY: help demo test test-cpp test-python test-slow test-accuracy test-cuda notebooks docs lab lint format stubs lock bench bench-cuda first-run-cuda wheels portable asan tsan memcheck asan-python fuzz soak clean

help:
	@echo "make demo       install into $(VENV), train on real digits, write runs/demo/report.html"
	@echo "make test       install torch, too, then every test: C++, Python, notebooks"
	@echo "make test TORCH= VENV=.venv-core  the same in an environment without torch"
	@echo "make test-slow  the tests that take minutes (real data in DIGITNET_DATA)"
	@echo "make test-accuracy  the papers' recipes in quick mode against what they reached before"
	@echo "make test-cuda  what needs a GPU; fails without one"
	@echo "make notebooks  execute the notebooks"
	@echo "make docs       build the documentation's site into build/docs, notebooks executed:"
	@echo "                in quick mode where DIGITNET_DATA has the data (an hour), else smoke"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make lint       check format, types and style"
	@echo "make format     format the code"
	@echo "make stubs      write the extension's type stubs anew"
	@echo "make lock       write release/locked anew: newest versions, with their hashes"
	@echo "make bench      measure speed and memory against PyTorch, Keras and others (25 min)"
	@echo "make first-run-cuda  everything a new machine with a GPU should be asked, in 8 minutes"
	@echo "make bench-cuda measure speed on a GPU against PyTorch (QUICK=1: 4 minutes)"
	@echo "make asan       the core's C++ tests under address, undefined and leak sanitizer"
	@echo "make tsan       the same under thread sanitizer"
	@echo "make memcheck   those that are quick enough in valgrind"
	@echo "make asan-python  Python's tests of data, models and training under address sanitizer"
	@echo "make fuzz       every fuzzer for SECONDS=60 (C++ by Clang, Python by atheris, if there)"
	@echo "make soak       fuzzers, kills, requests in turn for MINUTES=60"
	@echo "make wheels     the release in dist/: source archive, and a wheel with LibTorch engines"
	@echo "make portable   the core by Clang and for ARM (in qemu-user), with the C++ tests"
	@echo "make clean      remove the environment and everything built"

demo: $(VENV)/.installed
	$(BIN)/digitnet train --data digits --model optdigits-cnn --epochs 60 --validation 0.1 \
	  --batch-size 32 --learning-rate 0.006 --augment "shift 0.3px | rotate 5deg" \
	  --out runs/demo

test: test-cpp test-python notebooks

# The second program exists only where there was a torch when it was configured.
test-cpp: CPP_TESTS = digitnet_base_tests $(shell grep -qs '^build digitnet_tests:' $(BUILD)/build.ninja && echo digitnet_tests)
test-cpp: $(VENV)/.tested
	@if grep -q "GTest_DIR:PATH=.*NOTFOUND" $(BUILD)/CMakeCache.txt; then \
	  echo "C++ tests: left out, GoogleTest is not installed (Debian: libgtest-dev)"; \
	else \
	  PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build $(BUILD) --target $(CPP_TESTS) && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 ctest --test-dir $(BUILD) --output-on-failure --no-tests=error --progress; \
	fi

test-python: $(VENV)/.tested
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.tested
	$(BIN)/python -m pytest -m slow
	DIGITNET_MODE=quick $(BIN)/python -m pytest --nbmake --nbmake-timeout=900 $(NOTEBOOKS)

test-accuracy: $(VENV)/.tested
	$(BIN)/python -m pytest -m accuracy

test-cuda: $(VENV)/.tested
	DIGITNET_REQUIRE_CUDA=1 $(BIN)/python -m pytest -m cuda

notebooks: $(VENV)/.tested
	DIGITNET_MODE=smoke $(PYTEST) --nbmake --nbmake-timeout=300 $(NOTEBOOKS)

stubs: $(VENV)/.lint
	rm -rf build/stubs
	$(BIN)/pybind11-stubgen digitnet._core -o build/stubs
	rm -f python/digitnet/_core/*.pyi && cp build/stubs/digitnet/_core/*.pyi python/digitnet/_core/

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs build/docs
	@echo "open build/docs/index.html"

lab: $(VENV)/.lab
	$(BIN)/jupyter lab notebooks

lint: $(VENV)/.lint
	@$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/mypy

format: $(VENV)/.lint
	@$(BIN)/clang-format -i $(CPP)
	$(BIN)/ruff check --fix --exit-zero $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)

# Each list agrees with the one before it.
LOCK := pip compile --quiet --universal --python-version 3.10 --generate-hashes \
  --no-annotate --custom-compile-command "make lock" --upgrade
lock: $(VENV)/.wheels
	printf '%s\n' $(TOOLS) > build/tools.in
	$(BIN)/uv $(LOCK) pyproject.toml build/tools.in -o release/locked/demo.txt
	$(BIN)/uv $(LOCK) pyproject.toml --extra test -c release/locked/demo.txt -o release/locked/test.txt
	$(BIN)/uv $(LOCK) pyproject.toml --extra lint -c release/locked/test.txt -o release/locked/lint.txt

bench: $(VENV)/.bench
	$(BIN)/python bench/run.py

bench-cuda: $(VENV)/.tested
	$(BIN)/python bench/cuda.py $(if $(QUICK),--quick) $(ARGS)

# For a bare machine: neither an environment nor a network, only a Python with torch.
first-run-cuda:
	$(PYTHON) bench/first_run $(ARGS)

wheels: $(VENV)/.wheels
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python release/wheels.py --out dist \
	  $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX)) $(WHEELS)

# Needs Debian's clang, g++-aarch64-linux-gnu, qemu-user and libgtest-dev.
portable: $(VENV)/.tools
	@for preset in clang arm64; do \
	  PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset $$preset && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset $$preset && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 ctest --preset $$preset --progress || exit 1; \
	done

# Sanitizers. Each builds the core anew in a folder of its own.
define in-preset
PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset $(1) && \
PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset $(1)
endef

asan: $(VENV)/.tools
	@$(call in-preset,core-asan)
	OMP_NUM_THREADS=2 build/core-asan/digitnet_base_tests --gtest_brief=1

# Three threads, so that neighbours of a task run at the same time.
tsan: $(VENV)/.tools
	@$(call in-preset,core-tsan)
	OMP_NUM_THREADS=3 build/core-tsan/digitnet_base_tests --gtest_brief=1

memcheck: $(VENV)/.tools
	@$(call in-preset,core-memcheck)
	OMP_NUM_THREADS=1 valgrind --quiet --error-exitcode=1 --leak-check=full \
	  --errors-for-leak-kinds=definite build/core-memcheck/digitnet_base_tests \
	  --gtest_brief=1 --gtest_filter=$(MEMCHECK)

# In an environment of its own, without torch; Python itself is not watched.
asan-python: SANITIZER = $(foreach name,libasan.so libstdc++.so,$(shell $(CXX) -print-file-name=$(name)))
asan-python:
	$(MAKE) VENV=.venv-asan TORCH= SANITIZE=address,undefined .venv-asan/.tested
	LD_PRELOAD="$(SANITIZER)" ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 \
	  .venv-asan/bin/python -m pytest -q -m "not slow and not torch" $(or $(ARGS),$(SANITIZED_TESTS))

fuzz: $(VENV)/.tested
	@if command -v clang++ >/dev/null; then $(call in-preset,fuzz); \
	else echo "fuzzers in C++: left out, Clang is not installed (Debian: clang)"; fi
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz --seconds $(SECONDS) $(ARGS)

soak: $(VENV)/.tested
	OMP_NUM_THREADS=1 $(BIN)/python tests/soak.py --minutes $(MINUTES) $(ARGS)

clean:
	rm -rf $(VENV) .venv-core .venv-asan build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment: the build's tools, then digitnet; a LibTorch engine is built with it
# once torch is there, which tests install.
$(VENV)/.tools:
	$(PYTHON) -m venv $(VENV)
	$(call fetch,demo,$(TOOLS))
	@touch $@

# Named by the version, so that another TORCH is installed, too.
TORCH_STAMP := $(if $(TORCH),$(VENV)/.torch-$(subst =,-,$(TORCH)))
ifneq ($(TORCH),)
$(TORCH_STAMP): | $(VENV)/.tools
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$(TORCH)"
	@rm -f $(VENV)/.torch-*
	@touch "$@"
endif

# TORCH= is for an environment that has none.
.PHONY: as-asked
as-asked: | $(VENV)/.tools
ifeq ($(TORCH),)
	@if $(BIN)/python -c "import torch" 2>/dev/null; then \
	  echo "TORCH=: expected no torch in $(VENV), got one; give VENV=.venv-core, too" >&2; exit 1; \
	fi
endif

$(VENV)/.installed: $(VENV)/.tools pyproject.toml CMakeLists.txt $(wildcard cmake/*) $(CPP)
	@echo "building digitnet (a minute or two the first time)"
	$(INSTALL) -e .
	@touch $@

$(VENV)/.tested: $(TORCH_STAMP) $(VENV)/.installed | as-asked
	$(call fetch,test)
	$(INSTALL) -e ".[test]"
	@touch $@

$(VENV)/.lab: $(VENV)/.tested
	$(INSTALL) -e ".[notebook,widget,serve,export,test]"
	@touch $@

$(VENV)/.docs: $(VENV)/.tested
	$(INSTALL) -e ".[test,docs]"
	@touch $@

$(VENV)/.bench: $(VENV)/.tested
	$(INSTALL) -e ".[bench]"
	@touch $@

$(VENV)/.wheels: $(VENV)/.installed
	$(INSTALL) -e ".[wheels]"
	@touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(call fetch,lint)
	$(INSTALL) -e ".[lint]"
	@touch $@
