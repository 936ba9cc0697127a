# pwsim: build, test and measure. `make deps` installs what Debian 12 lacks; everything built is under build/.
B       := build
OPT     := -O2
SAN     :=
VERSION := 0.1.0
CC      := gcc
CLANG   := clang-14
JOBS    := 1# of `make check`: 2 to run command-line tests beside the others

PACKAGES := gcc make pkg-config libsdl2-dev libsdl2-ttf-dev fonts-dejavu-core libelf-dev zlib1g-dev libdeflate-dev liblzma-dev xz-utils \
    libcriterion-dev libconfig-dev libsqlite3-dev libjansson-dev libxxhash-dev clang lld wasi-libc \
    libclang-rt-14-dev libclang-rt-14-dev-wasm32 wabt binaryen clang-format clang-tidy cppcheck

LIBS     := sdl2 SDL2_ttf libconfig jansson libelf zlib libdeflate liblzma libxxhash
WARN     := -Wall -Wextra -Wshadow -Wconversion
CPPFLAGS := -D_GNU_SOURCE -DPWSIM_VERSION='"$(VERSION)"' -I.
CFLAGS   := -std=gnu11 $(OPT) -g $(WARN) -ffp-contract=off $(SAN) $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDFLAGS  := $(SAN) -Wl,--as-needed
LDLIBS    = $(shell pkg-config --libs $(LIBS)) -lm -lpthread

MODULES := sim cpu memhier nvdimm wasmcore traces ui
SRC     := $(foreach m,$(MODULES),$(wildcard $m/*.c))
OBJ     := $(SRC:%.c=$B/%.o)
LIB     := $B/libpwsim.a
TESTS   := $(patsubst tests/test_%.c,$B/tests/test_%,$(wildcard tests/test_*.c))
BENCHES := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/bench_*.c))
PROGRAMS := $(patsubst guestos/programs/%.c,$B/guest/%.wasm,$(wildcard guestos/programs/*.c guestos/programs/*/*.c))
PERSISTENCY := $(filter $B/guest/persistency/%,$(PROGRAMS))
GUEST_TESTS := $(patsubst tests/guest/%.c,$B/guest/tests/%.wasm,$(wildcard tests/guest/*.c)) $B/guest/fuzz/calls.wasm
TEST_IMAGES := $B/guest/tests/harts.elf $B/guest/tests/smp.elf
TEXTS   := $B/guest/text.txt $B/guest/sample.txt

# kernels for `make validate-host MACHINE=zen4 KERNELS="sort lz"`; MACHINE is a file of sim/configs
MACHINE  :=
KERNELS  :=
VALIDATE := $(filter-out guest native,$(patsubst tests/validate/%.c,%,$(wildcard tests/validate/*.c)))
V        := $B/validate
DRIVER   := $(addprefix tests/validate/,native.c kernel.h clock.h pieces.h)
RUNTIME  := $(wildcard /usr/share/wabt/wasm2c/wasm-rt-impl.c)

Q := @
say = @printf '  %-6s %s\n' $(1) $(2)

.PHONY: all corpus regress golden replacement-table deps have-deps demo check check-build check-only check-asan thirdparty thirdparty-test shell-test bench bench-large bench-peers validate-host fuzz lint format clean
.DELETE_ON_ERROR:
.SECONDARY:

all: have-deps $B/pwsim $B/pwsim-view $B/boot.elf $B/persistency.elf

# ---- packages ----
missing = dpkg-query -W -f '$${Package} $${Status}\n' $(PACKAGES) 2>/dev/null | \
    awk -v want="$(PACKAGES)" '/ installed$$/ { sub(/:.*/, "", $$1); have[$$1] = 1 } \
    END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) printf "%s ", w[i] }'

have-deps:
	@m=$$($(missing)); [ -z "$$m" ] || { echo "pwsim: packages are missing: $$m"; echo "pwsim: 'make deps' installs them (as root or with sudo)"; exit 1; }

deps:
	@m=$$($(missing)); [ -z "$$m" ] && exit 0; echo "installing: $$m"; \
	S=; [ "$$(id -u)" = 0 ] || S=sudo; \
	$$S apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$S apt-get install -y -qq --no-install-recommends $$m >$${TMPDIR:-/tmp}/pwsim-deps.$$$$ 2>&1 || \
	    { cat $${TMPDIR:-/tmp}/pwsim-deps.$$$$; exit 1; }

# ---- the simulator ----
$B/pwsim: $B/sim/main.o $(LIB)
$B/pwsim-view: $B/sim/view_main.o $(LIB)
$B/pwsim $B/pwsim-view:
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(filter-out $B/sim/main.o $B/sim/view_main.o,$(OBJ))
	$(call say,AR,$@)
	$Qrm -f $@ && ar rcs $@ $^

$B/%.o: %.c Makefile
	$(call say,CC,$<)
	$Qmkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Lowering fills small structures field by field; put together as vectors they take more instructions.
$(patsubst %.c,$B/%.o,$(wildcard wasmcore/lower*.c) wasmcore/builder.c wasmcore/regalloc.c): CFLAGS += -fno-tree-slp-vectorize

# ---- the guest: kernel, programs, boot image ----
# Compiled and linked in two steps: a single one would run wasm-opt where that is installed, and
# the programs would differ from machine to machine and lose their names.
GUEST_WARN    := -Wall -Wextra -Wshadow
KERNEL_FLAGS  := --target=wasm32 -std=gnu11 -O2 -ffreestanding -mbulk-memory -msign-ext -mmutable-globals -mnontrapping-fptoint -matomics
PROGRAM_FLAGS := --target=wasm32-wasi -std=gnu11 -O2
KERNEL_OBJ    := $(patsubst %.c,$B/guest/%.o,$(wildcard guestos/kernel/*.c))
LIB_OBJ       := $(patsubst %.c,$B/guest/%.o,$(wildcard guestos/lib/*.c))

$B/guest/guestos/kernel/%.o: guestos/kernel/%.c Makefile
	$Qmkdir -p $(@D) && $(CLANG) $(KERNEL_FLAGS) $(GUEST_WARN) -Iguestos/include -I. -MMD -MP -c -o $@ $<

$B/guest/%.o: %.c Makefile
	$Qmkdir -p $(@D) && $(CLANG) $(PROGRAM_FLAGS) $(GUEST_WARN) -Iguestos/include -I. -MMD -MP -c -o $@ $<

$B/guest/kernel.wasm: $(KERNEL_OBJ)
	$(call say,WASM,$@)
	$Q$(CLANG) --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=65536 -Wl,--export=__stack_pointer -o $@ $^

$B/guest/%.wasm: $B/guest/guestos/programs/%.o $(LIB_OBJ)
	$(call say,WASM,$@)
	$Qmkdir -p $(@D) && $(CLANG) --target=wasm32-wasi -o $@ $^

$B/guest/tests/%.wasm: $B/guest/tests/guest/%.o $(LIB_OBJ)
	$(call say,WASM,$@)
	$Qmkdir -p $(@D) && $(CLANG) --target=wasm32-wasi $(LINK) -o $@ $^

# threads: wasi-libc is built without them, so only the first thread of a program may use it
$B/guest/tests/guest/smp.o: PROGRAM_FLAGS += -matomics -mbulk-memory
$B/guest/tests/smp.wasm: LINK = -Wl,--shared-memory,--import-memory,--max-memory=4194304,--no-check-features

$B/guest/fuzz/%.wasm: $B/guest/tests/fuzz/guest/%.o
	$(call say,WASM,$@)
	$Qmkdir -p $(@D) && $(CLANG) --target=wasm32-wasi -o $@ $^

# a kernel for tests, with a program that imports nothing of WASI
$B/guest/tests/kernel/%.o: tests/kernel/%.c Makefile
	$Qmkdir -p $(@D) && $(CLANG) $(KERNEL_FLAGS) $(GUEST_WARN) -Iguestos/include -I. -MMD -MP -c -o $@ $<

$B/guest/tests/kernel/%.wasm: $B/guest/tests/kernel/%.o
	$Q$(CLANG) --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--stack-first -Wl,--export=__stack_pointer -o $@ $^

$B/guest/tests/harts.elf: $B/pwsim $B/guest/tests/kernel/harts.wasm $B/guest/tests/kernel/worker.wasm
	$Q$B/pwsim image build $@ .kernel=$B/guest/tests/kernel/harts.wasm .prog/worker=$B/guest/tests/kernel/worker.wasm

$B/guest/tests/smp.elf: $B/pwsim $B/guest/kernel.wasm $B/guest/tests/smp.wasm $B/guest/bench/sieve.wasm
	$Q$B/pwsim image build $@ .kernel=$B/guest/kernel.wasm .prog/smp=$B/guest/tests/smp.wasm .prog/sieve=$B/guest/bench/sieve.wasm

$B/mktext: guestos/mktext.c
	$(call say,CC,$<)
	$Qmkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lm

$B/guest/text.txt: $B/mktext
	$Qmkdir -p $(@D) && $B/mktext 1572864 1 > $@

$B/guest/sample.txt: $B/mktext
	$Qmkdir -p $(@D) && $B/mktext 40000 2 > $@

# SQLite's shell is in it where `make thirdparty` has built that
SQLITE := $(wildcard $B/thirdparty/sqlite.wasm)

$B/boot.elf: $B/pwsim $B/guest/kernel.wasm $(filter-out $(PERSISTENCY),$(PROGRAMS)) $(TEXTS) $(SQLITE)
	$(call say,IMAGE,$@)
	$Q$B/pwsim image build $@ .kernel=$B/guest/kernel.wasm \
	    $(foreach f,$(TEXTS),.file/$(notdir $f)=$f) $(foreach p,$(filter-out $(PERSISTENCY),$(PROGRAMS)) $(SQLITE),.prog/$(basename $(notdir $p))=$p)

# Programs with known persistency bugs, and their right versions.
$B/persistency.elf: $B/pwsim $B/guest/kernel.wasm $(PERSISTENCY)
	$(call say,IMAGE,$@)
	$Q$B/pwsim image build $@ .kernel=$B/guest/kernel.wasm $(foreach p,$(PERSISTENCY),.prog/$(basename $(notdir $p))=$p)

# ---- tests ----
$B/tests/%: tests/%.c $(LIB) Makefile
	$(call say,CC,$<)
	$Qmkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.o,$^) $(LIB) $(if $(findstring test_,$@),-lcriterion) $(LDLIBS)

$B/spectest: $B/tests/spectest
	$Qcp $< $@

check: deps
	@$(MAKE) --no-print-directory check-only

check-build: all $(TESTS) $B/tests/validate_host $B/validate.elf $(foreach k,fib crc,$V/$k.native $(if $(RUNTIME),$V/$k.wasm2c)) $B/spectest $B/tests/runall $(GUEST_TESTS) $(TEST_IMAGES)

check-only: check-build
	@B=$B CC=$(CC) JOBS=$(JOBS) tests/run.sh

# programs from elsewhere: fetched from Debian's sources, built for the host and for WASI, compared
thirdparty: deps
	@$(MAKE) --no-print-directory deps PACKAGES="$$(tests/thirdparty.sh packages)"
	@$(MAKE) --no-print-directory all $B/guest/sample.txt
	@B=$B tests/thirdparty.sh fetch && B=$B tests/thirdparty.sh build

thirdparty-test: thirdparty
	@B=$B tests/thirdparty.sh test

$B/tests/shell_pty: LDLIBS += -lutil

shell-test: all $B/tests/shell_pty
	@$B/tests/shell_pty $B/pwsim

check-asan: JOBS := 2
check-asan: deps
	@$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory B=build/asan JOBS=$(JOBS) OPT=-O1 SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check-only

# ---- fuzzing: `make fuzz SECONDS=60` runs each target that long ----
SECONDS    := 60
FUZZ_FLAGS := -std=gnu11 -O1 -g -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=undefined $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
FUZZ_SRC   := $(filter-out sim/main.c sim/view_main.c sim/cmd_%.c ui/%.c,$(SRC))
FUZZ_LIB   := $B/fuzz/libpwsim.a
FUZZERS    := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/*.c))

# clang takes minutes for the engine's loop with sanitizers at any other level; hooks at compares cost
# checkpoints, which are long arrays, half of their time
$B/fuzz/wasmcore/exec_%.o: FUZZ_FLAGS += -O0
$(filter-out $B/fuzz/wasmcore/%,$(FUZZ_SRC:%.c=$B/fuzz/%.o)): FUZZ_FLAGS += -fno-sanitize-coverage=trace-cmp

$B/fuzz/%.o: %.c Makefile
	$(call say,FUZZ,$<)
	$Qmkdir -p $(@D) && $(CLANG) $(CPPFLAGS) -fsanitize=fuzzer-no-link $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_LIB): $(FUZZ_SRC:%.c=$B/fuzz/%.o)
	$Qrm -f $@ && ar rcs $@ $^

$(FUZZERS): $B/fuzz/%: tests/fuzz/%.c tests/guest.h $(FUZZ_LIB)
	$(call say,FUZZ,$@)
	$Q$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_LIB) $(LDLIBS)

fuzz: all $(FUZZERS) $B/guest/fuzz/calls.wasm
	@B=$B tests/fuzz/run.sh $(SECONDS) $(FUZZERS)

# ---- use ----
demo: deps
	@$(MAKE) --no-print-directory all
	$B/pwsim run sim/configs/demo.cfg

# Programs that import nothing, so that any engine can run them: `alone/NAME.wasm` exports run().
# The large one, Lua, is built from Debian's sources, which bench-large fetches.
ALONE := $(addprefix $B/alone/,coremark.wasm matmul.wasm sha256.wasm fib.wasm)
$B/alone/coremark%: FROM = benchcore
$B/alone/coremark%: ARGUMENT = 300
$B/alone/matmul%: ARGUMENT = 180
$B/alone/sha256%: ARGUMENT = 600
$B/alone/fib%: ARGUMENT = 32
$B/alone/lua%: ARGUMENT = 12
FROM = bench/$*

$B/alone/%_glue.o: tests/alone/alone.c Makefile
	$Qmkdir -p $(@D) && $(CLANG) $(PROGRAM_FLAGS) $(GUEST_WARN) -Wno-unused-parameter -Wno-int-to-pointer-cast -DARGUMENT='"$(ARGUMENT)"' -c -o $@ $<

.SECONDEXPANSION:
$B/alone/%.wasm: $$(B)/guest/guestos/programs/$$(FROM).o $B/alone/%_glue.o $(LIB_OBJ)
	$(call say,WASM,$@)
	$Q$(CLANG) --target=wasm32-wasi -nostartfiles -Wl,--no-entry -o $@ $^

$B/alone/lua.wasm: tests/alone/lua.sh tests/alone/lua.c $B/alone/lua_glue.o
	$(call say,WASM,$@)
	$Qtests/alone/lua.sh $B $(CLANG)

$B/tests/bench_preempt: $B/tests/look.o

bench-large: have-deps $B/alone/lua.wasm

bench-peers: have-deps $B/tests/bench_engine $(ALONE)
	@[ -f $B/alone/lua.wasm ] || $(MAKE) -k --no-print-directory $B/alone/lua.wasm || true
	@$B/tests/bench_engine $B peers

# every tests/bench_*.c is a program that is given the build folder and prints `BENCH name value unit`
bench: all $(BENCHES) $(ALONE)
	@for b in $(BENCHES); do $$b $B || exit 1; done

# ---- simulated against real time (tests/validate) ----
$B/tests/validate_host: $B/tests/validate_probe.o

$B/validate.elf: $B/pwsim $B/guest/kernel.wasm $(VALIDATE:%=$V/%.wasm)
	$(call say,IMAGE,$@)
	$Q$B/pwsim image build $@ .kernel=$B/guest/kernel.wasm $(foreach k,$(VALIDATE),.prog/$k=$V/$k.wasm)

$V/%.wasm: $B/guest/tests/validate/%.o $B/guest/tests/validate/guest.o $(LIB_OBJ)
	$(call say,WASM,$@)
	$Qmkdir -p $(@D) && $(CLANG) --target=wasm32-wasi -o $@ $^

$V/%.native: tests/validate/%.c $(DRIVER)
	$(call say,CC,$@)
	$Qmkdir -p $(@D) && $(CC) $(CPPFLAGS) -std=gnu11 -O2 $(WARN) -Wno-conversion -o $@ $< tests/validate/native.c -lm

$V/%.wasm2c: $B/guest/tests/validate/%.o $(DRIVER)
	$(call say,CC,$@)
	$Qmkdir -p $@.d && $(CLANG) --target=wasm32-wasi -nostartfiles -Wl,--no-entry -o $@.d/kernel.wasm $<
	$Qwasm2c -n kernel -o $@.d/kernel_wasm2c.c $@.d/kernel.wasm
	$Q$(CC) -D_GNU_SOURCE -DWASM2C -std=gnu11 -O2 -w -I. -I$@.d -I$(dir $(RUNTIME)) -o $@ $@.d/kernel_wasm2c.c tests/validate/native.c $(RUNTIME) -lm

validate-host: all $B/tests/validate_host $B/validate.elf $(VALIDATE:%=$V/%.native) $(if $(RUNTIME),$(VALIDATE:%=$V/%.wasm2c))
	@$B/tests/validate_host $B "$(MACHINE)" $(KERNELS)

# ---- the corpus of traces (traces/corpus.tsv), goldens on it, the table of policies ----
GOLDEN := traces/golden.txt

$B/usercopy.so: traces/preload/usercopy.c
	$(call say,CC,$<)
	$Qmkdir -p $(@D) && $(CC) $(CPPFLAGS) -std=gnu11 -O2 $(WARN) -fno-tree-loop-distribute-patterns -shared -fPIC -o $@ $<

corpus: all $B/mktext $B/usercopy.so
	@B=$B traces/corpus.sh $(NAME) $(MISSES)

regress: all
	$B/pwsim regress $(GOLDEN)

golden: all
	$B/pwsim regress $(GOLDEN) --write

replacement-table: all
	$B/pwsim replacement sim/configs/replacement.cfg

# ---- upkeep ----
C_FILES = $(shell git ls-files '*.c' '*.h' '*.inc')
HOST_C  = $(filter $(addsuffix /%,$(MODULES)),$(filter %.c,$(C_FILES)))

lint:
	@clang-format --dry-run -Werror $(C_FILES)
	@printf '%s\n' $(HOST_C) | xargs -P "$$(nproc)" -I{} clang-tidy --quiet {} -- $(CPPFLAGS) -std=gnu11 2>/dev/null
	@# a reply is a value: cppcheck takes it for something that points to the request. The engine's loop takes it a
	@# minute for each of four builds and each configuration, so that it gets gcc's only: all that clang's has other
	@# than that is the one jump that metered builds have, too
	@cppcheck -q -j "$$(nproc)" -U__clang__ --suppress=returnDanglingLifetime --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,portability -I. $(HOST_C)

format:
	@clang-format -i $(C_FILES)

clean:
	rm -rf build

-include $(patsubst %,$B/guest/tests/validate/%.d,guest $(VALIDATE)) $(FUZZ_SRC:%.c=$B/fuzz/%.d) $(OBJ:.o=.d) $(TESTS:=.d) $(KERNEL_OBJ:.o=.d)
