#!/usr/bin/env python3
"""What a release is made of: completes the list of crates that cargo-cyclonedx wrote (SBOM, CycloneDX) by what is inside and
is no crate, and gathers the licences of all of it.

tools/contents.py CRATES.json SBOM.json LICENCES.txt"""
import json
import os
import pathlib
import re
import subprocess
import sys

crates, completed, licences = map(pathlib.Path, sys.argv[1:])
# Where it was built is nobody's business, and would make every folder's list another one.
made = json.loads(crates.read_text().replace(f"path+file://{os.getcwd()}#", "pkg:cargo/"))
depends = {one["ref"]: one.setdefault("dependsOn", []) for one in made["dependencies"]}
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
sources = {(one["name"], one["version"]): pathlib.Path(one["manifest_path"]).parent for one in metadata["packages"]}
TEXT = re.compile("(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)
under = {}  # a text, and who is under it


def add(user, component):
    ref = component["purl"]
    made["components"].append({"type": "library", "bom-ref": ref, "scope": "required", **component})
    made["dependencies"].append({"ref": ref})
    depends[user].append(ref)


for component in [one for one in made["components"] if one["scope"] == "required"]:
    name, version = component["name"], component["version"]
    source = sources[name, version]
    texts = [file.read_text(errors="replace").strip() for file in sorted(source.iterdir()) if TEXT.match(file.name) and file.is_file()]
    terms = " or ".join(one["expression"] for one in component["licenses"])
    for text in texts or [f"(The package holds no text. It is under {terms}.)"]:
        under.setdefault(text, []).append(f"{name} {version}")
    if name == "libsqlite3-sys":
        held = re.search(r'#define SQLITE_VERSION +"([\d.]+)"', (source / "sqlite3/sqlite3.h").read_text())[1]
        purl, cpe = f"pkg:generic/sqlite@{held}", f"cpe:2.3:a:sqlite:sqlite:{held}:*:*:*:*:*:*:*"
        terms = [{"license": {"id": "blessing"}}]
        add(component["bom-ref"], {"name": "sqlite", "version": held, "licenses": terms, "cpe": cpe, "purl": purl})

for line in subprocess.check_output(["tools/vendor.sh", "--list"], text=True).splitlines():
    name, version, licence, digest = line.split()
    hashes, terms = [{"alg": "SHA-256", "content": digest}], [{"license": {"id": licence}}]
    part = {"name": name, "version": version, "hashes": hashes, "licenses": terms, "purl": f"pkg:npm/{name}@{version}"}
    add(made["metadata"]["component"]["bom-ref"], part)
    text = pathlib.Path(f"static/vendor/{name}.LICENSE").read_text().strip()
    under.setdefault(text, []).append(f"{name} {version}")

completed.write_text(json.dumps(made, indent=2) + "\n")
with licences.open("w") as out:
    out.write("Besides its own sources, Sally is made of the following, each under its own licence.\n")
    for text, names in under.items():
        out.write(f"\n{'=' * 80}\n{', '.join(names)}\n{'-' * 80}\n\n{text}\n")
