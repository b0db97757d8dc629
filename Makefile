# Two commands for everyone: `make demo` and `make test`. The rest is for those who work on capscope.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
POOL ?= ../shared/pool

.PHONY: demo test check format sample real model constraints clean \
	bench-data bench-kin bench-clock bench-artefacts bench-batch bench-ingest bench-classifiers bench-draws bench-detect bench-index \
	bench-campaigns bench-indicators bench-speed bench-scale bench-web bench-map pictures

demo: $(VENV)/.demo
	mkdir -p out
	$(BIN)/capscope label data/samples/traffic.jsonl -o out/demo.jsonl

test: $(VENV)/.test check
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The shipped sample, from the texts in benchmarks/sample/.
sample: $(VENV)/.test
	$(BIN)/python benchmarks/make_sample.py -o data/samples/traffic.jsonl

# The encoder's speed by batch size, and kinds of session classifier side by side.
bench-batch: $(VENV)/.test
	$(BIN)/python benchmarks/batch_size.py

# Reading a log of 5 million rows, against pandas.
bench-ingest: $(VENV)/.test
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[weights,dev,bench]'
	$(BIN)/python benchmarks/ingest.py

# Accounts of the project's own sources, which the model and its benchmark learn from.
ACCOUNTS_BESIDE := --sessions 3000 --seed 5

# What is found of sources never seen, beside published detectors: the tables of docs/results.md.
bench-detect: $(VENV)/.test bench-data
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[weights,dev,bench]'
	$(BIN)/capscope simulate --pool $(POOL) --mix long-accounts --sessions 16000 --seed 9 -o out/full/long-accounts.parquet
	$(BIN)/capscope simulate --pool invented --mix invented-accounts $(ACCOUNTS_BESIDE) -o out/full/invented-accounts.parquet
	$(BIN)/python benchmarks/detect.py out/full/train.parquet --beside out/full/invented.parquet --accounts out/full/long-accounts.parquet --accounts-beside out/full/invented-accounts.parquet

DRAWS := 11 12 13 14 15
# How far the figures of the first pass hang on which sessions were drawn to learn from and to test on.
bench-draws: $(VENV)/.test bench-data
	for seed in $(DRAWS); do \
		$(BIN)/capscope simulate --pool $(POOL) --sessions 4000 --seed $$seed -o out/full/draw-$$seed.parquet || exit 1; \
	done
	$(BIN)/python benchmarks/draws.py out/full/train.parquet $(DRAWS:%=out/full/draw-%.parquet) --beside out/full/invented.parquet

bench-classifiers: $(VENV)/.test bench-data
	$(BIN)/python benchmarks/classifiers.py out/full/train.parquet

# Search, kills while adding, clusters and coverage of a million prompts, beside other packages.
bench-index: $(VENV)/.test
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[weights,dev,bench]'
	$(BIN)/python benchmarks/index_search.py --pool $(POOL)
	$(BIN)/python benchmarks/index_clusters.py --pool $(POOL) --peers $(BIN)/python
	$(BIN)/python benchmarks/index_coverage.py

# What is found of campaigns, how often chance is taken for one, what sessions gain, and growth; embeds for an hour first.
bench-campaigns: $(VENV)/.test bench-data
	$(BIN)/python benchmarks/campaigns.py out/full/campaigns.parquet --pool $(POOL)
	$(BIN)/python benchmarks/campaign_gain.py out/full/train.parquet out/full/campaigns.parquet
	$(BIN)/python benchmarks/campaigns_index.py

# A campaign's bundle, matched at another provider; embeds for an hour first.
bench-indicators: $(VENV)/.test bench-data
	$(BIN)/capscope simulate --pool $(POOL) --mix all-campaigns --sessions 16000 --seed 5 -o out/full/campaigns-5.parquet
	$(BIN)/python benchmarks/indicators.py out/full/campaigns.parquet out/full/campaigns-5.parquet --pool $(POOL) -o out/indicators

# Prompts a second, beside sentence-transformers as it comes.
bench-speed: $(VENV)/.test bench-data
	$(BIN)/capscope simulate --pool $(POOL) --sessions 12000 --seed 2 -o out/full/speed.parquet
	$(BIN)/python benchmarks/speed.py out/full/speed.parquet --rows 1000 --sizes 10000 100000 --exact-sizes 100000 --extraction 0.1

# Time, memory and growth of `label` up to a million exchanges, without and with the encoder's work.
bench-scale: $(VENV)/.test
	$(BIN)/python benchmarks/scale.py --hashed
	$(BIN)/python benchmarks/scale.py

# The analyst's page over 200,000 prompts: first page, searches, 50 readers beside a writer.
bench-web: $(VENV)/.test
	$(BIN)/python benchmarks/web.py

# Frames a second of the map in Chromium, beside regl-scatterplot where node and npm are there.
bench-map: $(VENV)/.test
	mkdir -p out/peer && cd out/peer && npm install --silent regl-scatterplot@1.16.0 esbuild@0.28.2
	$(BIN)/python benchmarks/map_frames.py --peer out/peer

# The README's pictures of the pages, over the shipped sample.
pictures: $(VENV)/.test
	CAPSCOPE_PICTURES=docs/pictures $(BIN)/pytest -q tests/test_browser.py tests/test_looks.py -k pictures

# The standard sets of labelled traffic, in out/full or out/small, and what leaks in them.
SIZE ?= full
bench-data: $(VENV)/.demo
	$(BIN)/python benchmarks/standard_sets.py --pool $(POOL) --size $(SIZE) -o out/$(SIZE)

# What the protocol rests on: sources that share text, the traces' clock, marks of single sources.
bench-kin bench-clock bench-artefacts: bench-%: $(VENV)/.demo
	$(BIN)/python benchmarks/$*.py --pool $(POOL)

# Verdicts on 600 real sessions of the pool.
real: $(VENV)/.demo
	mkdir -p out
	$(BIN)/python benchmarks/real_sessions.py --pool $(POOL) -o out/real.jsonl
	$(BIN)/capscope label out/real.jsonl -o out/real-verdicts.jsonl

# The shipped model, from the pool's sources that may train, and its figures on those that may not.
# Its long accounts are more than `bench-detect` can embed within an hour: 877 organic ones of 200 prompts.
model: $(VENV)/.demo bench-data
	$(BIN)/capscope simulate --pool $(POOL) --mix long-accounts --sessions 30000 --seed 9 -o out/full/accounts.parquet
	$(BIN)/capscope simulate --pool invented --mix invented-accounts $(ACCOUNTS_BESIDE) -o out/full/invented-accounts.parquet
	$(BIN)/capscope train out/full/train.parquet --beside out/full/invented.parquet --accounts out/full/accounts.parquet --accounts-beside out/full/invented-accounts.parquet -o classify/models/default
	$(BIN)/capscope evaluate out/full/held-out.parquet -o out/held-out.json

$(VENV)/.demo: pyproject.toml constraints.txt
	@echo "Installing capscope and what it needs (about 2 GB) into $(VENV) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[weights,redact,web]'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "Installing what the tests need into $(VENV) ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[weights,dev]'
	touch $@

# Pins for both commands: resolve afresh in a new environment and keep what was installed.
constraints:
	rm -rf out/resolve && $(PYTHON) -m venv out/resolve
	out/resolve/bin/pip install --quiet 'torch==2.13.0' '.[weights,dev,bench]'
	out/resolve/bin/pip freeze --exclude capscope | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) out dist build .mypy_cache .ruff_cache .pytest_cache
