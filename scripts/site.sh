#!/usr/bin/env bash
# Builds the documentation as a site in FOLDER (default: build/site); a broken link, or a page without a place in mkdocs.yml, fails.
# Usage: site.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
site=${1:-build/site}

rm -rf build/pages
mkdir -p build/pages
# The pages keep their places, so that links between them need no rewriting.
git ls-files -z --cached --others --exclude-standard -- README.md CHANGELOG.md docs 'examples/**' 'containers/**/*.md' \
    'monitoring/**' docker-compose.yml | xargs -0 cp --parents --target-directory build/pages
NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --site-dir "$site"
echo "$site/index.html"
