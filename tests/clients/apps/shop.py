"""Half of a shop, in Flask; shop.js is the other half, in Express. Both keep one session under one cookie."""

import os
import time
from datetime import datetime, timezone

from coatcheck import CoatcheckSessionInterface
from flask import Flask, session

app = Flask(__name__)
app.config.update(SESSION_COOKIE_NAME="sid", SESSION_EXPRESS_SECRET=os.environ["SESSION_SECRET"])
app.session_interface = CoatcheckSessionInterface(app)


@app.get("/")
def show():
    return dict(session)


@app.get("/hello")
def hello():
    return "hello"


@app.post("/login/<user>")
def login(user):
    app.session_interface.regenerate(session)
    session["user"] = user
    return "in"


@app.post("/logout")
def logout():
    session.clear()
    return "out"


@app.post("/put/<key>/<value>")
def put(key, value):
    session[key] = value
    return "put"


@app.post("/slow/<key>/<value>")
def slow(key, value):
    session.get(key)
    time.sleep(0.6)
    session[key] = value
    return "put"


@app.post("/cart/<item>")
def add(item):
    session.setdefault("cart", []).append(item)
    return "added"


VALUES = {
    "none": None,
    "yes": True,
    "float": 1.5,
    "text": "naïve 😀",
    "bytes": b"\x00\xff",
    "list": [1, {"a": []}],
    "time": datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc),
    "milliseconds": 1700000000123,
    "big": 2**60,
    "huge": 2**64 - 1,
    "low": -(2**63),
}


@app.post("/values")
def put_values():
    session.update(VALUES)
    return "put"


@app.get("/values")
def look_at_values():
    return {key: f"{type(session[key]).__name__} {session[key]}" for key in VALUES if session.get(key) != VALUES[key]}


# Some apps warm up like this before gunicorn forks; the workers must not share the connection that it opened.
app.test_client().post("/put/warm/up")
