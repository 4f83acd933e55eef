import os


def test_leaks():
    os.environ['LEFT'] = 'behind'
