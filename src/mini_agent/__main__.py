"""`python -m mini_agent`: the same as the console script."""

from mini_agent.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
