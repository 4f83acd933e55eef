import os

import agent_proxy


def test_header():
    assert agent_proxy.HttpToolsInvoker.__name__ == "HttpToolsInvoker"
    assert agent_proxy.Client.timeout == 5
    assert agent_proxy.LIMIT == 3
    assert agent_proxy.REGISTRY == {}
    assert "LEFT" not in os.environ
