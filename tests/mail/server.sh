# Read by the scripts beside it, with the python that has aiosmtpd in $python and the folder in $here: a mail server on
# loopback with a certificate by an authority of its own, in a working folder that goes away. What it gets is in inbox.
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
starttls=$(port) tls=$(port)

cd "$work"
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Loopback -days 2 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout key.pem -out cert.csr -subj /CN=localhost 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >ext
openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile ext 2>/dev/null
"$python" "$here/inbox.py" inbox cert.pem key.pem "$starttls" "$tls" >ready 2>smtp.log &
pids+=($!)
for _ in $(seq 100); do grep -q ready ready && break; sleep 0.1; done
