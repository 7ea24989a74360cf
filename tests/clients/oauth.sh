#!/bin/sh
# Clients that know nothing but the address, with somebody who says yes in a real browser: oauth.sh BASE E-MAIL PASSWORD
# Needs node, npm, chromium and the package registry.
set -eu

. "$(dirname "$0")/prepare.sh"
exec node oauth.mjs "${1:?usage: oauth.sh BASE E-MAIL PASSWORD}" "${2:?}" "${3:?}"
