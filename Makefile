# The commands of README.md; the build itself is meson and ninja, in build/.
SHELL := /bin/bash
BUILD ?= build

.PHONY: all setup test demo bench install style clean
all: setup
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD)

setup:
	@tools/setup

clean:
	rm -rf build build-*
