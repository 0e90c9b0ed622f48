"""What schemathesis must know to test the daemon."""

import msgpack
import schemathesis


def has_large_float(value):
    """Whether there is a float beyond 64-bit integers. It is taken, but to a JSON schema it is too large an integer."""
    if isinstance(value, dict):
        return any(map(has_large_float, value.values()))
    if isinstance(value, list):
        return any(map(has_large_float, value))
    return isinstance(value, float) and abs(value) >= 2**63


def waits_long(value):
    """Whether this asks for a lock, and would hold up the test until it is free."""
    return isinstance(value, dict) and isinstance(value.get("wait_ms"), int) and value["wait_ms"] > 2000


@schemathesis.hook
def filter_case(context, case):
    # A header that is not described counts as a mistake that has to be refused, but Coatcheck ignores unknown headers.
    odd_header = any("unknown-property" in name.lower() for name in case.headers or {})
    return not odd_header and not has_large_float(case.body) and not waits_long(case.body)


@schemathesis.deserializer("application/msgpack", "application/vnd.msgpack")
def unpack(context, response):
    return msgpack.unpackb(response.content, strict_map_key=False)
