# The front door. On Debian 12, as root, everything that is missing is installed first.
#
#   make test    build, then run all tests
#   make demo    build, then adapt a small network that ships here to new classes
#   make check   what must hold before a change is merged; contains the demo
#   make build   build/release/tools/trady
#   make clean   remove build/
#   make package        build/package/*.deb: the program, and its libraries for CMake
#   make package-test   installs them in a Debian 12 of its own; needs root, debootstrap, network
#
# On a machine with an NVIDIA GPU and the CUDA toolkit (docs/gpu.md); nothing is installed:
#   make gpu-test     build everything, then all tests, compute-sanitizer, and short trainings
#   make gpu-bench    build, then measure kernels and steps beside NVIDIA's libraries and PyTorch
#   make gpu-bundle   elsewhere: gather what such a machine lacks, below 64 MiB

JOBS ?= $(shell nproc)

.PHONY: build test demo check clean package package-test gpu-test gpu-bench gpu-bundle
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

# oneDNN, zlib and no CUDA: what Debian has.
package: build
	@tools/install_dependencies.sh --package
	@rm -rf build/package
	@cpack --config build/release/CPackConfig.cmake -B build/package

package-test: package
	@tests/package/test_package.sh build/package --dev

gpu-test:
	@JOBS=$(JOBS) tools/gpu/test.sh

gpu-bench:
	@JOBS=$(JOBS) tools/gpu/bench.sh

gpu-bundle:
	@tools/gpu/bundle.sh

clean:
	rm -rf build
