"""What the client programs share: they print what they did, line by line, and the test compares the lines."""

import datetime
import decimal
import re


def show(value):
    """The same words for the same value, whatever the driver made of it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "x'" + bytes(value).hex() + "'"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {show(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(show(v) for v in value) + ")"
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return repr(value)


def say(what, *values):
    line = " ".join([what + ":", *(show(v) for v in values)])
    # Addresses of objects are no work of the database's.
    print(re.sub(r" at 0x[0-9a-f]+", "", line), flush=True)


def fails(what, error_class, work):
    """Runs what has to fail; says how. Says it, too, when it did not."""
    try:
        result = work()
    except error_class as error:
        say(what, "fails", *told(error))
    else:
        say(what, "did NOT fail", result)


def told(error):
    diag = getattr(error, "diag", None)
    parts = [type(error).__name__, getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)]
    if diag is not None:
        # All but the source line: docs/differences.md.
        for name in (
            "severity",
            "severity_nonlocalized",
            "message_primary",
            "message_detail",
            "message_hint",
            "statement_position",
            "internal_position",
            "internal_query",
            "schema_name",
            "table_name",
            "column_name",
            "datatype_name",
            "constraint_name",
            "context",
            "source_file",
            "source_function",
        ):
            parts.append(getattr(diag, name, None))
    else:
        parts.append(str(error))
    return parts
