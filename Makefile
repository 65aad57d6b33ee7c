# nfsroot: `make help` lists the targets.  Each of them works in a clean clone.

RECIPE ?= kerrighed
VERSION ?=
ENGINE ?= sandbox
OUTPUT ?= output
PYTEST ?=

# Debian packages: those that a build needs on the host; those of the lab, with its servers, and an emulator with its
# firmware; those that make and check the package nfsroot-site; those of the tests; and the tools that the benchmark runs
# beside nfsroot.
BUILD_PACKAGES := python3-venv mmdebstrap bubblewrap
LAB_PACKAGES := nginx dnsmasq-base iproute2 isc-dhcp-server ipxe-qemu kea-dhcp4-server nfs-ganesha nfs-ganesha-vfs \
	openssh-client ovmf qemu-system-x86 rpcbind rsyslog logrotate seabios tftpd-hpa zstd
DEB_PACKAGES := debhelper dh-python dpkg-dev lintian mandoc patch
TEST_PACKAGES := apache2-utils busybox catatonit chromium curl dbus-bin dbus-daemon dbus-system-bus-common \
	docker-registry gnupg grub-common initramfs-tools-core jq libcap2-bin libnfs-utils locales podman shellcheck \
	skopeo squashfs-tools tftp-hpa xfsprogs
BENCH_PACKAGES := debootstrap kea-admin kpartx mkosi qemu-utils sudo zstd

# $(1) as one word for the shell.
quoted = '$(subst ','\'',$(1))'

# sudo(8) drops the environment but for variables whose names it is told: those that nfsroot, apt-get and the tests read,
# and those that a recipe names.  Of a recipe every word in quotes counts, which is one too many at times and never too few.
READ := SOURCE_DATE_EPOCH NFSROOT_.+ XDG_CACHE_HOME ELEMENTS_PATH DIB_.+ ([a-z]+|[A-Z]+)_(proxy|PROXY) SSH_AUTH_SOCK \
	DOCKER_HOST DOCKER_CONFIG CONTAINER_HOST NO_COLOR CI
SUDOS_OWN := HOME PATH USER LOGNAME SHELL MAIL TERM PWD LD_.+
empty :=
any_of = /^($(subst $(empty) ,|,$(strip $(1))))$$/
preserved = $$(cat -- recipes/*.toml $(call quoted,$(RECIPE)) 2>/dev/null | awk ' \
	{ count = split($$0, part, "\""); for (at = 2; at <= count; at += 2) named[part[at]] } \
	END { for (name in ENVIRON) if ((name ~ $(call any_of,$(READ)) || name in named) && name !~ $(call any_of,$(SUDOS_OWN))) \
			list = list "," name; \
		if (list) print "--preserve-env=" substr(list, 2) }')
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
AS_ROOT = $(if $(SUDO),sudo $(preserved))
NFSROOT := .venv/bin/nfsroot
OUTPUT_FLAG = --output $(call quoted,$(OUTPUT))
FLAGS = $(OUTPUT_FLAG) --engine $(call quoted,$(ENGINE)) \
	$(if $(VERSION),--version $(call quoted,$(VERSION))) $(if $(REFRESH),--refresh)

# The packages among $(1) that are not installed.
missing = $$(for package in $(1); do \
	dpkg-query --show --showformat='$${db:Status-Abbrev}' $$package 2>/dev/null | grep -q '^ii' || printf '%s ' $$package; \
	done)

# Install those of the packages $(1) that are missing; no daemon among them is started (policy-rc.d, invoke-rc.d(8)).
define install
	@missing="$(call missing,$(1))"; \
	if [ -n "$$missing" ]; then \
		echo "installing $$missing"; \
		$(AS_ROOT) sh -ec ' \
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
image: root recipe announce build-packages .venv/installed  ## build a recipe's release, setting up what that needs
	@$(AS_ROOT) $(NFSROOT) build $(call quoted,$(RECIPE)) $(FLAGS)

# Targets that need root say so before anything is installed, and name a recipe that is not there.
.PHONY: root
root:
	@test -z "$(SUDO)" || command -v sudo >/dev/null || \
		{ echo "make: this needs root, and there is no sudo: run it as root, or install sudo" >&2; exit 1; }

.PHONY: recipe
recipe:
	@test -e recipes/$(call quoted,$(RECIPE)).toml || test -f $(call quoted,$(RECIPE)) || { \
		printf 'make: there is no recipe %s; name one with RECIPE=NAME: ' $(call quoted,'$(RECIPE)') >&2; \
		ls recipes | sed -n 's/\.toml$$//p' | paste -s -d ' ' >&2; exit 2; }

.PHONY: announce
announce:
	@printf 'nfsroot: building recipe %s\n' $(call quoted,$(RECIPE))
	@missing="$(call missing,$(BUILD_PACKAGES))"; \
	echo "  Debian packages to install: $${missing:-none, all are here}"
	@echo "  steps: packages, .venv, builder image (once), archive, tree, initramfs, pxegrub, overlay, server bundle"

.PHONY: plan
plan: recipe .venv/installed  ## say what `make image` would do, and why
	@$(if $(shell command -v sudo),$(AS_ROOT)) $(NFSROOT) plan $(call quoted,$(RECIPE)) $(OUTPUT_FLAG)

.PHONY: publish
publish: .venv/installed  ## publish a release: make publish RECIPE=NAME STORE=/srv/artifacts [RELEASE=output/NAME/VERSION] [CHANNEL=test] [ALLOW_UNPROVED=1]
	@test -n $(call quoted,$(STORE)) || { echo "make: name a store: STORE=/srv/artifacts, or a URL" >&2; exit 2; }
	@$(NFSROOT) publish $(call quoted,$(or $(RELEASE),$(RECIPE))) --to $(call quoted,$(STORE)) $(OUTPUT_FLAG) \
		$(if $(CHANNEL),--channel $(call quoted,$(CHANNEL))) $(if $(LIMIT),--limit $(call quoted,$(LIMIT))) \
		$(if $(ALLOW_UNPROVED),--allow-unproved)

.PHONY: deb
deb: deb-packages .venv/installed  ## make the Debian package of nfsroot-site, for NFS servers
	@.venv/bin/python deploy/deb $(call quoted,$(OUTPUT))

# A story on a virtual server installs the package nfsroot-site there.
STORY_ON_VM := $(and $(STORY),$(filter vm,$(SERVER)))

.PHONY: lab
lab: root build-packages lab-packages $(STORY_ON_VM:%=deb) .venv/installed  ## boot nodes of releases and check them: make lab RELEASE=output/NAME/VERSION [MATRIX=quick|full] [FAULT=all] [STORY=update] [SERVER=vm]
	@$(AS_ROOT) $(NFSROOT) lab $(RELEASE) $(if $(NODES),--nodes '$(NODES)') $(if $(FIRMWARE),--firmware $(FIRMWARE)) \
		$(if $(NIC),--nic $(NIC)) $(if $(DHCP),--dhcp $(DHCP)) $(if $(TFTP),--tftp $(TFTP)) \
		$(if $(SERVER),--server $(SERVER)) $(if $(MATRIX),--matrix $(MATRIX)) $(FAULT:%=--fault %) \
		$(if $(SSH_KEY),--ssh-key $(call quoted,$(SSH_KEY))) $(if $(STORY),--story $(STORY) $(OUTPUT_FLAG))

# Two processes run tests side by side, each a file at a time: tests that share a build or a boot stand in one file.
# When one of them dies, the run ends: with files kept together, pytest-xdist would wait for ever for its successor.
SIDE_BY_SIDE := --numprocesses=2 --dist=loadfile --max-worker-restart=0

.PHONY: test
test: root build-packages lab-packages deb-packages test-packages .venv/tested .venv/servers  ## run the linters and every test but those of test-full
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(AS_ROOT) .venv/bin/pytest tests/unit --numprocesses=2 $(PYTEST)
	$(AS_ROOT) .venv/bin/pytest tests/bench tests/elements tests/integration -m 'not full' $(SIDE_BY_SIDE) $(PYTEST)
	$(AS_ROOT) .venv/bin/pytest tests/boot -m 'not full' $(SIDE_BY_SIDE) $(PYTEST)

.PHONY: test-full
test-full: root build-packages lab-packages deb-packages test-packages .venv/tested .venv/servers  ## run the tests that `make test` leaves out: slow ones of what rarely breaks
	$(AS_ROOT) .venv/bin/pytest -m full $(PYTEST)

.PHONY: test-quick
test-quick: .venv/tested  ## run the tests that need neither root nor a build
	.venv/bin/pytest tests/unit --numprocesses=2 $(PYTEST)

.PHONY: bench
bench: image bench-packages .venv/tested  ## time builds beside other tools on the same packages; takes long, in memory
	$(AS_ROOT) .venv/bin/python tests/bench/bench.py --recipe $(call quoted,$(RECIPE))

.PHONY: bench-boots
bench-boots: root build-packages lab-packages .venv/tested  ## boot releases beside stock ones: make bench-boots RELEASE="output/NAME/VERSION ..."
	$(AS_ROOT) .venv/bin/python tests/bench/boots.py $(RELEASE)

.PHONY: bench-storm
bench-storm: root build-packages lab-packages bench-packages .venv/tested  ## boot 1, 2, 4 and 8 nodes and simulate hundreds, beside what capacity estimates
	$(AS_ROOT) .venv/bin/python tests/bench/storm.py

.PHONY: bench-unpack
bench-unpack: root build-packages bench-packages test-packages .venv/tested  ## unpack two releases beside tar: make bench-unpack RELEASE="output/NAME/OLD output/NAME/NEW"
	$(AS_ROOT) .venv/bin/python tests/bench/unpacking.py $(RELEASE)

.PHONY: bench-switch
bench-switch: .venv/tested  ## switch 1,000 nodes to another release, beside install.sh
	.venv/bin/python tests/bench/switching.py

.PHONY: bench-status
bench-status: .venv/tested  ## time the status of 1,000 nodes that report
	.venv/bin/python tests/bench/site_status.py

.PHONY: bench-kills
bench-kills: root build-packages test-packages .venv/tested  ## kill unpack, switch, rollback, prune and remove at many moments: make bench-kills [KILLS=100]
	$(AS_ROOT) env NFSROOT_KILLS=$(call quoted,$(or $(KILLS),100)) .venv/bin/pytest --verbose tests/integration/site/test_site_killed.py \
		tests/integration/site/test_unpack_killed.py tests/integration/site/test_unpack_killed_inside.py $(PYTEST)

.PHONY: bench-stores
bench-stores: .venv/tested .venv/servers  ## move files to an S3 server and a registry and back, beside rclone and skopeo
	.venv/bin/python tests/bench/stores.py

.PHONY: lock
lock: .venv/tested  ## write the requirements locks anew
	.venv/bin/pip install --quiet pip-tools
	.venv/bin/pip-compile $(LOCK_FLAGS) --output-file requirements.lock pyproject.toml
	.venv/bin/pip-compile $(LOCK_FLAGS) --extra dev --output-file requirements-dev.lock pyproject.toml
	.venv/bin/pip-compile $(LOCK_FLAGS) --output-file requirements-servers.lock requirements-servers.in

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

.PHONY: deb-packages
deb-packages:
	$(call install,$(DEB_PACKAGES))

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

# Programs, 77 MB of them, that nothing but the tests of stores runs.
.venv/servers: requirements-servers.lock .venv/tested
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-servers.lock
	@touch $@
