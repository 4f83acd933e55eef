"""The module of the bug that started the project."""


class HttpToolsInvoker:
    pass


class Client:
    timeout = 5


LIMIT = 3
REGISTRY = {}
