# make setup, then make test. Needs Rust, Python 3.9+ with venv, and Node 20+.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
NODE_MODULES := cdm-node/node_modules/.stamp
NODE_EXAMPLES := examples/node/node_modules/.stamp

.PHONY: setup setup-browser test test-rust test-py test-node build-node demo lint bench bench-node peers

setup: $(VENV)/.stamp $(NODE_MODULES) $(NODE_EXAMPLES)

$(VENV)/.stamp: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check -r $<
	touch $@

$(NODE_MODULES): cdm-node/package.json cdm-node/package-lock.json
	cd cdm-node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(NODE_EXAMPLES): examples/node/package.json examples/node/package-lock.json
	cd examples/node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

test: test-rust test-py test-node

# The report is tested in Chromium where the machine has one, and says so where it has none. This
# installs it on Debian and its kin; elsewhere, CDM_BROWSER names one.
setup-browser:
	apt-get update -q
	apt-get install -y -q --no-install-recommends chromium

# All features at once, so that everything is compiled once.
test-rust:
	cargo test --locked --all-features -p cdm-core -p cdm-memory -p cdm-examples

# Each binding has a target folder of its own: pyo3 and napi-derive ask for other features of `syn`,
# so that most of what they have in common would be built again at every switch.
test-py: $(VENV)/.stamp
	VIRTUAL_ENV=$(abspath $(VENV)) $(VENV)/bin/maturin develop -q --locked \
	  -m cdm-py/Cargo.toml --target-dir $(abspath target/py)
	$(PY) -m pytest -q cdm-py/tests

test-node: build-node $(NODE_EXAMPLES)
	cd cdm-node && npx --no-install tsc -p test
	cd cdm-node && node --test --test-reporter=spec test/*.test.mjs test/*.test.cjs
	cd examples/node && npx --no-install tsc
	cd examples/node && node --test --test-reporter=spec test/*.test.mjs

# The target folder must be absolute, or napi writes an empty native.d.ts. NAPI_FLAGS=--release is what
# benches want.
build-node: $(NODE_MODULES)
	cd cdm-node && npx --no-install napi build --platform --js native.js --dts native.d.ts \
	  --target-dir $(abspath target/node) $(NAPI_FLAGS) -- --locked
	cd cdm-node && npx --no-install tsc

demo:
	cargo run --locked --release -p cdm-examples --bin resolve -- \
	  --plan examples/plans/sample.json --out out --truth examples/sample/truth.csv \
	  crm=examples/sample/crm.csv shop=examples/sample/shop.jsonl \
	  support=examples/sample/support.csv loyalty=examples/sample/loyalty.csv

# native.d.ts is generated and committed: it must be what the Rust says.
lint: build-node
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --workspace --all-features
	! grep -rnw unsafe --include=*.rs cdm-node
	git diff --exit-code -- cdm-node/native.d.ts

bench:
	cargo bench --locked -p cdm-benches

# Beside Splink on the same generated customers; `make peers PEERS="--records 10000 --runs 1"` is the short way.
PEERS ?= --records 10000 100000 1000000 --runs 3
peers:
	python3 benches/peers/run.py $(PEERS)

bench-node:
	$(MAKE) build-node NAPI_FLAGS=--release
	node --expose-gc benches/node/border.mjs
	node --expose-gc benches/node/score.mjs
	node --expose-gc benches/node/loop.mjs
