import os
import sys

if 'AGAIN' not in os.environ:
    os.environ['AGAIN'] = '1'
    os.execv(sys.executable, [sys.executable, '-P', '-m', 'pytest', *sys.argv[1:], '-k', 'good'])
