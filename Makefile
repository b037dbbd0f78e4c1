# One entry for everything; `make help` lists it. The pipeline calls the same targets.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
PYTHON_SOURCES := emulator tests examples containers scripts benchmarks
# More arguments for pytest, as in: make unit ARGS='-k capacity'
ARGS ?=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1  \2/p' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv what uv.lock says it is
	@scripts/setup.sh

.PHONY: demo
demo: ## Set everything up and run the flights example for real (KEEP=1 leaves the server running)
	@scripts/demo.sh

.PHONY: compose-demo
compose-demo: ## The same example against docker compose: the server and a MinIO-compatible store in containers
	@scripts/compose_demo.sh

.PHONY: serve
serve: engine images ## Start the server (settings from the environment; Ctrl-C ends it)
	@eval "$$(scripts/engine.sh env)"; exec $(BIN)/processing-emulator serve

.PHONY: test
test: lint types ## Check and test everything, in tiers, and set up whatever that needs
	@PROCESSING_EMULATOR_REQUIRE_ALL=$${PROCESSING_EMULATOR_REQUIRE_ALL:-1} scripts/test.sh -- $(ARGS)

.PHONY: architecture
architecture: setup ## Test that documents and code agree
	@scripts/test.sh architecture -- $(ARGS)

.PHONY: unit
unit: setup ## Test the parts on working fakes: no engine, no store, seconds
	@scripts/test.sh unit -- $(ARGS)

.PHONY: contract
contract: setup ## Test each port's promises on its fake and its real adapter
	@scripts/test.sh contract -- $(ARGS)

.PHONY: integration
integration: setup ## Test the adapters on a real engine and real stores
	@scripts/test.sh integration -- $(ARGS)

.PHONY: e2e
e2e: setup ## Test a server process from outside, with boto3
	@scripts/test.sh e2e -- $(ARGS)

.PHONY: fmt
fmt: setup ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix --quiet $(PYTHON_SOURCES)
	@$(BIN)/ruff format --quiet $(PYTHON_SOURCES)

.PHONY: lint
lint: setup ## Check style, format and the direction of imports
	@$(BIN)/ruff check --quiet $(PYTHON_SOURCES)
	@$(BIN)/ruff format --check --quiet $(PYTHON_SOURCES)
	@$(BIN)/lint-imports --no-cache --no-logo

.PHONY: types
types: setup ## Check the types, strictly, tests included
	@$(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases containers/*.py scripts/*.py

.PHONY: engine
engine: setup ## Find a Docker engine, or start one (root on Debian or Ubuntu)
	@scripts/engine.sh up

.PHONY: images
images: engine ## Make the images that jobs run in: pulled where a registry answers, else built here
	@eval "$$(scripts/engine.sh env)"; $(BIN)/python -m containers.build

.PHONY: bench
bench: images ## Measure the emulator beside its peers, as ratios in one run (ARGS="api objects": these parts alone)
	@eval "$$(scripts/engine.sh env)"; tools=$$(scripts/bench_tools.sh) && eval "$$tools" && $(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: fuzz
fuzz: setup ## Send 100,000 generated requests to a server (ARGS='--requests N --seed S', or '--seed S --replay NUMBER')
	@$(BIN)/python -m tests.contract.fuzz.run $(ARGS)

.PHONY: clean
clean: ## Remove .venv and what tools left in this folder; images and caches outside it stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build offline
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
