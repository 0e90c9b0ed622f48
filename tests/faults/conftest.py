from stores import new_store, redis_url, shared_server  # noqa: F401, fixtures of the tests
