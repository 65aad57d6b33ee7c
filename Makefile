# nfsroot: `make help` lists the targets.  Everything but `make help` may be run from a clean clone.

RECIPE ?= kerrighed
VERSION ?=
ENGINE ?= sandbox
OUTPUT ?= output
PYTEST ?=

# What a build needs on the host; what the lab needs beside it, a rack's servers and an emulator with its firmware;
# what only the tests need, and the tools beside which the benchmark runs us.
BUILD_PACKAGES := python3-venv mmdebstrap bubblewrap
LAB_PACKAGES := nginx dnsmasq-base iproute2 isc-dhcp-server ipxe-qemu kea-dhcp4-server nfs-ganesha nfs-ganesha-vfs \
	openssh-client ovmf qemu-system-x86 rpcbind seabios tftpd-hpa zstd
TEST_PACKAGES := busybox catatonit chromium grub-common initramfs-tools-core libcap2-bin libnfs-utils locales podman shellcheck squashfs-tools tftp-hpa
BENCH_PACKAGES := debootstrap kea-admin kpartx mkosi qemu-utils sudo zstd

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
NFSROOT := .venv/bin/nfsroot
FLAGS := --output $(OUTPUT) --engine $(ENGINE) $(if $(VERSION),--version $(VERSION)) $(if $(REFRESH),--refresh)

# The packages among $(1) that are not installed.
missing = $$(for package in $(1); do \
	dpkg-query --show --showformat='$${db:Status-Abbrev}' $$package 2>/dev/null | grep -q '^ii' || printf '%s ' $$package; \
	done)

# Install those of the packages $(1) that are missing; no daemon among them is started (policy-rc.d, invoke-rc.d(8)).
define install
	@missing="$(call missing,$(1))"; \
	if [ -n "$$missing" ]; then \
		echo "installing $$missing"; \
		$(SUDO) sh -ec ' \
			policy=/usr/sbin/policy-rc.d; \
			if [ ! -e $$policy ]; then \
				printf "#!/bin/sh\nexit 101\n" > $$policy; chmod 755 $$policy; trap "rm $$policy" EXIT; \
			fi; \
			apt-get update -qq; \
			DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$$@" >/dev/null' \
			install $$missing; \
	fi
endef

# The locks name versions and digests of everything, the build backend included: nothing unverified is installed.
define venv
	@test -x .venv/bin/pip || python3 -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
endef

.PHONY: help
help:  ## list the targets
	@echo "make image RECIPE=NAME [VERSION=V] [ENGINE=docker] [REFRESH=1]"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

.PHONY: image
image: announce build-packages .venv/installed  ## build a recipe's release, setting up what that needs
	@$(SUDO) $(NFSROOT) build $(RECIPE) $(FLAGS)

.PHONY: announce
announce:
	@echo "nfsroot: building recipe $(RECIPE)"
	@missing="$(call missing,$(BUILD_PACKAGES))"; \
	echo "  Debian packages to install: $${missing:-none, all are here}"
	@echo "  steps: packages, .venv, builder image (once), archive, tree, initramfs, pxegrub, overlay, server bundle"

.PHONY: plan
plan: .venv/installed  ## say what `make image` would do, and why
	@$(NFSROOT) plan $(RECIPE) --output $(OUTPUT)

.PHONY: lab
lab: build-packages lab-packages .venv/installed  ## boot nodes of releases and check them: make lab RELEASE=output/NAME/VERSION [MATRIX=quick|full] [FAULT=all]
	@$(SUDO) $(NFSROOT) lab $(RELEASE) $(if $(NODES),--nodes '$(NODES)') $(if $(FIRMWARE),--firmware $(FIRMWARE)) \
		$(if $(NIC),--nic $(NIC)) $(if $(DHCP),--dhcp $(DHCP)) $(if $(TFTP),--tftp $(TFTP)) \
		$(if $(SERVER),--server $(SERVER)) $(if $(MATRIX),--matrix $(MATRIX)) $(FAULT:%=--fault %) \
		$(if $(SSH_KEY),--ssh-key $(SSH_KEY))

.PHONY: test
test: build-packages lab-packages test-packages .venv/tested  ## run the linters and every test but those of test-full
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(SUDO) .venv/bin/pytest tests/unit --numprocesses=2 $(PYTEST)
	$(SUDO) .venv/bin/pytest --ignore=tests/boot --ignore=tests/unit -m 'not full' $(PYTEST)
	$(SUDO) .venv/bin/pytest tests/boot -m 'not alone and not full' --numprocesses=2 --dist=loadfile $(PYTEST)
	$(SUDO) .venv/bin/pytest tests/boot -m 'alone and not full' $(PYTEST)

.PHONY: test-full
test-full: build-packages lab-packages test-packages .venv/tested  ## run the tests that `make test` leaves out: slow ones of what rarely breaks
	$(SUDO) .venv/bin/pytest -m full $(PYTEST)

.PHONY: test-quick
test-quick: .venv/tested  ## run the tests that need neither root nor a build
	.venv/bin/pytest tests/unit --numprocesses=2 $(PYTEST)

.PHONY: bench
bench: image bench-packages .venv/tested  ## time builds beside other tools on the same packages; takes long, in memory
	$(SUDO) .venv/bin/python tests/bench/bench.py --recipe $(RECIPE)

.PHONY: bench-boots
bench-boots: build-packages lab-packages .venv/tested  ## boot releases beside stock ones: make bench-boots RELEASE="output/NAME/VERSION ..."
	$(SUDO) .venv/bin/python tests/bench/boots.py $(RELEASE)

.PHONY: bench-storm
bench-storm: build-packages lab-packages bench-packages .venv/tested  ## boot 1, 2, 4 and 8 nodes and simulate hundreds, beside what capacity estimates
	$(SUDO) .venv/bin/python tests/bench/storm.py

.PHONY: lock
lock: .venv/tested  ## write the requirements locks anew
	.venv/bin/pip install --quiet pip-tools
	.venv/bin/pip-compile $(LOCK_FLAGS) --output-file requirements.lock pyproject.toml
	.venv/bin/pip-compile $(LOCK_FLAGS) --extra dev --output-file requirements-dev.lock pyproject.toml

LOCK_FLAGS := --quiet --build-deps-for editable --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: clean
clean:  ## remove what make made here; releases in output/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

.PHONY: build-packages
build-packages:
	$(call install,$(BUILD_PACKAGES))

.PHONY: lab-packages
lab-packages:
	$(call install,$(LAB_PACKAGES))

.PHONY: test-packages
test-packages:
	$(call install,$(TEST_PACKAGES))

.PHONY: bench-packages
bench-packages:
	$(call install,$(BENCH_PACKAGES))

.venv/installed: requirements.lock pyproject.toml
	$(call venv,requirements.lock)

.venv/tested: requirements-dev.lock pyproject.toml
	$(call venv,requirements-dev.lock)
	@touch .venv/installed
