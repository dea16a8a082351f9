.PHONY: demo test test-pages test-deep test-faults test-fresh test-scale bench lint setup notebook clean

demo:
	@./scripts/setup.sh run
	@exec .venv/bin/gridcover demo

setup:
	@./scripts/setup.sh test

test: setup lint
	@./scripts/npm.sh test --silent
	.venv/bin/python -m pytest

test-pages: setup
	.venv/bin/python -m pytest -m pages

test-fresh: setup
	.venv/bin/python -m pytest -m fresh

test-deep: setup
	.venv/bin/python -m pytest -m deep

test-faults: setup
	.venv/bin/python -m pytest -m faults

test-scale: setup
	.venv/bin/python -m pytest -m scale

lint: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	@.venv/bin/numpydoc lint $$(find geo service -name '*.py')
	.venv/bin/mypy
	@./scripts/npm.sh run lint --silent

bench: setup
	.venv/bin/python -m benchmarks

clean:
	rm -rf .venv .tools .setup node_modules service/static/vendor
