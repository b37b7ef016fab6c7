# Each target is one line that calls the real thing; what it needs is set up first, and skipped where it is there.
.PHONY: demo test bench check lock

demo: ## Start the platform with a scored demo challenge
	@.ci/with-setup .venv/bin/python manage.py demo

test: ## Run every test, Docker, browser and PostgreSQL included
	@.ci/with-setup --browser --postgres .ci/tests

bench: ## Print measured ratios against named rivals and floors
	@.ci/with-setup .venv/bin/python -m tests.bench

check: ## Run the linters
	@.ci/linters

lock: ## Compile requirements.txt from requirements.in, with hashes
	@.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" requirements.in -o requirements.txt
