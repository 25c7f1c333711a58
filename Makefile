.DEFAULT_GOAL := help
.PHONY: help run test mutants bench lint format reference conformance setup spark mariadb lock clean

PYTHON ?= python3
PROJECT ?= flights
BODIES = $(abspath ../shared/data/$(PROJECT))
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
MARIADB := mariadb-server-core liburing2 libaio1
APT_LISTS = -o Dir::State::Lists=$(CURDIR)/.mariadb/lists
NO_MARIADB := No MariaDB here: the tests that read one will be skipped
UV := $(BIN)/uv

help: ## Show what can be done
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*## "} {printf "  make %-11s %s\n", $$1, $$2}'

run: setup ## Set everything up and run projects/flights, or PROJECT=energy or barcelona, from raw files to chosen models
	@if test -f projects/$(PROJECT)/devices.py; then $(BIN)/python projects/$(PROJECT)/devices.py; fi
	@if test -d projects/$(PROJECT)/standin; then cd projects/$(PROJECT) && $(CURDIR)/$(BIN)/python -m standin --bodies $(BODIES); \
	else $(BIN)/vertebra run --project projects/$(PROJECT); fi

test: setup spark mariadb ## Set everything up and pass all tests, on both engines where Java is installed
	@$(BIN)/pytest --numprocesses 2 --dist worksteal

mutants: setup ## Change the code in small ways and see which changes no test notices (hours; ONLY='vertebra.denial.*' for a part)
	@CI=true $(BIN)/mutmut run --max-children 2 $(if $(ONLY),'$(ONLY)')
	@$(BIN)/mutmut results --all true | awk -F': ' '{sub(/^ +/, ""); split($$1, part, "."); print part[2] "." part[3] ": " $$2}' | sort | uniq -c

bench: setup spark ## Measure against pandas, DuckDB and Apache Spark, and write benchmarks/results (hours)
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.denial
	@$(BIN)/python -m benchmarks.consecutive
	@$(BIN)/python -m benchmarks.landing
	@$(BIN)/python -m benchmarks.small_files
	@$(BIN)/python -m benchmarks.new_month
	@$(BIN)/python -m benchmarks.cleaning_scale

lint: setup ## Check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Rewrite the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

reference: setup ## Regenerate docs/reference from the code
	@$(BIN)/python -m vertebra.report.rule_reference docs/reference/denial-constraints.md
	@$(BIN)/python -m vertebra.report.declaration_reference docs/reference/declarations.md

conformance: setup spark ## Ask both engines the conformance corpus of Spark SQL, and write what is recorded of it (half an hour)
	@$(BIN)/python tests/conformance/record.py

setup: $(VENV)/.ready ## Make the environment from the lock file

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Vertebra needs Python 3.11 or newer; make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making the environment in $(VENV) (about a minute, once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q src/vertebra
	@touch $@

spark: setup ## Make the environment of the Apache Spark server that the tests start (needs Java 17)
	@if command -v java >/dev/null; then $(MAKE) --no-print-directory .venv-spark/.ready; \
	else echo "No Java here: the tests on Apache Spark will be skipped" >&2; fi

.venv-spark/.ready: requirements-spark.lock
	@echo "Making the environment of Apache Spark in .venv-spark (once)" >&2
	@test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	@$(UV) pip sync --quiet --python .venv-spark/bin/python requirements-spark.lock
	@touch $@

mariadb: ## Unpack the MariaDB server that the tests start from Debian's packages, where none is installed
	@if command -v mariadbd >/dev/null || test -x /usr/sbin/mariadbd; then :; \
	elif command -v apt-get >/dev/null; then $(MAKE) --no-print-directory .mariadb/.ready || echo "$(NO_MARIADB)" >&2; \
	else echo "$(NO_MARIADB)" >&2; fi

.mariadb/.ready:
	@echo "Unpacking MariaDB in .mariadb (once)" >&2
	@rm -rf .mariadb && mkdir -p .mariadb/lists/partial
	@cd .mariadb && { apt-get -qq download $(MARIADB) || { apt-get -qq $(APT_LISTS) update && apt-get -qq $(APT_LISTS) download $(MARIADB); }; } 2>apt.log
	@cd .mariadb && for package in *.deb; do dpkg -x $$package . ; done && rm -rf *.deb lists
	@touch $@

lock: setup ## Renew the lock files
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--upgrade --extra flights --extra energy --extra dlt --group dev pyproject.toml --output-file requirements.lock
	@printf 'pyspark[connect]==4.2.*\npandas<3\npyarrow>=18\n' | $(UV) pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --upgrade - --output-file requirements-spark.lock

clean: ## Remove the environments and everything the reference project produced
	@rm -rf $(VENV) .venv-spark .mariadb projects/*/lake* projects/*/mlflow.db* projects/*/mlruns projects/*/.standin projects/*/drop mutants
