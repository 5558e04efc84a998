#!/usr/bin/env python3
"""Verifies an export of a Holdpoint audit log as docs/audit.md describes it. Independent of Holdpoint's code; standard library only
(signatures are checked where the package `cryptography` is installed). Usage: verify.py DIR [VERIFIER-KEY-FILE]"""
import base64
import hashlib
import json
import os
import re
import sys

faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def sha(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    """RFC 8785 for what events hold: strings, whole numbers, booleans, null. Their keys are ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m.group()):04x}", text)


def leaf_hash(data):
    return sha(b"\0" + data)


def root(hashes):
    """RFC 6962, section 2.1."""
    if not hashes:
        return sha(b"")
    level = list(hashes)
    while len(level) > 1:
        up = [sha(b"\1" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = up + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def tile_path(level, index, width):
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join(["x" + p for p in parts[:-1]] + parts[-1:])
    return f"tile/{level}/{path}" + ("" if width == 256 else f".p/{width}")


def read(path):
    with open(os.path.join(directory, path), "rb") as file:
        return file.read()


def expect(path, data):
    expected.add(path)
    try:
        if read(path) != data:
            fault(path, "altered")
    except OSError:
        fault(path, "missing")


def check_events(lines):
    """Chains, order and hashes; gives the leaves of the tree."""
    heads, closed, leaves = {}, set(), []
    for index, line in enumerate(lines):
        where = f"event {index}"
        event = json.loads(line)
        if canonical(event).encode() != line:
            fault(where, "not in canonical form")
        claimed = event.pop("hash")
        computed = sha(canonical(event).encode()).hex()
        if claimed != computed:
            fault(where, "the text does not have its hash")
        session = event["session"]
        seq, prev = heads.get(session, (0, "0" * 64))
        if event["seq"] != seq or event["prev"] != prev:
            fault(where, f"does not continue session {session}")
        if session in closed:
            fault(where, f"session {session} was closed before")
        if event["kind"] == "session.close":
            closed.add(session)
        heads[session] = (event["seq"] + 1, computed)
        leaves.append(canonical({"hash": computed, "seq": event["seq"], "session": session}).encode())
    return leaves


def check_tiles(leaves):
    level, hashes = 0, [leaf_hash(data) for data in leaves]
    for start in range(0, len(leaves), 256):
        chunk = leaves[start : start + 256]
        bundle = b"".join(len(data).to_bytes(2, "big") + data for data in chunk)
        expect(tile_path("entries", start // 256, len(chunk)), bundle)
    while hashes:
        tiles = [hashes[i : i + 256] for i in range(0, len(hashes), 256)]
        for index, tile in enumerate(tiles):
            expect(tile_path(level, index, len(tile)), b"".join(tile))
        hashes = [root(tile) for tile in tiles if len(tile) == 256]
        level += 1
    for folder, _, names in os.walk(os.path.join(directory, "tile")):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), directory)
            if path not in expected:
                fault(path, "not part of the log")


def check_checkpoint(where, note, hashes, key):
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    origin, size, encoded = text.split("\n")[:3]
    name, key_id, public = key
    if origin != name:
        fault(where, f"a checkpoint of {origin}")
    if int(size) > len(hashes):
        fault(where, f"covers {size} events, and there are {len(hashes)}")
    elif base64.b64decode(encoded) != root(hashes[: int(size)]):
        fault(where, "does not fit the events")
    ours = []
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        blob = base64.b64decode(blob)
        if dash == "\u2014" and signer == name and blob[:4] == key_id:
            ours.append(blob[4:])
    if not ours:
        fault(where, "not signed by the log's key")
    for signature in ours if Ed25519PublicKey else []:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
        except InvalidSignature:
            fault(where, "the signature does not verify")


def read_key(line):
    name, key_id, encoded = line.strip().split("+", 2)
    blob = base64.b64decode(encoded)
    if blob[0] != 1 or sha(name.encode() + b"\n" + blob)[:4].hex() != key_id:
        sys.exit("not an Ed25519 verifier key")
    return name, bytes.fromhex(key_id), blob[1:]


try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

directory, expected = sys.argv[1], set()
key = read_key(open(sys.argv[2]).read() if len(sys.argv) > 2 else read("key.pub").decode())
events = read("events.ndjson").split(b"\n")
if events.pop() != b"":
    fault("events.ndjson", "its last line has no end")
leaves = check_events(events)
check_tiles(leaves)
hashes = [leaf_hash(data) for data in leaves]
notes = [json.loads(line)["note"] for line in read("checkpoints.ndjson").decode().splitlines()]
for i, note in enumerate(notes):
    check_checkpoint(f"checkpoint {i}", note, hashes, key)
newest = read("checkpoint").decode()
check_checkpoint("checkpoint", newest, hashes, key)
if int(newest.split("\n")[1]) != len(events):
    fault("checkpoint", "does not cover every event")
signed = "signatures checked" if Ed25519PublicKey else "signatures NOT checked: no package cryptography"
print("\n".join(faults) or f"proven: {len(events)} events, {len(notes)} checkpoints ({signed})")
sys.exit(1 if faults else 0)
