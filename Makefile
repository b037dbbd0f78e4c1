# Every development task is a target here; `make help` lists them. CI calls the same targets.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
PYTHON_SOURCES := emulator tests examples containers scripts benchmarks
# Extra arguments for pytest, for example: make unit ARGS='-k capacity'
ARGS ?=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1  \2/p' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Create or update .venv from uv.lock
	@scripts/setup.sh

.PHONY: demo
demo: ## Set everything up and run the flights example (KEEP=1 leaves the server running)
	@scripts/demo.sh

.PHONY: compose-demo
compose-demo: ## Run the same example with docker compose: the server and a MinIO-compatible store in containers
	@scripts/compose_demo.sh

.PHONY: serve
serve: engine images ## Start the server (settings from the environment; Ctrl-C stops it)
	@eval "$$(scripts/engine.sh env)"; exec $(BIN)/processing-emulator serve

.PHONY: test
test: lint types ## Lint, check types and run all test tiers; installs what the tests need
	@PROCESSING_EMULATOR_REQUIRE_ALL=$${PROCESSING_EMULATOR_REQUIRE_ALL:-1} scripts/test.sh -- $(ARGS)

.PHONY: architecture
architecture: setup ## Check that the docs match the code
	@scripts/test.sh architecture -- $(ARGS)

.PHONY: unit
unit: setup ## Run the unit tests on in-memory fakes: no Docker, no S3, seconds
	@scripts/test.sh unit -- $(ARGS)

.PHONY: contract
contract: setup ## Run each port's suite on its fake and its real adapter, and check the AWS protocols with botocore
	@scripts/test.sh contract -- $(ARGS)

.PHONY: integration
integration: setup ## Test the adapters on a real Docker engine and real S3 stores
	@scripts/test.sh integration -- $(ARGS)

.PHONY: e2e
e2e: setup ## Test a running server with boto3 and other real clients
	@scripts/test.sh e2e -- $(ARGS)

.PHONY: notebooks
notebooks: images ## Execute the notebooks of examples/notebooks and write them back with their outputs
	@scripts/notebooks.sh

.PHONY: site
site: setup ## Build the documentation as a site in build/site
	@scripts/site.sh

.PHONY: fmt
fmt: setup ## Format the code and apply ruff's automatic fixes
	@$(BIN)/ruff check --fix --quiet $(PYTHON_SOURCES)
	@$(BIN)/ruff format --quiet $(PYTHON_SOURCES)

.PHONY: lint
lint: setup ## Check style, formatting and the direction of imports
	@$(BIN)/ruff check --quiet $(PYTHON_SOURCES)
	@$(BIN)/ruff format --check --quiet $(PYTHON_SOURCES)
	@$(BIN)/lint-imports --no-cache --no-logo

.PHONY: types
types: setup ## Run mypy in strict mode, tests included
	@$(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases containers/*.py scripts/*.py

.PHONY: engine
engine: setup ## Find a Docker engine, or start one (root on Debian or Ubuntu)
	@scripts/engine.sh up

.PHONY: images
images: engine ## Pull or build the images that jobs run in
	@eval "$$(scripts/engine.sh env)"; $(BIN)/processing-emulator images build

.PHONY: bench
bench: images ## Measure the emulator next to its peers and print ratios (ARGS="api objects" runs only these parts)
	@eval "$$(scripts/engine.sh env)"; tools=$$(scripts/bench_tools.sh) && eval "$$tools" && $(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: fuzz
fuzz: setup ## Send 100,000 generated requests to a server (ARGS='--requests N --seed S', or '--seed S --replay NUMBER')
	@$(BIN)/python -m tests.contract.fuzz.run $(ARGS)

.PHONY: fuzz-staging
fuzz-staging: setup ## Stage generated keys and output trees for 10 minutes (ARGS='--seconds N --seed S', or '--seed S --replay NUMBER')
	@$(BIN)/python -m tests.integration.staging_fuzz.run $(ARGS)

.PHONY: clean
clean: ## Remove .venv, tool caches and build output from this folder; Docker images and ~/.cache stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build offline
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
