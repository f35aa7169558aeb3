# The front door. On Debian 12, as root, everything that is missing is installed first.
#
#   make test    build, then run all tests
#   make demo    build, then adapt a small network that ships here to new classes
#   make check   what must hold before a change is merged; contains the demo
#   make build   build/release/tools/trady
#   make clean   remove build/

JOBS ?= $(shell nproc)

.PHONY: build test demo check clean
.DEFAULT_GOAL := build

build:
	@tools/install_dependencies.sh
	@cmake --preset release
	@cmake --build --preset release --parallel $(JOBS)

test: build
	@ctest --test-dir build/release --output-on-failure --parallel $(JOBS)

demo: build
	@tools/demo.sh build/release/tools/trady

check:
	@JOBS=$(JOBS) .ci/check.sh

clean:
	rm -rf build
