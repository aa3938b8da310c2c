# `make lab` opens the course, `make test` runs every test. Both set up what they need first.
# Python 3.11 or newer, pip and make are enough; GNU make 3.81, which macOS ships, is new enough.
# Where npm is there too, the packages are installed that the course compares itself with.

# Extra flags for the command of a target:   make lab ARGS=--no-browser
ARGS =
# The Python to make .venv from, if not the newest on the PATH:   make lab PYTHON=/usr/bin/python3.12
PYTHON =

CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.14 python3.13 python3.12 python3.11 python3)
VENV_PYTHON := .venv/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input

# The stamp holds the folder it was made in: an environment that moved with its folder is made
# again, and so is one whose Python was upgraded away.
READY := .venv/ready
STALE := $(shell test -x $(VENV_PYTHON) && test "$$(cat $(READY) 2>&1)" = "$(CURDIR)" || echo stale)

# Written whether npm could install or not: without npm, or a network, `make lab` says so once.
# `make setup` tries again.
NODE := .venv/node
INSTALLED_BY_NPM := labkit/node/node_modules/.package-lock.json
UNTRIED := $(if $(filter setup,$(MAKECMDGOALS)),$(if $(wildcard $(INSTALLED_BY_NPM)),,untried))

# What npm's Pyodide lacks of Python's packages. Only a test wants it.
PYODIDE := .venv/pyodide/ready

.PHONY: lab test setup format lint lock clean FORCE

lab: $(READY) $(NODE)
	@$(VENV_PYTHON) -m labkit lab $(ARGS)

# ARGS go to the package's own tests. The notebooks are a run of their own: nbval compares what
# each cell prints with what is stored, and a notebook's cells must stay on one worker.
test: $(READY) $(NODE) $(PYODIDE)
	$(VENV_PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)
	$(VENV_PYTHON) -m pytest -n 2 --dist loadfile --nbval --nbval-cell-timeout=60 notebooks solutions

setup: $(READY) $(NODE)

format: $(READY)
	$(VENV_PYTHON) -m ruff format $(ARGS)
	$(VENV_PYTHON) -m ruff check --fix $(ARGS)

lint: $(READY)
	$(VENV_PYTHON) -m ruff format --check $(ARGS)
	$(VENV_PYTHON) -m ruff check $(ARGS)
	$(VENV_PYTHON) -m mypy $(ARGS)

# Newer versions of everything:   make lock ARGS=--upgrade
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv; install it with: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra author --extra test \
	    --no-header --no-annotate --no-emit-index-url --output-file requirements.lock $(ARGS)

clean:
	rm -rf .venv labkit/node/node_modules .bootstrap .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): pyproject.toml requirements.lock $(if $(STALE),FORCE)
	@$(if $(STALE),$(MAKE_ENVIRONMENT))
	@echo "Installing the course into .venv. The first time takes a minute or two."
	$(PIP) install --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@printf '%s\n' "$(CURDIR)" > $(READY)

# After .venv, since the stamp is in it. Left to itself, npm waits minutes for a network.
$(NODE): labkit/node/package.json labkit/node/package-lock.json $(if $(STALE)$(UNTRIED),FORCE) | $(READY)
	@$(INSTALL_NODE_PACKAGES)
	@touch $(NODE)

# Built for the Python of the Pyodide in labkit/node/package.json, in the version of the lock file.
$(PYODIDE): requirements.lock labkit/node/package.json $(if $(STALE),FORCE) | $(READY)
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(PIP) download --quiet --retries 1 --no-deps --constraint requirements.lock --dest $(@D) \
	    --only-binary :all: --implementation cp --python-version 3.14 --abi cp314 \
	    --platform pyemscripten_2026_0_wasm32 msgspec && touch $@ || \
	    echo "pip could not get msgspec for Pyodide: a test is skipped (to try again: make test)."

# Usable: new enough, and able to get pip into an environment. Debian leaves ensurepip out unless
# python3-venv is installed; virtualenv brings its own pip and needs only pip to get it.
IS_USABLE := import sys, importlib.util as u; \
    sys.exit(sys.version_info < (3, 11) or not (u.find_spec("ensurepip") or u.find_spec("pip")))
NOT_FOUND := No Python 3.11 or newer with pip was found (looked for: $(CANDIDATES)). \
    Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), \
    or name yours: make lab PYTHON=/path/to/python3

# An environment that works is kept, even if something else made it.
define MAKE_ENVIRONMENT
if test -e $(READY) || ! $(VENV_PYTHON) -m pip --version >/dev/null 2>&1; then \
    for python in $(CANDIDATES); do \
        "$$python" -c '$(IS_USABLE)' 2>/dev/null || continue; \
        echo "Making .venv with $$("$$python" --version) ($$python)."; \
        rm -rf .venv; \
        if "$$python" -c 'import ensurepip' 2>/dev/null; then \
            "$$python" -m venv .venv; \
        else \
            "$$python" -m pip install --quiet --target .bootstrap --upgrade virtualenv && \
            PYTHONPATH=.bootstrap "$$python" -m virtualenv --quiet .venv; \
        fi; \
        exit; \
    done; \
    echo "$(NOT_FOUND)" >&2; \
    exit 1; \
fi
endef

define INSTALL_NODE_PACKAGES
if ! command -v npm >/dev/null; then \
    echo "npm is missing: $(WITHOUT_NODE) (for those: $(GET_NPM); then make setup)."; \
elif ! (cd labkit/node && npm ci --silent $(SOON)); then \
    echo "npm could not install its packages: $(WITHOUT_NODE)" \
        "(to see why: cd labkit/node && npm ci; to try again: make setup)."; \
fi
endef
WITHOUT_NODE := the course works, except for its comparisons with Node
SOON := --fetch-timeout=20000 --fetch-retries=1 --fetch-retry-mintimeout=1000
GET_NPM := apt install nodejs npm on Debian and Ubuntu, brew install node on macOS

FORCE:
