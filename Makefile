# One-line names for the commands that people have in their scripts. Nothing is decided here, and no exit code is hidden.
.PHONY: project-ready project-ready-core-only project-ready-core-only-with-docker project-ready-nd-only smokes-nd-real

NOX ?= nox
DOCKER ?= docker
# What the caller asks for holds in there, too: a variable that is not set here is not set there.
SETTINGS = STRICT_READY READINESS_EXPECT READINESS_FAIL_ON_SKIP READINESS_DISABLE_TIMEOUT ALL_SMOKES_CORE_TIMEOUT \
	PYTEST_XDIST_AUTO_NUM_WORKERS PYTEST_ADDOPTS
# The kernel must let a container make namespaces of its own, or the lane is not cut off from the network.
CONTAINER = --rm --security-opt seccomp=unconfined --volume "$(CURDIR):/work" --tmpfs /work/.nox:exec --workdir /work $(SETTINGS:%=--env %)

project-ready:
	ND_REAL=1 $(NOX) -s ready -- --policy deploy

project-ready-core-only:
	$(NOX) -s ready

project-ready-core-only-with-docker:
	DOCKER=$(DOCKER) .ci/docker-run $(CONTAINER) python:3.11 python3 bootstrap.py ready

project-ready-nd-only:
	$(NOX) -s nd

smokes-nd-real:
	ND_REAL=1 $(NOX) -s nd
