import sys

for name in [name for name in sys.modules if name.startswith('pygments')]:
    del sys.modules[name]
