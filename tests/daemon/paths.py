"""The ways to name a session, which mean the same."""

import pytest

FORMS = {
    "header": ("/v1/session", False),
    "path": ("/v1/sessions", True),
    "store-header": ("/v1/stores/default/session", False),
    "store-path": ("/v1/stores/default/sessions", True),
}


class Session:
    """A session under `id`, called in one of the forms."""

    def __init__(self, client, id, form="header"):
        self.client = client
        self.id = id
        self.base, self.in_path = FORMS[form]

    def call(self, method, action="", body=None, **headers):
        headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        if self.in_path:
            return self.client.call(method, f"{self.base}/{self.id}{action}", body, headers)
        return self.client.call(method, self.base + action, body, {"Session-Id": self.id, **headers})

    def get(self, **headers):
        return self.call("GET", **headers)

    def peek(self, **headers):
        return self.call("GET", "?peek", **headers)

    def head(self, **headers):
        return self.call("HEAD", **headers)

    def put(self, body, **headers):
        return self.call("PUT", body=body, **headers)

    def delete(self, **headers):
        return self.call("DELETE", **headers)

    def touch(self, **headers):
        return self.call("POST", "/touch", **headers)

    def meta(self, **headers):
        return self.call("GET", "/meta", **headers)


each_form = pytest.mark.parametrize("form", FORMS)
