"""App Engine's API proxy with a memcache behind it: Google's own stub, over the HTTP that the SDKs speak.

usage: server.py PORT [--ticket TICKET]
What the stub does not check, as the length of keys and values, is checked here, so that a test fails on it.
"""
import argparse
import http.server
import re
import sys
import traceback

from google.appengine.api.memcache import memcache_service_pb2 as memcache
from google.appengine.api.memcache import memcache_stub
from google.appengine.ext.remote_api import remote_api_bytes_pb2 as remote_api
from google.appengine.runtime import apiproxy_errors

METHODS = {"Get": (memcache.MemcacheGetRequest, memcache.MemcacheGetResponse),
           "Set": (memcache.MemcacheSetRequest, memcache.MemcacheSetResponse),
           "Delete": (memcache.MemcacheDeleteRequest, memcache.MemcacheDeleteResponse),
           "FlushAll": (memcache.MemcacheFlushRequest, memcache.MemcacheFlushResponse)}
HEADERS = {"Content-Type": "application/octet-stream",
           "X-Google-RPC-Service-Endpoint": "app-engine-apis",
           "X-Google-RPC-Service-Method": "/VMRemoteAPI.CallRemoteAPI"}
MAX_KEY, MAX_VALUE = 250, 1_000_000
OVERHEAD = 73  # of an item, as Google's documentation has it
NAMESPACE = re.compile(r"[0-9A-Za-z._-]{0,100}")


def objection(request):
    """What the service would not take although the stub does, or None."""
    if not NAMESPACE.fullmatch(getattr(request, "name_space", "")):
        return "namespace"
    items = list(getattr(request, "item", []))
    for key in [i.key for i in items] + list(getattr(request, "key", [])):
        if not 0 < len(key) <= MAX_KEY or b"\0" in key:
            return "key"
    for item in items:
        if len(getattr(item, "value", b"")) + len(item.key) + OVERHEAD > MAX_VALUE:
            return "value"
    return None


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wrong = [name for name, value in HEADERS.items() if self.headers[name] != value]
        if self.path != "/rpc_http" or wrong or float(self.headers["X-Google-RPC-Service-Deadline"]) <= 0:
            return self.send(400, f"{self.path}: {wrong}".encode())
        return self.send(200, self.answer(remote_api.Request.FromString(body)).SerializeToString())

    def answer(self, call):
        response = remote_api.Response()
        if self.server.ticket and call.request_id != self.server.ticket:
            response.rpc_error.code = remote_api.RpcError.SECURITY_VIOLATION
            response.rpc_error.detail = f"not the ticket: {call.request_id}"
            return response
        if call.service_name != "memcache" or call.method not in METHODS:
            response.rpc_error.code = remote_api.RpcError.CALL_NOT_FOUND
            return response
        request_type, response_type = METHODS[call.method]
        request, reply = request_type.FromString(call.request), response_type()
        wrong = objection(request)
        if wrong:
            response.application_error.code = memcache.MemcacheServiceError.INVALID_VALUE
            response.application_error.detail = wrong
            return response
        try:
            self.server.stub.MakeSyncCall("memcache", call.method, request, reply)
            response.response = reply.SerializeToString()
        except apiproxy_errors.ApplicationError as error:
            response.application_error.code = error.application_error
            response.application_error.detail = error.error_detail
        except Exception:  # the stub's assertions
            traceback.print_exc()
            response.rpc_error.code = remote_api.RpcError.UNKNOWN
        return response

    def send(self, status, body):
        head = f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--ticket")
    given = arguments.parse_args()
    server = Server(("127.0.0.1", given.port), Proxy)
    server.ticket = given.ticket
    server.stub = memcache_stub.MemcacheServiceStub()
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
