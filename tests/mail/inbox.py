"""A mail server on loopback that keeps what it gets: STARTTLS on the first port, TLS on the second, both with a password.

Each message becomes one line of JSON in the given file: how it came, from whom, for whom, and its text.
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keeper:
    def __init__(self, way, path):
        self.way, self.path = way, path

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {
            "way": self.way,
            "tls": session.ssl is not None or self.way == "tls",
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "from": message["from"],
            "to": envelope.rcpt_tos,
            "headers": sorted(name.lower() for name in message.keys()),
            "subject": message["subject"],
            "text": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
        }
        with open(self.path, "a") as out:
            out.write(json.dumps(kept) + "\n")
        return "250 kept"


def check(server, session, envelope, mechanism, auth_data):
    good = (auth_data.login, auth_data.password) == (b"sally", b"let me/in")
    # Not handled: the server itself says no, at once.
    return AuthResult(success=good, handled=False, auth_data=auth_data if good else None)


def main():
    path, cert, key, starttls_port, tls_port = sys.argv[1:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    shared = {"authenticator": check, "auth_required": True}
    Controller(
        Keeper("starttls", path), hostname="127.0.0.1", port=int(starttls_port),
        tls_context=context, require_starttls=True, **shared,
    ).start()
    Controller(
        Keeper("tls", path), hostname="127.0.0.1", port=int(tls_port),
        ssl_context=context, auth_require_tls=False, **shared,
    ).start()
    print("ready", flush=True)
    asyncio.new_event_loop().run_forever()


main()
