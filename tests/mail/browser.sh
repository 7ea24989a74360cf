#!/usr/bin/env bash
# Links that are mailed, opened in headless Chromium: browser.sh SALLY PYTHON [FOLDER FOR PICTURES], where PYTHON has
# aiosmtpd.
set -euo pipefail
sally=$(realpath "$1") python=$2
pictures=${3:+$(realpath -m "$3")}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
listen="127.0.0.1:$(port)"
SSL_CERT_FILE="$work/ca.pem" SALLY_SMTP_URL="smtps://sally:let%20me%2Fin@localhost:$tls" \
  SALLY_MAIL_FROM='Sally <sally@example.com>' SALLY_SIGN_IN_ATTEMPTS_PER_MINUTE=1000 \
  "$sally" --db mail.db serve --demo --listen "$listen" >told 2>sally.log &
pids+=($!)
for _ in $(seq 200); do curl -sf "http://$listen/health" >/dev/null && break; sleep 0.1; done
email=$(awk '/^E-mail/ {print $2}' told) password=$(awk '/^Password/ {print $2}' told)
STORY=mail bash "$here/../browser/run.sh" "http://$listen" "$email" "$password" "$work/inbox" $pictures
if grep -E 'ERROR|panic' sally.log; then exit 1; fi
