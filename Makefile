.DEFAULT_GOAL := help
.PHONY: help run demo build deb check test test-full test-cluster test-asan test-tsan fuzz faults simulate
.PHONY: bench bench-counts bench-instructions bench-journal bench-tokens bench-feed bench-store bench-plot openapi format
.PHONY: lint clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

run: ## Install what is missing, build, and serve on 127.0.0.1:8080; ARGS="--log text" are passed on
	@scripts/run $(ARGS)

demo: ## A page to sign in to: nginx with TLS, Martlet and an Express application, at one address
	@scripts/demo

build: ## Build .build/release/martlet
	@scripts/install build
	@scripts/build

deb: ## Build martlet_VERSION_ARCH.deb, which needs no toolchain where it is installed
	@scripts/install build deb
	@scripts/build
	@scripts/deb

check: ## Build for debugging, run the Swift tests and the fast black-box tests: 2 to 3 minutes, after the first build
	@scripts/check $(ARGS)

test: ## Install what the tests need and run all of them: 20 to 30 minutes
	@scripts/test

test-full: ## Run all tests in their long forms: several hours
	@MARTLET_TEST_FULL=1 scripts/test

test-cluster: ## Run the long forms of the tests of several nodes on Redis and PostgreSQL: hours; ARGS="-k kill"
	@scripts/install build test
	@scripts/venv
	@scripts/build
	@MARTLET_TEST_FULL=1 .venv/bin/python -m pytest -ra Tests/BlackBoxTests/store $(ARGS)

faults: ## Break the machine under the service and print what was lost; ARGS="power_cut_ext4"
	@scripts/install build test
	@scripts/venv
	@scripts/build
	@cd Tests/BlackBoxTests && ../../.venv/bin/python -m faults.campaign $(ARGS)

test-asan: ## Run black-box tests against a build with AddressSanitizer; ARGS="-k tls"
	@scripts/test-sanitized address $(ARGS)

test-tsan: ## The same with ThreadSanitizer; part of make test-full
	@scripts/test-sanitized thread $(ARGS)

fuzz: ## Run the fuzzers, SECONDS=60 each or RUNS=N; FUZZERS="json jws", PLANT=1 checks that a fault is found
	@scripts/install build
	@FUZZ_SECONDS="$(SECONDS)" RUNS="$(RUNS)" FUZZERS="$(FUZZERS)" PLANT="$(PLANT)" scripts/fuzz

simulate: ## Run the journal on a simulated disk; SEEDS=2000, SEED=17 for one that is told step by step, MUTANTS=1 for bugs put in
	@scripts/install build
	@scripts/simulate $(if $(MUTANTS),--mutants,$(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000)))

bench: ## Measure against nginx on this machine; ARGS="--rows verify-hs256 --seconds 3"
	@scripts/install build bench
	@scripts/build
	@MARTLET_BENCH=1 scripts/build --product martlet-journal-bench
	@python3 scripts/bench/bench.py $(ARGS)

bench-journal: ## Measure the journal against this machine's disk; ARGS="--full" for 100 million revocations too
	@scripts/install build bench
	@scripts/build
	@MARTLET_BENCH=1 scripts/build --product martlet-journal-bench
	@python3 scripts/bench/journal.py $(ARGS)

bench-counts: ## Count system calls and context switches per request; ARGS="--rows revoke --profile 30"
	@scripts/install build bench
	@scripts/build
	@python3 scripts/bench/counts.py $(ARGS)

bench-instructions: ## Count instructions per request by cause; ARGS="--rows refresh --functions 40"
	@scripts/install build bench
	@scripts/build
	@python3 scripts/bench/instructions.py $(ARGS)

bench-tokens: ## Measure a token's cost against bare OpenSSL; ARGS="--rounds 100 --check"
	@scripts/install build
	@MARTLET_BENCH=1 scripts/build --product martlet-token-bench
	@.build/release/martlet-token-bench $(ARGS)

bench-feed: ## Measure the revocation feed: propagation, memory, snapshots; ARGS="--readers 200 --million 0 --before FILE"
	@scripts/install build bench
	@scripts/build --product martlet
	@python3 scripts/bench/feed.py $(ARGS)

bench-store: ## Measure several nodes beside their bare engine: rates, waits, propagation, start; ARGS="--engine redis"
	@scripts/install build bench
	@scripts/build --product martlet
	@scripts/venv
	@.venv/bin/python scripts/bench/store.py $(ARGS)

bench-plot: ## Draw docs/performance.svg from docs/performance.json; RUN=figures.json draws figures.svg
	@python3 scripts/bench/plot.py $(RUN)

openapi: ## Write openapi.yaml as this version prints it
	@scripts/install build
	@scripts/build
	@.build/release/martlet openapi > openapi.yaml.new && mv openapi.yaml.new openapi.yaml

format: ## Format Sources, Tests and Package.swift in place
	@swift format --in-place --parallel --recursive Sources Tests Package.swift

lint: ## Say what make format would change
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift

clean: ## Remove what was built; var/, keys/ and users.json stay
	@rm -rf .build .venv
