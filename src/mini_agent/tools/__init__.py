"""Tool backends, one file per invoker behind `ClosableInvoker`, listed in `mini_agent.tools.backends`."""
