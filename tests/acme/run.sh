#!/usr/bin/env bash
# HTTPS without a proxy, with a real authority for tests on loopback: run.sh SALLY. Pebble and its name server are Debian's
# package `pebble`. A certificate is ordered and served, and a restart without the authority goes on with it. One whose time
# comes is served until the authority is there again, which has forgotten us by then. A name that leads elsewhere gets none.
# Last, a certificate of one's own.
set -euo pipefail
sally=$(realpath "$1")
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
https=$(port) http=$(port) acme=$(port) management=$(port) dns=$(port) names=$(port)
name=sally.example.test

fail() { echo "$*"; tail -n 20 sally.log; exit 1; }
# wait_for WHAT COMMAND…: what does not come within a minute does not come.
wait_for() {
  local what=$1 late=$((SECONDS + 60))
  shift
  while [ $SECONDS -lt $late ]; do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  fail "$what did not come"
}

# The authority over those who ask it by https, and over the certificate whose time comes.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=Loopback -days 2 2>/dev/null
certify() { # NAME BEGIN END
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
  printf '[ca]\ndefault_ca = us\n[us]\ndatabase = index\nserial = serial\nnew_certs_dir = .\npolicy = any\ndefault_md = sha256\n
    [any]\ncommonName = supplied\n[for]\nsubjectAltName = DNS:%s\n' "$1" >ca.cnf
  openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -extensions for -startdate "$(at "$2")" \
    -enddate "$(at "$3")" -in "$1.csr" -out "$1.pem" 2>/dev/null
}
at() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
touch index && echo 01 >serial
certify localhost yesterday tomorrow

cat >pebble.json <<JSON
{"pebble": {"listenAddress": "127.0.0.1:$acme", "managementListenAddress": "127.0.0.1:$management",
  "certificate": "localhost.pem", "privateKey": "localhost.key", "tlsPort": $https}}
JSON
pebble-challtestsrv -management "127.0.0.1:$names" -dns01 "127.0.0.1:$dns" -defaultIPv6 '' -http01 '' -https01 '' -tlsalpn01 '' \
  >names.log 2>&1 &
pids+=($!)
# Signs with a root of its own, new each time, which is in root.pem then.
authority() {
  PEBBLE_VA_NOSLEEP=1 pebble -config pebble.json -dnsserver "127.0.0.1:$dns" >>pebble.log 2>&1 &
  pebble=$!
  pids+=($!)
  wait_for 'the authority' curl -sf --cacert ca.pem "https://localhost:$management/roots/0" -o root.pem
}

cat >sally.toml <<TOML
public_url = "https://$name:$https"
listen = "127.0.0.1:$https"
tls = "acme"
acme_directory = "https://localhost:$acme/dir"
redirect_listen = "127.0.0.1:$http"
metrics = true
TOML
serve() {
  SSL_CERT_FILE="$work/ca.pem" "$sally" serve >told 2>sally.log &
  server=$!
  pids+=($!)
}
stop() {
  kill -TERM "$1"
  wait "$1" || [ "$1" != "$server" ] || fail 'the server did not end well'
}
# get ROOT PATH…: as a client that trusts this root and no other.
get() {
  local root=$1 path=$2
  shift 2
  curl -sf --cacert "$root" --resolve "*:$https:127.0.0.1" "https://${host:-$name}:$https$path" "$@"
}
logged() { grep -q -- "$1" sally.log || fail "not logged: $1"; }

"$sally" init --admin-email ada@example.com --admin-name Ada --workspace Acme --json >made 2>/dev/null
made() { python3 -c "import json; print(json.load(open('made'))['$1'])"; }

authority
serve
wait_for 'a certificate' get root.pem /health
logged "ordering a certificate for $name from localhost"
logged "$name is served with a certificate that counts until"
[ "$(get root.pem /health -o /dev/null -w '%{http_version}')" = 1.1 ]
grep -qi '^strict-transport-security: max-age' <(get root.pem /login -D - -o /dev/null)
get root.pem /login -D head -o /dev/null -c cookies --data-urlencode email=ada@example.com --data-urlencode "password=$(made password)"
grep -i '^set-cookie: sally_session=' head | grep '; Secure' >/dev/null || fail 'the cookie of a session is not Secure'
get root.pem / -b cookies | grep Ada >/dev/null || fail 'the session does not work'
get root.pem /mcp -H "Authorization: Bearer $(made mcpKey)" -H 'Content-Type: application/json' \
  -H 'Accept: application/json, text/event-stream' -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{
    "protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}' | grep serverInfo >/dev/null
get root.pem /metrics | grep -E '^sally_certificate_seconds_left [1-9]' >/dev/null
[ "$(stat -c %a sally.db.tls sally.db.tls/*)" = "$(printf '700\n700')" ] || fail 'others can look into the folder'
[ "$(stat -c %a sally.db.tls/*/* | sort -u)" = 600 ] || fail 'others can read the keys'
"$sally" doctor >looked || true
grep -q "^ok    certificate: $name, until" looked || fail "$(cat looked)"

plain() { curl -s --resolve "$name:$http:127.0.0.1" "http://$name:$http$1" -o body -w '%{http_code} %{redirect_url}' "${@:2}"; }
[ "$(plain '/tasks?x=1' -H 'Accept: text/html')" = "308 https://$name:$https/tasks?x=1" ] || fail "$(cat body)"
[ "$(plain /api/tasks -H "Authorization: Bearer $(made apiKey)")" = '421 ' ] || fail "$(cat body)"
[ "$(plain /login -H 'Accept: text/html' -d email=ada@example.com)" = '421 ' ] || fail "$(cat body)"
# What is no handshake is none.
curl -s --max-time 20 "http://127.0.0.1:$https/health" -H "Host: $name" && fail 'plain HTTP is answered beside TLS'
stop $server

# The authority is gone; the certificate is there.
stop $pebble
serve
wait_for 'the certificate that was kept' get root.pem /health
! grep 'ordering' sally.log || fail 'it was ordered though it is there'
stop $server

# Its time comes, and another name is added.
certify $name '70 days ago' '20 days'
cat $name.key $name.pem >sally.db.tls/*/$name.pem
echo 'hosts = ["tasks.example.test", "elsewhere.example.test"]' >>sally.toml
serve
wait_for 'the one whose time comes' get ca.pem /health
wait_for 'its refusal' grep 'elsewhere.example.test: localhost cannot be reached' sally.log
logged "no new certificate for $name: localhost cannot be reached: .* the present one counts until"
logged 'tasks.example.test: .* until then browsers do not come in by this name'
get ca.pem /health >/dev/null
stop $server

# The authority is back, and has forgotten us.
curl -sf "http://127.0.0.1:$names/add-a" -d '{"host":"elsewhere.example.test","addresses":["127.0.0.2"]}'
authority
serve
wait_for 'the new certificate' get root.pem /health
host=tasks.example.test wait_for 'the one for the other name' get root.pem /health
wait_for 'its refusal' grep 'no new certificate for elsewhere.example.test: localhost says it does not find this server at port 443' sally.log
get root.pem /health >/dev/null
stop $server
! grep -E 'ERROR|panic' sally.log || exit 1

# One's own, by the same name.
export SALLY_TLS=files SALLY_TLS_CERT=$name.pem SALLY_TLS_KEY=$name.key
serve
wait_for "one's own certificate" get ca.pem /health
stop $server
! SALLY_TLS_KEY=localhost.key "$sally" serve >told 2>complaint || fail 'it serves a certificate with the key of another'
grep -q 'do not fit each other' complaint || fail "$(cat complaint)"
echo 'certificates are ordered, kept, renewed and served'
