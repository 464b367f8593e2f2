# The commands of the project. Each is a line or two; npm scripts do the work.
# Settings come from the environment or from .env, for example: INGEST_PORT=4000 make up

.DEFAULT_GOAL := help
.PHONY: help up down nuke status doctor pause resume logs ui metrics test test/unit test/stack test/full test/cluster test/secure test/tracing check sbom generate faults faults/ci faults/full faults/mutants

help: ## show this list
	@grep -hE '^[a-z/]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "make %-11s %s\n", $$1, $$2 }'

up: prisma/generated ## boot everything; returns when it works
	@npm run --silent stack -- up

down: node_modules ## stop everything, keep its state
	@npm run --silent stack -- down

nuke: node_modules ## stop everything and remove its state
	@npm run --silent stack -- nuke

status: node_modules ## each part, the outbox, the slot, the connector, the consumers' lag
	@npm run --silent stack -- status

doctor: node_modules ## check everything; exit code 0: well or only weak, 1: broken, 2: unsafe
	@npm run --silent outbox -- doctor

pause: node_modules ## stop publishing until make resume; webhooks are still accepted
	@npm run --silent outbox -- pause

resume: node_modules ## end a pause
	@npm run --silent outbox -- resume

logs: node_modules ## follow the logs; one part's with PART=consumer
	@npm run --silent stack -- logs $(PART)

ui: node_modules ## Kafka UI: topics, groups, lag, decoded records
	@npm run --silent stack -- ui

metrics: node_modules ## Prometheus with the alert rules; in Docker Grafana as well
	@npm run --silent stack -- metrics

test: prisma/generated ## the whole test suite; boots its own stack
	@npm run --silent test

test/unit: prisma/generated ## the tests that need no service
	@npm run --silent test:unit

test/stack: prisma/generated ## the tests that need the real services
	@npm run --silent test:stack

test/full: prisma/generated ## make test, the tests that take long, and the suite on containers (needs Docker)
	@npm run --silent test
	@npm run --silent test:full
	@npm run --silent test:exactly-once
	@TEST_STACK=containers npm run --silent test:stack

test/tracing: prisma/generated ## a webhook's trace as Jaeger shows it; builds Jaeger once, needs Go and takes minutes
	@npm run --silent test:tracing

test/cluster: prisma/generated ## the pipeline on three brokers, two workers and three copies of each service, and the loss of each
	@npm run --silent test:cluster

test/secure: prisma/generated ## the pipeline on servers that accept only TLS, and every kind of login; needs openssl
	@npm run --silent test:secure

faults: prisma/generated ## break a separate stack by a seeded schedule and check the fate of every event; SEED= EVENTS= KILLS= PROFILE=
	@npm run --silent faults

faults/ci: prisma/generated ## a short fault run: 20,000 events, each part killed twice, the slot dropped
	@SEED=$${SEED:-1} EVENTS=20000 KILLS=20 OTHERS=4 RATE=150 npm run --silent faults

faults/full: prisma/generated ## ten seeds over both profiles, a million events, hours; continues an interrupted run and stores the figures
	@npm run --silent faults:full

faults/mutants: prisma/generated ## test the checker: plant known faults in a copy of the product; one with MUTANT=
	@npm run --silent faults:mutants

check: prisma/generated ## types, lint, format, generated files
	@npm run --silent check

sbom: node_modules ## the npm packages that are shipped, as CycloneDX, in sbom.npm.json
	@npm sbom --omit=dev --sbom-format=cyclonedx > sbom.npm.json

generate: prisma/generated ## rewrite the generated files
	@npm run --silent generate

node_modules: package-lock.json
	@npm ci --no-progress || { echo "NPM_FAILED: the packages could not be installed. If the npm registry is not reachable from here, name a mirror: npm config set registry URL" >&2; exit 1; }
	@touch node_modules

prisma/generated: node_modules prisma/schema.prisma
	@npm run --silent prisma:generate
	@touch prisma/generated
