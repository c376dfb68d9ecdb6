# make book       executes the chapters that changed and renders the book: _build/html/index.html
# make test       runs the unit tests, and the chapters, when anything they depend on has changed
# make preview CHAPTER=book/ch02_generalized_pareto.md      executes and renders that one chapter
# make audit      opens every page of the book in headless Chromium and prints what is wrong with it
# make lint       ruff
# make notebooks  the executed chapters as plain .ipynb files, in notebooks/
# make clean      removes what the others wrote, but not the environment
#
# Settings: QBSBP_DATA (directory with real data), QBSBP_SCALE (small or full), QBSBP_DEVICE; pip reads its PIP_* variables.

PY ?= python3
VENV ?= .venv
JOBS ?= 2
CHAPTER_SECONDS ?= 240

BIN := $(VENV)/bin
STAMPS := _build/stamps
CHAPTERS := $(sort $(wildcard book/ch*.md))
CODE := $(sort $(shell find qbsbp data_synth -type f -not -name '*.pyc') $(wildcard benchmarks/recorded/*))
TESTS := $(sort $(shell find tests benchmarks -name '*.py'))
HOUSE := Makefile README.md _config.yml _toc.yml pyproject.toml .ci/run $(wildcard book/*.md book/*.bib)
PAGES := _config.yml _toc.yml $(wildcard book/*.md book/*.bib) $(shell find book/_ext book/_static -type f -not -name '*.pyc')

# Two notebooks side by side with one thread each take a seventh of the time that they take with two threads each.
export OMP_NUM_THREADS := 1
# Chapters run in another folder than make, so a relative data directory becomes absolute here.
ifneq ($(QBSBP_DATA),)
export QBSBP_DATA := $(abspath $(QBSBP_DATA))
endif
# Byte code is written by the first process that needs a module, not for all that are installed: half the wait.
unexport MPLBACKEND PYTHONDONTWRITEBYTECODE

.PHONY: book test preview audit lint notebooks clean FORCE

book: $(STAMPS)/book
	@echo "The book is up to date: open _build/html/index.html"

test: $(STAMPS)/tests $(STAMPS)/chapters
	@echo "Tests and chapters have passed as they are now. To run them again: rm -r $(STAMPS)"

notebooks: $(STAMPS)/chapters

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt -e ".[book,test]"
	@touch $@

# Names of the inputs and values of the settings, rewritten only when one of them changes: a deleted file counts too.
$(STAMPS)/inputs: FORCE
	@mkdir -p $(STAMPS)
	@echo '$(CODE) $(QBSBP_DATA) $(QBSBP_SCALE) $(QBSBP_DEVICE)' | cmp -s - $@ || \
	 echo '$(CODE) $(QBSBP_DATA) $(QBSBP_SCALE) $(QBSBP_DEVICE)' > $@
$(STAMPS)/contents: FORCE
	@mkdir -p $(STAMPS)
	@echo '$(CHAPTERS) $(TESTS)' | cmp -s - $@ || echo '$(CHAPTERS) $(TESTS)' > $@

$(STAMPS)/tests: $(VENV)/.ready $(CODE) $(TESTS) $(HOUSE) $(STAMPS)/inputs $(STAMPS)/contents
	$(BIN)/python -m pytest -q -n $(JOBS)
	@touch $@

# Each chapter is executed once, as a test; the book renders from that run. When only chapters changed, those are
# executed; when code or a setting did, all are.
STALE = $(if $(filter-out $(CHAPTERS),$?),$(CHAPTERS),$(filter $(CHAPTERS),$?))
NBMAKE = $(BIN)/python -m pytest -q --nbmake --overwrite --nbmake-timeout=$(CHAPTER_SECONDS) \
 --timeout=$(CHAPTER_SECONDS) --durations=0 -p no:cacheprovider

$(STAMPS)/chapters: $(VENV)/.ready $(CHAPTERS) $(CODE) $(STAMPS)/inputs
	@mkdir -p notebooks
	$(BIN)/jupytext --quiet --to ../notebooks//ipynb $(STALE)
	$(NBMAKE) -n $(JOBS) $(STALE:book/%.md=notebooks/%.ipynb)
	@touch $@

$(STAMPS)/book: $(STAMPS)/chapters $(STAMPS)/contents $(PAGES) book/_tools/render.py
	$(BIN)/python book/_tools/render.py . $(CHAPTERS:book/%.md=notebooks/%.ipynb)
	@touch $@

# One chapter with the landing page, the glossary and the bibliography, in a folder of its own. Its notebook lies beside
# the others, so that relative paths mean the same in it.
PREVIEW = notebooks/preview-$(CHAPTER:book/%.md=%.ipynb)
preview: $(VENV)/.ready
	@test -f "$(CHAPTER)" || { echo "make preview needs a chapter: make preview CHAPTER=book/NAME.md"; exit 2; }
	@mkdir -p notebooks
	$(BIN)/jupytext --quiet --to ipynb --output $(PREVIEW) $(CHAPTER)
	$(NBMAKE) $(PREVIEW)
	$(BIN)/python book/_tools/render.py --only $(CHAPTER) _build/preview/$(CHAPTER:book/%.md=%) $(PREVIEW)

$(VENV)/.ready-audit: $(VENV)/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[audit]"
	@touch $@

node_modules/axe-core/axe.min.js:
	@command -v npm > /dev/null || { echo "make audit needs npm to fetch axe-core: install Node.js (Debian: apt-get install npm)"; exit 2; }
	npm install --no-save --no-package-lock --no-audit --no-fund --silent axe-core@4

audit: $(STAMPS)/book $(VENV)/.ready-audit node_modules/axe-core/axe.min.js
	$(BIN)/python book/_tools/audit.py _build/html

lint: $(VENV)/.ready
	$(BIN)/ruff check

clean:
	rm -rf _build notebooks .pytest_cache .ruff_cache .hypothesis
