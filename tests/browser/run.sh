#!/usr/bin/env bash
# A story in headless Chromium against a server that runs already, as the person who signs in sees it.
#   STORY=board tests/browser/run.sh http://127.0.0.1:4000 E-MAIL PASSWORD [FOLDER FOR PICTURES]
# The server wants SALLY_SIGN_IN_ATTEMPTS_PER_MINUTE=1000. Without STORY it is pages; story.sh brings a server of its own.
set -euo pipefail
pictures=${4:+$(realpath -m "$4")}
. "$(dirname "$0")/prepare.sh"
node "${STORY:-pages}.mjs" "${@:1:3}" $pictures
