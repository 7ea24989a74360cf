#!/usr/bin/env bash
# The pages in headless Chromium, as the person who signs in sees them.
#   tests/browser/run.sh http://127.0.0.1:4000 E-MAIL PASSWORD [FOLDER FOR PICTURES]
# STORY=joining or STORY=second_factor runs another file than pages.mjs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/prepare.sh"
exec node "${STORY:-pages}.mjs" "$@"
