#!/usr/bin/env bash
# Links that are mailed, opened in headless Chromium: browser.sh SALLY PYTHON [FOLDER FOR PICTURES], where PYTHON has
# aiosmtpd.
set -euo pipefail
sally=$(realpath "$1") python=$2
pictures=${3:+$(realpath -m "$3")}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
SSL_CERT_FILE="$work/ca.pem" SALLY_SMTP_URL="smtps://sally:let%20me%2Fin@localhost:$tls" SALLY_MAIL_FROM='Sally <sally@example.com>' \
  bash "$here/../browser/story.sh" "$sally" mail inbox $pictures
