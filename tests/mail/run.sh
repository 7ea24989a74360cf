#!/usr/bin/env bash
# Mail against a real SMTP server on loopback: run.sh SALLY PYTHON, where PYTHON has aiosmtpd. An invitation goes out with
# STARTTLS, another with TLS; with a wrong password or to a server that nobody vouches for nothing does, and no log tells
# the password.
set -euo pipefail
sally=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"

# serve NAME SMTP_URL [ENVIRONMENT…]: a server of its own that invites mia-NAME.
serve() {
  local name=$1 url=$2 listen key invited
  shift 2
  listen="127.0.0.1:$(port)"
  key=$("$sally" --db "$name.db" init --admin-email ada@example.com --admin-name Ada --workspace Acme --json 2>/dev/null |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["apiKey"])')
  env SALLY_SMTP_URL="$url" SALLY_MAIL_FROM='Sally <sally@example.com>' SALLY_PUBLIC_URL=https://sally.example.com "$@" \
    "$sally" --db "$name.db" serve --listen "$listen" >"$name.out" 2>"$name.log" &
  pids+=($!)
  for _ in $(seq 100); do curl -sf "http://$listen/health" >/dev/null && break; sleep 0.1; done
  invited=$(curl -sf "http://$listen/api/auth/invite" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -d "{\"email\":\"mia-$name@example.com\",\"role\":\"MEMBER\"}")
  grep -q '"emailed":true' <<<"$invited"
}

serve starttls "smtp://sally:let%20me%2Fin@localhost:$starttls" SSL_CERT_FILE="$work/ca.pem"
serve tls "smtps://sally:let%20me%2Fin@localhost:$tls" SSL_CERT_FILE="$work/ca.pem"
serve wrong "smtps://sally:wr0ng-passw0rd@localhost:$tls" SSL_CERT_FILE="$work/ca.pem"
serve untrusted "smtps://sally:let%20me%2Fin@localhost:$tls" SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
for _ in $(seq 900); do
  [ "$(wc -l <inbox 2>/dev/null || echo 0)" -ge 2 ] && grep -q 'was not sent' wrong.log && grep -q 'was not sent' untrusted.log && break
  sleep 0.1
done

"$python" - <<'PYTHON'
import json
kept = [json.loads(line) for line in open("inbox")]
ways = {mail["way"]: mail for mail in kept}
assert sorted(ways) == ["starttls", "tls"] and len(kept) == 2, kept
for way, mail in ways.items():
    assert mail["tls"] and mail["user"] == "sally", mail
    assert mail["to"] == [f"mia-{way}@example.com"] and mail["from"] == "Sally <sally@example.com>", mail
    assert "Ada invites you to Acme" in mail["text"], mail
    assert "https://sally.example.com/accept-invite?token=" in mail["text"].replace("=\n", ""), mail
    assert f'href="https://sally.example.com/accept-invite?token=' in mail["html"], mail
    assert {"date", "message-id", "subject"} <= set(mail["headers"]), mail
PYTHON
for name in wrong untrusted; do
  grep -q 'was not sent, it is tried again' "$name.log"
  if grep -E 'wr0ng-passw0rd|let me|let%20me|token=' "$name.log"; then echo "$name.log tells a secret"; exit 1; fi
done
echo 'mail arrives, encrypted, and nowhere else'
