from stores import new_store, redis_url  # noqa: F401, fixtures of the tests
