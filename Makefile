# The commands of README.md. The build itself is meson and ninja, in $(BUILD).
SHELL := /bin/bash
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all test test-verbs test-verbs-asan test-clients conformance demo bench install style setup setup-tests fuzz clean
all: setup
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --prefix $(PREFIX) >/dev/null
	@ninja -C $(BUILD)

test: setup-tests all
	@tests/run $(BUILD)

# RDMA without hardware, in a user-mode kernel: tools/verbs/README.md. Under a minute.
test-verbs: setup-tests all
	@tests/verbs/run $(BUILD)

# The same under AddressSanitizer, in QEMU: some minutes; not in CI. Needs qemu-system-x86, kmod, cpio.
test-verbs-asan: setup-tests
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Db_lundef=false -Db_sanitize=address,undefined >/dev/null
	@ninja -C build-asan
	@tests/verbs/run --qemu build-asan

# Clients of other languages, which CI does not install: tests/clients/README.md.
test-clients: all
	@tests/clients/run --build $(BUILD)

# ceph/s3-tests, cloned outside the repository: tests/conformance/README.md.
conformance: all
	@tests/conformance/fetch
	@tests/conformance/run --build $(BUILD)

demo: all
	@tools/demo $(BUILD) "$(FILE)"

bench: all
	@tools/bench $(BUILD)

install: all
	@meson install -C $(BUILD)

style: setup-tests
	@tools/style

fuzz: setup-tests
	@tools/fuzz

setup:
	@tools/setup

setup-tests:
	@tools/setup --tests

clean:
	rm -rf build build-*
