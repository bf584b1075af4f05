# Mailhouse from the command line. Each target is a line or a script in infra/local, and the script says what it does.
.PHONY: demo up down test check bench docs fuzz fuzz-api logs redrive deploy

STAGE ?= staging

# The main job end to end: documents in, print files in target/demo.
demo: up
	@. ./.local/env && .local/sam/bin/python infra/local/demo.py

# Build, start the emulator, deploy, make accounts, write .local/env.
up:
	@infra/local/up

# Stop the emulator and forget what it held.
down:
	@infra/local/emulator stop

# Every test, against the deployed stack.
test:
	@infra/local/test

# Format, lints, documentation, licences and advisories, the template.
check:
	@infra/local/check

# The figures, beside the floor or peer of each.
bench: up
	@infra/local/setup tests bench
	@. ./.local/env && cargo run --release --locked --package tests --bin bench

# Follow the log of one function: make logs FN=batches.create
logs:
	@. ./.local/env && .local/sam/bin/python infra/local/logs.py "$(FN)"

# Send a dead-letter queue round again: make redrive QUEUE=Inspect
redrive:
	@. ./.local/env && .local/sam/bin/python infra/local/redrive.py "$(QUEUE)"

# To AWS, with one's own credentials: make deploy STAGE=production
deploy:
	@infra/local/setup && infra/local/build --lambda
	@.local/sam/bin/sam deploy --config-env "$(STAGE)"

# The contract as a page for people: target/docs/index.html
docs:
	@mkdir -p target/docs && cargo run --quiet --locked --package api --example docs > target/docs/index.html
	@echo target/docs/index.html

# Asks the running stack what nobody would, as infra/openapi.yaml describes it: make fuzz-api EXAMPLES=100
fuzz-api: up
	@infra/local/setup tests
	@. ./.local/env && .local/sam/bin/python infra/local/fuzz_api.py $(EXAMPLES)

# Has an engine look for documents that break the print engine, each way for so many seconds: make fuzz TIME=600
fuzz:
	@infra/local/fuzz "$(TIME)"
