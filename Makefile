# make demo   see the whole product at work        make demo ARGS=--once   …and end by itself
# make test   every check and every test           make test ARGS="-k eve" …or some of the tests
# Both do all their own set-up in .venv. Python 3.11 or later is all they need.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One process more than there are cores: many tests wait for processes, sockets and browsers.
CI_ARGS ?= -n $(shell expr $$(nproc 2>/dev/null || echo 2) + 1) --dist worksteal

# Hundreds of databases that sync every commit: in memory where there is room, or the disk sets the pace.
IN_MEMORY := folder=$$(test "$$(df -Pk /dev/shm 2>/dev/null | awk 'END { print $$4 }')" -gt 4000000 2>/dev/null \
	&& mktemp -d /dev/shm/runup-tests-XXXXXX || mktemp -d) && trap 'rm -rf "$$folder"' EXIT &&

.PHONY: help demo test check test-long bench lock clean

help:
	@sed -n 's/^# //p' Makefile | head -3

demo: $(VENV)/.for-demo
	@$(BIN)/runup demo $(ARGS)

test: check chromium
	@$(IN_MEMORY) $(BIN)/pytest --basetemp="$$folder/tests" $(CI_ARGS) -m "not long" $(ARGS)

check: $(VENV)/.for-test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

test-long: $(VENV)/.for-test chromium
	@$(BIN)/pytest -m long $(ARGS)

bench: $(VENV)/.for-test
	@$(BIN)/python bench/sends.py $(ARGS)

# Spam filters, the HTML validator and axe on every email: some minutes, and tools that nothing else needs.
.PHONY: check-emails
check-emails: $(VENV)/.for-test chromium
	@command -v spamassassin >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends spamassassin >/dev/null; \
	  else \
	    echo "Checking the emails needs SpamAssassin (Debian: sudo apt-get install spamassassin)." >&2; exit 1; \
	  fi; }
	@for need in java npm; do command -v $$need >/dev/null || { echo "Checking the emails needs $$need." >&2; exit 1; }; done
	@mkdir -p .artifacts/check-emails
	@npm install --prefix .artifacts/check-emails --no-audit --no-fund --ignore-scripts --silent axe-core vnu-jar
	@$(BIN)/python tests/support/check_emails.py .artifacts/check-emails $(ARGS)

# The words of the site for translators: brings runup/web/locale/*.po up to date.
.PHONY: messages
messages: $(VENV)/.for-test
	@$(BIN)/python tests/support/catalogs.py

# Our calendar files as three other programs read them: a minute, npm, and a throw-away venv.
.PHONY: check-calendar
check-calendar: $(VENV)/.for-test
	@command -v npm >/dev/null || { echo "Checking the calendar files needs npm." >&2; exit 1; }
	@mkdir -p .artifacts/check-calendar
	@npm install --prefix .artifacts/check-calendar --no-audit --no-fund --ignore-scripts --silent ical.js
	@test -d .artifacts/check-calendar/venv || $(PYTHON) -m venv .artifacts/check-calendar/venv
	@.artifacts/check-calendar/venv/bin/python -m pip --disable-pip-version-check --quiet install ics
	@$(BIN)/python tests/support/check_calendar.py .artifacts/check-calendar

# axe and the HTML validator on every page of the site, phone and desk, light and dark, in every language: two minutes.
.PHONY: check-site
check-site: $(VENV)/.for-test chromium
	@for need in java npm; do command -v $$need >/dev/null || { echo "Checking the site needs $$need." >&2; exit 1; }; done
	@mkdir -p .artifacts/check-site
	@npm install --prefix .artifacts/check-site --no-audit --no-fund --ignore-scripts --silent axe-core vnu-jar
	@$(BIN)/python tests/support/check_site.py .artifacts/check-site

# What Lighthouse says of the landing page: a few minutes, and npm.
.PHONY: lighthouse
lighthouse: $(VENV)/.for-test chromium
	@command -v npm >/dev/null || { echo "Lighthouse needs npm." >&2; exit 1; }
	@mkdir -p .artifacts/lighthouse
	@npm install --prefix .artifacts/lighthouse --no-audit --no-fund --ignore-scripts --silent lighthouse
	@$(BIN)/python bench/lighthouse.py .artifacts/lighthouse $(ARGS)

# Our emails through a real Postfix, OpenDKIM and Dovecot on loopback. Installing them starts nothing.
.PHONY: check-mail-server
MAIL_SERVERS := postfix opendkim dovecot-lmtpd dovecot-imapd
check-mail-server: $(VENV)/.for-test
	@test "$$(id -u)" = 0 || { echo "Checking with real mail servers needs root: only root can start them." >&2; exit 1; }
	@PATH="$$PATH:/usr/sbin"; { command -v postfix && command -v opendkim && command -v dovecot && command -v /usr/lib/dovecot/imap; } >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "Checking with real mail servers needs $(MAIL_SERVERS)." >&2; exit 1; }; \
	  test -e /usr/sbin/policy-rc.d || { trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
	    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(MAIL_SERVERS) >/dev/null; }
	@$(BIN)/python tests/support/check_mail_server.py

# The browser of the browser tests comes from the system: a browser is too large for a lock file.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing Chromium for the browser tests…"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else \
	    echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium) and run make test again." >&2; exit 1; \
	  fi; }

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "runup needs Python 3.11 or later with venv (Debian: sudo apt-get install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.for-demo: requirements.lock pyproject.toml | $(VENV)/.made
	@echo "Setting up…"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.for-test: requirements-dev.lock pyproject.toml | $(VENV)/.made
	@echo "Setting up…"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# The locks name versions and hashes, and no place to download from.
lock: | $(VENV)/.made
	@$(PIP) install uv
	@for extra in "" -dev; do $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" pyproject.toml --group build \
	  $$(test -n "$$extra" && echo --group dev) -o requirements$$extra.lock; done

clean:
	rm -rf $(VENV) .artifacts .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
