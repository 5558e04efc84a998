"""Connects with a given libpq of Postgres 18 or later, whose OAuth flow is replaced by a function that has the token already.

    libpq.py LIBRARY < {"conninfo": "...", "token": "..." or null, "sql": "..."}

Prints one line of JSON: {"ok", "error", "value", "asked": [{"configuration", "scope"}]}.
"""
import ctypes
import json
import sys

CONNECTION_OK = 0
OAUTH_BEARER_TOKEN = 1


class BearerRequest(ctypes.Structure):
    """PGoauthBearerRequest of libpq-fe.h."""

    _fields_ = [
        ("configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


asked = []
given = json.load(sys.stdin)
libpq = ctypes.CDLL(sys.argv[1])
token = None if given["token"] is None else ctypes.c_char_p(given["token"].encode())


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def hook(kind, connection, data):
    if kind != OAUTH_BEARER_TOKEN:
        return 0
    request = ctypes.cast(data, ctypes.POINTER(BearerRequest)).contents
    asked.append(
        {
            "configuration": request.configuration and request.configuration.decode(),
            "scope": request.scope and request.scope.decode(),
        }
    )
    if token is None:
        return -1
    request.token = token
    return 1


libpq.PQsetAuthDataHook(hook)
for name in ("PQconnectdb", "PQexec"):
    getattr(libpq, name).restype = ctypes.c_void_p
for name in ("PQerrorMessage", "PQgetvalue"):
    getattr(libpq, name).restype = ctypes.c_char_p
connection = ctypes.c_void_p(libpq.PQconnectdb(given["conninfo"].encode()))
ok = libpq.PQstatus(connection) == CONNECTION_OK
value = None
if ok:
    result = ctypes.c_void_p(libpq.PQexec(connection, given["sql"].encode()))
    value = libpq.PQgetvalue(result, 0, 0).decode()
error = libpq.PQerrorMessage(connection).decode()
libpq.PQfinish(connection)
print(json.dumps({"ok": ok, "error": error, "value": value, "asked": asked}))
