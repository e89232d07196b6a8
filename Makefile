# Everything a person needs to build, run and check Nexus. `make help` lists it.

SAN ?= 0
# One thread of the NATS client allocates a message and another frees it, which
# glibc's malloc is slow at: with jemalloc the streamer needs half the CPU time.
# The sanitizers bring their own.
MALLOC := -ljemalloc
ifeq ($(SAN),1)
MALLOC :=
BUILD := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT := -O1
else
BUILD := build
OPT := -O2
endif

# V=1 shows every command, otherwise one short line says what is made.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
says = $(if $(Q),@printf '  %-6s %s\n' $(1) $@)

ifeq ($(origin CC),default)
CC := gcc
endif
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wvla -Wformat=2 -Wno-missing-field-initializers
PG_INCLUDE := $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
CPPFLAGS += -I. -D_GNU_SOURCE -I$(PG_INCLUDE)
CFLAGS += -std=gnu11 -g $(OPT) $(WARN) $(SANFLAGS) -fno-strict-aliasing -pthread
LDFLAGS += $(SANFLAGS) -pthread

# ---- what is built from where: each program is its folders' *.c ----

LIB_SRC       := $(wildcard lib/*.c)
BROKER_SRC    := $(wildcard broker/*.c broker/*/*.c)
STREAMER_SRC  := $(wildcard agents/streamer/*.c)
COLLECTOR_SRC := $(wildcard agents/collector/*.c)
SIMULATOR_SRC := $(wildcard agents/simulator/*.c)
# The GraphQL engine knows nothing of the gateway, and has a command line.
ENGINE_SRC    := $(wildcard api/graphql/*.c)
GRAPHQL_SRC   := $(ENGINE_SRC) $(wildcard api/graphql/cli/*.c)
GATEWAY_SRC   := $(wildcard api/*.c api/rest/*.c api/fleet/*.c api/live/*.c api/pipeline/*.c) $(ENGINE_SRC) \
                 $(wildcard api/graphql/transport/*.c api/graphql/telemetry/*.c)

LIB := $(BUILD)/libnexus.a
# The broker takes from its libraries only what it calls: shared, their tables
# alone would be a third of its memory when it is idle.
LIBS_broker    := -Wl,-Bstatic -lwebsockets -lssl -lcrypto -lcrypt -lcap -lz \
                  -Wl,-Bdynamic
ifeq ($(SAN),1)
# The sanitizer's crypt_r calls the library's, which it finds in a shared one.
LIBS_broker    := -lwebsockets -lssl -lcrypto -lcrypt -lcap -lz
endif
LDFLAGS_broker := -Wl,--gc-sections -Wl,-z,pack-relative-relocs
LIBS_streamer  := $(MALLOC) -lnats -lwebsockets -lm
LIBS_collector := -lnats -lwebsockets -lpq -lm
LIBS_simulator := -lm
LIBS_gateway   := -lnats -lwebsockets -luv -lpq -lcrypto -lz -lm
LIBS_graphql   := -lcrypto -lm
LIBS_all       := -lnats -lwebsockets -luv -lpq -lssl -lcrypto -lcrypt -lz -lm

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ       := $(call objects,$(LIB_SRC))
BROKER_OBJ    := $(call objects,$(BROKER_SRC))
STREAMER_OBJ  := $(call objects,$(STREAMER_SRC))
COLLECTOR_OBJ := $(call objects,$(COLLECTOR_SRC))
SIMULATOR_OBJ := $(call objects,$(SIMULATOR_SRC))
GATEWAY_OBJ   := $(call objects,$(GATEWAY_SRC))
GRAPHQL_OBJ   := $(call objects,$(GRAPHQL_SRC))

PROGRAMS := $(if $(BROKER_SRC),$(BUILD)/nexus-broker) \
            $(if $(STREAMER_SRC),$(BUILD)/nexus-streamer) \
            $(if $(COLLECTOR_SRC),$(BUILD)/nexus-collector) \
            $(if $(SIMULATOR_SRC),$(BUILD)/nexus-simulator) \
            $(if $(GATEWAY_SRC),$(BUILD)/nexus-gateway) \
            $(if $(wildcard api/graphql/cli/*.c),$(BUILD)/nexus-graphql)

# ---- tests: a file added to a folder is a test added ----

UNIT_SRC  := $(wildcard tests/unit/*/*_test.c tests/unit/*/*/*_test.c)
UNIT_BIN  := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
FUZZ_SRC  := $(wildcard tests/fuzz/*_fuzz.c)
FUZZED    := $(BROKER_SRC) $(GATEWAY_SRC) $(GRAPHQL_SRC) \
             $(wildcard lib/*.h broker/*.h broker/*/*.h agents/*/*.[ch] api/*.h api/*/*.h api/*/*/*.h)
FUZZ_BIN  := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC))
C_BENCH_SRC := $(wildcard tests/bench/*.c)
C_BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(C_BENCH_SRC))

.DEFAULT_GOAL := build
.PHONY: help build web deps deps-test deps-bench deps-lint run up down status logs test check bench bench-broker bench-api bench-web soak faults fuzz format format-check lint screenshots clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

NPM := $(shell command -v npm)
build: $(PROGRAMS) $(if $(NPM),web) ## compile everything into build/
	$(if $(NPM),@:,@echo 'make: there is no npm, so the dashboard, GraphiQL and Swagger UI are left out' >&2)

$(BUILD)/nexus-broker: $(BROKER_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) $(LDFLAGS_broker) -o $@ $^ $(LIBS_broker)
$(BUILD)/nexus-streamer: $(STREAMER_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_streamer)
$(BUILD)/nexus-collector: $(COLLECTOR_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_collector)
$(BUILD)/nexus-simulator: $(SIMULATOR_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_simulator)
$(BUILD)/nexus-gateway: $(GATEWAY_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_gateway)
$(BUILD)/nexus-graphql: $(GRAPHQL_OBJ) $(LIB)
	$(call says,link)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_graphql)

$(LIB): $(LIB_OBJ)
	$(call says,ar)
	@rm -f $@
	$(Q)ar rcs $@ $^

# The path is compiled in (log lines, assertions) as it stands in the tree.
$(BUILD)/obj/%.o: %.c
	$(call says,cc)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The migrations travel inside the collector: one C array made from schema/postgres/.
MIGRATIONS := $(sort $(wildcard schema/postgres/*.sql))
$(BUILD)/obj/agents/collector/migrate.o: CPPFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/agents/collector/migrate.o: $(BUILD)/gen/migrations.inc
$(BUILD)/gen/migrations.inc: $(MIGRATIONS) scripts/embed
	@mkdir -p $(@D)
	$(call says,gen)
	$(Q)scripts/embed $(MIGRATIONS) > $@.new && mv $@.new $@

# So does the API's schema inside the gateway.
$(BUILD)/obj/api/graphql/telemetry/schema.o: CPPFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/api/graphql/telemetry/schema.o: $(BUILD)/gen/schema.inc
$(BUILD)/gen/schema.inc: schema/telemetry.graphql scripts/embed
	@mkdir -p $(@D)
	$(call says,gen)
	$(Q)scripts/embed schema/telemetry.graphql > $@.new && mv $@.new $@

# And what the REST documents begin with.
$(BUILD)/obj/api/rest/openapi.o: CPPFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/api/rest/openapi.o: $(BUILD)/gen/openapi.inc
$(BUILD)/gen/openapi.inc: api/rest/openapi.json scripts/embed
	@mkdir -p $(@D)
	$(call says,gen)
	$(Q)scripts/embed api/rest/openapi.json > $@.new && mv $@.new $@

# A unit test is linked with the program it is named after, main.c left out:
# tests/unit/broker/sublist_test.c with broker/, tests/unit/lib/ with none.
PROGRAM_OBJ := $(BROKER_OBJ) $(STREAMER_OBJ) $(COLLECTOR_OBJ) $(SIMULATOR_OBJ) $(sort $(GATEWAY_OBJ) $(GRAPHQL_OBJ))
path_words = $(subst /, ,$(1))
program_of = $(if $(filter agents/%,$(1)),agents/$(word 2,$(path_words)),$(firstword $(path_words)))
test_objects = $(filter-out %/main.o,$(filter $(BUILD)/obj/$(program_of)/%,$(PROGRAM_OBJ)))
.SECONDEXPANSION:
$(BUILD)/tests/unit/%: tests/unit/%.c $$(call test_objects,$$*) $(LIB)
	$(call says,cc)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests -I$(BUILD)/gen $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $(filter %.c %.o %.a,$^) -lcmocka $(LIBS_all)

# What a C benchmark measures besides lib/.
$(BUILD)/tests/bench/store_bench: $(filter-out %/main.o,$(BROKER_OBJ))
$(BUILD)/tests/bench/fanout_bench: $(filter-out %/main.o,$(filter $(BUILD)/obj/api/%,$(PROGRAM_OBJ)))
$(BUILD)/tests/bench/graphql_bench: $(call objects,$(ENGINE_SRC))

# The load on a broker, and on its peer.
BROKER_LOAD := $(BUILD)/tests/bench/broker_load
$(BROKER_LOAD): $(call objects,$(wildcard tests/bench/load/*.c)) $(LIB)
	$(call says,link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

# The subscribers of the live API, and of its peer.
LIVE_LOAD := $(BUILD)/tests/bench/live_load
$(LIVE_LOAD): $(call objects,$(wildcard tests/bench/live/*.c) tests/bench/load/link.c) $(LIB)
	$(call says,link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

SOAK := $(BUILD)/tests/soak
$(SOAK): $(call objects,$(wildcard tests/soak/*.c) tests/bench/load/link.c) $(LIB)
	$(call says,link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

$(BUILD)/tests/bench/%: tests/bench/%.c $(LIB)
	$(call says,cc)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $(filter %.c %.o,$^) $(LIB) $(LIBS_all)

# ---- what the gateway shows in a browser: the dashboard in build/web, and each
# folder of web-dashboard/ that has a script named build in build/web/NAME ----

WEB_SRC := $(wildcard web-dashboard/*/build)
WEB     := $(BUILD)/web/index.html $(patsubst web-dashboard/%/build,$(BUILD)/web/%/index.html,$(WEB_SRC))
web: $(WEB) ## the dashboard, GraphiQL and Swagger UI, into build/web/
	@:
# The folders, too, which are newer when a file has gone.
DASHBOARD_SRC := $(shell find web-dashboard/src web-dashboard/style) $(wildcard web-dashboard/*.*) web-dashboard/build
$(BUILD)/web/index.html: $(DASHBOARD_SRC)
	$(call says,web)
	@web-dashboard/build $(@D)
$(BUILD)/web/%/index.html: $$(wildcard web-dashboard/$$*/*)
	$(call says,web)
	@web-dashboard/$*/build $(@D)
	@touch $@

# ---- running ----

deps: ## install what building and running need (Debian packages)
	@scripts/deps run
deps-test: ## install what the tests need, too (Debian and npm packages)
	@scripts/deps test
deps-bench: ## install what the benchmarks need, too (wrk and their peers)
	@scripts/deps bench
deps-lint: ## install what make format, lint and fuzz need, too (clang, cppcheck)
	@scripts/deps lint

run: deps ## install, build, start everything; ^C stops it. CSV_FILE=… LOOP_MODE=false TIMESTAMPS=source GATEWAY_PORT=… DATA_DIR=…
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@exec env BUILD='$(BUILD)' scripts/nexus run
up: deps ## the same in the background
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@BUILD='$(BUILD)' scripts/nexus up
down: ## stop what `make up` started
	@scripts/nexus down
status: ## what runs, where, and whether it is ready; fails unless all is
	@scripts/nexus status
logs: ## follow the logs of what `make up` started
	@scripts/nexus logs

# ---- checking ----

test: deps-test ## install what tests need and run all of them; SAN=1 under sanitizers
	@$(MAKE) --no-print-directory -j$$(nproc) build unit-tests
	@BUILD='$(BUILD)' SAN='$(SAN)' tests/run
check: ## one test: make check T=sublist
	@$(MAKE) --no-print-directory -j$$(nproc) build unit-tests
	@BUILD='$(BUILD)' SAN='$(SAN)' tests/run "$${T-}"
.PHONY: unit-tests
unit-tests: $(UNIT_BIN)
	@:

screenshots: deps-test ## pictures of every view of the dashboard, into docs/screenshots/
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@BUILD='$(BUILD)' node tests/browser/screenshots.js

faults: deps-test ## the long tests that kill, stall and damage
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@BUILD='$(BUILD)' SAN='$(SAN)' tests/run --faults "$${T-}"

bench: deps-bench ## throughput and latency beside their peers, into build/bench/
	@$(MAKE) --no-print-directory -j$$(nproc) build $(C_BENCH_BIN) $(BROKER_LOAD) $(LIVE_LOAD)
	@BUILD='$(BUILD)' tests/bench/run "$${T-}"

# T chooses rows by a part of their name: T='1 to 1' ROUNDS=3
bench-broker: deps-test ## the broker beside nats-server, row by row, into build/bench/
	@$(MAKE) --no-print-directory -j$$(nproc) build $(BROKER_LOAD)
	@BUILD='$(BUILD)' ROW='$(T)' tests/bench/run broker

bench-api: deps-bench ## the API beside Mercurius and graphql-ws, into build/bench/
	@$(MAKE) --no-print-directory -j$$(nproc) build $(LIVE_LOAD)
	@BUILD='$(BUILD)' tests/bench/run api
	@BUILD='$(BUILD)' tests/bench/run live

# SECONDS=60 ROUNDS=7 GPUS=10000
bench-web: deps-test ## the dashboard in a browser over HEAP_MINUTES=10, into build/bench/
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@BUILD='$(BUILD)' tests/bench/run dashboard

soak: deps-test ## every kind of client on one broker for SOAK_TIME=600 seconds
	@$(MAKE) --no-print-directory -j$$(nproc) build $(SOAK)
	@BUILD='$(BUILD)' node tests/soak/broker.soak.js

fuzz: deps-lint ## every fuzz target for FUZZ_TIME seconds (30)
	@$(MAKE) --no-print-directory -j$$(nproc) $(FUZZ_BIN)
	@tests/fuzz/run "$${T-}"

# The libraries' own sources are compiled again, instrumented; anew when any
# source or header changed. A target says
# what it needs besides lib/ in a comment `fuzz-links: broker/parser.c …`.
build/fuzz/%: tests/fuzz/%.c $(LIB_SRC) $(FUZZED)
	$(call says,clang)
	@mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -pthread \
	  -o $@ $< $(shell sed -n 's/\*\/.*//; s/.*fuzz-links: *//p' $<) $(LIB_SRC) $(LIBS_all)

C_FILES = $(shell git ls-files '*.c' '*.h')
format: ## lay the C sources out as .clang-format says
	clang-format -i $(C_FILES)
format-check:
	clang-format --dry-run -Werror $(C_FILES)

LINT_SRC := $(LIB_SRC) $(BROKER_SRC) $(STREAMER_SRC) $(COLLECTOR_SRC) $(SIMULATOR_SRC) $(sort $(GATEWAY_SRC) $(GRAPHQL_SRC))
lint: deps-lint format-check $(BUILD)/gen/migrations.inc $(BUILD)/gen/schema.inc $(BUILD)/gen/openapi.inc ## clang-tidy, cppcheck, tsc: every finding an error
	@# One file a run: clang-tidy 14 mistakes a va_list in the second one.
	printf '%s\n' $(LINT_SRC) | xargs -P$$(nproc) -n1 sh -c 'clang-tidy --quiet "$$1" -- $(CPPFLAGS) -I$(BUILD)/gen -std=gnu11 2>/dev/null' lint
	npm run --silent --prefix web-dashboard check
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppressions-list=.cppcheck-suppressions -I. -D_GNU_SOURCE $(LINT_SRC)

clean: ## remove build/
	rm -rf build

-include $(shell find $(BUILD)/obj $(BUILD)/tests -name '*.d' 2>/dev/null)
